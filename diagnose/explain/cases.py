"""Cases: the worlds that agree with every observation, and what each makes of an ordinary connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

from diagnose.explain import on_the_wire, worlds
from diagnose.explain.bindings import Addresses, bindings
from diagnose.explain.evidence import Observation, Seen, departure
from diagnose.explain.faults import Holds, Judgement, judge
from diagnose.explain.senders import leads_home
from diagnose.explain.sights import Sights
from diagnose.path.egress import Egress
from diagnose.path.gateway import Conclusion
from diagnose.path.naming import addresses_in
from diagnose.path.proxying import HTTP, Answer, Onward, Reads
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Traffic, parse_address
from diagnose.path.world import Binding, Hop, Prediction, World, emits, predict
from diagnose.report.report import Verdict
from diagnose.site import EntryKind, Fact
from probes.claims import REAL_IP


@dataclass(frozen=True, slots=True)
class Case:
    """A world that agrees with the evidence, and what it makes of one sort of plain connection.

    ``sight`` is what was seen of that sort, ``binding`` the addresses that the hops had on it.
    """

    world: World
    binding: Binding
    plain: Traffic
    sight: Seen
    judgement: Judgement
    rank: tuple[int, int]


Fit = tuple[Binding, Prediction]
"""Addresses with which a world agrees with an observation, and what it then predicts of it."""


def find_cases(
    kongs: Sequence[tuple[Settings, Listener]],
    sights: Sights,
    facts: Sequence[Fact],
    addresses: Addresses,
    *,
    before_asking: bool = False,
    most: int | None = None,
) -> tuple[Case, ...]:
    """All cases of Kongs that are set so, the likeliest first; where there are ``most`` or more, any so many of them.

    ``before_asking`` is for choosing probes: it takes in what only their answers could point to.
    """

    @cache
    def can(hop: Hop, following: worlds.Hops) -> bool:
        return any(addresses.candidates(hop, following, o, Settings(), sights.visible) for o in sights.plain)

    pointers = sights.pointers(kongs, addresses, before_asking=before_asking)
    paths = worlds.paths(sights.entry, facts, pointers, can)
    fitting = worlds.all_worlds(paths, kongs, sights.entry, pointers)
    if len({(listener, settings.version) for settings, listener in kongs}) < len(kongs):
        fitting = _fitting(fitting, sights, addresses)
    found = list(islice(cases_of(fitting, sights, facts, addresses), most))
    if len(found) == most:
        return tuple(found)
    unseen = dict.fromkeys(world for case in found for world in _writing_unseen(case))
    found += cases_of(unseen, sights, facts, addresses)
    return tuple(sorted(found, key=lambda case: case.rank))


def cases_of(thinkable: Iterable[World], sights: Sights, facts: Sequence[Fact], addresses: Addresses) -> Iterator[Case]:
    """The cases of those of ``thinkable`` that agree with all, in their order.

    What contradicted the last world is asked first of the next: of thousands most fall by the same few observations.
    """
    order = list(enumerate(sights.distinct))
    for world in thinkable:
        agreed: dict[int, list[Fit]] = {}
        for number, (index, observation) in enumerate(order):
            agreed[index] = list(_agreeing(world, observation, sights, addresses))
            if not agreed[index]:
                order.insert(0, order.pop(number))
                break
        else:
            yield from _of_world(world, [agreed[index] for index in range(len(order))], sights, facts, addresses)


def _fitting(thinkable: Iterable[World], sights: Sights, addresses: Addresses) -> Iterator[World]:
    """Those of ``thinkable`` that may give the answers that came, and whose hops may have written what the echo got.

    Kong's trust has no part in either, nor in an X-Forwarded-For that had come to Kong: so it is looked at once for all
    Kongs behind the same hops.
    """
    known: dict[tuple[Listener, tuple[int, int] | None], bool] = {}
    hops: worlds.Hops | None = None
    telling = [o for o in sights.distinct if o.seen.answer is not None or _had_come(o)]
    for world in thinkable:
        if world.hops is not hops:  # all Kongs behind the same hops come in a row
            hops, known = world.hops, {}
        key = world.listener, world.settings.version
        if key not in known:
            known[key] = all(_may_be(world, o, sights, addresses) for o in telling)
        if known[key]:
            yield world


def _had_come(observation: Observation) -> bool:
    """Whether an X-Forwarded-For had come to Kong, which sent it on with its TCP peer at the end."""
    return len(observation.seen.forwarded or ()) > 1


def _may_be(world: World, observation: Observation, sights: Sights, addresses: Addresses) -> bool:
    departed, seen = sights.departed(observation), observation.seen
    for binding in bindings(world, observation, addresses, sights.visible):
        prediction = predict(world, departed, binding)
        if seen.answer is not None and seen.answer not in prediction.answers:
            continue
        if seen.clear_reply and not _answers_in_clear(world, prediction):
            continue
        conclusion = prediction.conclusion
        if not _had_come(observation) or (conclusion is not None and _sent_on(conclusion) == seen.forwarded):
            return True
    return False


def _writing_unseen(case: Case) -> Iterator[World]:
    """The world of ``case`` with the hop at fault, if it ends HTTP, writing X-Real-IP, which Kong hides from all."""
    hops = case.world.hops
    for fault in case.judgement.culprits:
        for index, hop in enumerate(hops):
            if hop.layer is fault.layer and hop.behaviour in HTTP and REAL_IP not in hop.manner.sets:
                writing = replace(hop, manner=replace(hop.manner, sets=(*hop.manner.sets, REAL_IP)))
                yield replace(case.world, hops=(*hops[:index], writing, *hops[index + 1 :]))


def _of_world(
    world: World, agreed: Sequence[Sequence[Fit]], sights: Sights, facts: Sequence[Fact], addresses: Addresses
) -> Iterator[Case]:
    """The cases of ``world``: one for each judgement on each sort of plain connection.

    ``agreed`` is how it fits each of the distinct observations, which it does.
    """
    if world.hops[0].behaviour in (Egress.NAT, Egress.NAT_POOL) and not _leaves_as_it_says(world, agreed):
        return
    rank = _rank(world, facts)
    for observation, fits in zip(sights.plain, agreed, strict=False):  # plain ones come first
        known = set()
        for binding, prediction in fits:
            judgement = _judged(world, prediction, binding, sights, addresses)
            # Whether Kong trusts its peer decides on remedies even where it does not on the judgement.
            peer = prediction.arrivals[-1].source
            if (judgement, peer) not in known:
                known.add((judgement, peer))
                yield Case(world, binding, prediction.arrivals[0], observation.seen, judgement, rank)


def _leaves_as_it_says(world: World, agreed: Sequence[Sequence[Fit]]) -> bool:
    """Whether one address serves all connections, as with a NAT; from a pool they leave by several."""
    common = set.intersection(*({binding[0] for binding, _ in fits} for fits in agreed))
    return bool(common) is (world.hops[0].behaviour is Egress.NAT)


def _judged(world: World, plain: Prediction, binding: Binding, sights: Sights, addresses: Addresses) -> Judgement:
    """The judgement of ``world``, as it predicts a plain connection.

    Where the caller's own socket has an address of the infrastructure, or leads to its own machine, and nobody said
    that it is the caller's, that Kong logs it does not tell whether it was kept or put there.
    """
    own = plain.arrivals[0].source
    claims = [(probe.claims[0].channel, departure(probe, own)) for probe in sights.claims]
    judgement = judge(world, plain, claims, binding, holding(world, binding, own, addresses), sights.forged)
    proxied = sights.entry.kind is not EntryKind.DIRECT
    shared = addresses.inventory.infrastructure(own) or (proxied and leads_home(own, sights.entry.address))
    ambiguous = shared and not addresses.senders.hold(own)
    if ambiguous and judgement.verdict in (Verdict.PRESERVED, Verdict.SPOOFABLE):
        return Judgement(Verdict.UNDETERMINED, (), judgement.forgeable)
    return judgement


def _agreeing(world: World, observation: Observation, sights: Sights, addresses: Addresses) -> Iterator[Fit]:
    departed = sights.departed(observation)
    for binding in bindings(world, observation, addresses, sights.visible):
        prediction = predict(world, departed, binding)
        if observation.seen.unlogged and _would_quote(world, prediction, departed):
            continue
        if observation.seen.clear_reply and not _answers_in_clear(world, prediction):
            continue
        if observation.seen.wire and not on_the_wire.agrees(world, prediction, observation.seen.wire):
            continue
        if agrees(prediction, observation.seen) and (not observation.plain or _names(prediction, observation, sights)):
            yield binding, prediction


def _would_quote(world: World, prediction: Prediction, departed: Traffic) -> bool:
    """Whether Kong took the caller's own PROXY header for the request line, and so has it in its access log."""
    if prediction.conclusion is None or prediction.conclusion.status != 400:
        return False
    expected = 1 if world.listener.proxy_protocol else 0
    return prediction.arrivals[-1].preface[expected : expected + 1] == departed.preface[:1]


def _answers_in_clear(world: World, prediction: Prediction) -> bool:
    """Whether the caller's handshake gets an HTTP parser's 400: from Kong, or from a proxy that the connection ends at.

    A PROXY header that is missing or cannot be read has the connection closed without a word, and where a proxy before
    that ends TLS the handshake succeeds.
    """
    if any(_ends_tls(hop) for hop in world.hops[: len(prediction.arrivals) - 1]):
        return False
    if prediction.conclusion is None:
        return Answer.REJECTED in prediction.answers
    return prediction.conclusion.status == 400 and prediction.conclusion.tls_failed


def _ends_tls(hop: Hop) -> bool:
    return hop.behaviour in HTTP or hop.manner.onward is not Onward.AS_IT_CAME


def agrees(prediction: Prediction, seen: Seen) -> bool:
    """Whether what was seen is what the world predicts; what nobody saw agrees with everything."""
    if seen.answer is not None and seen.answer not in prediction.answers:
        return False
    conclusion = prediction.conclusion
    if conclusion is None:
        return seen.logged is None and seen.forwarded is None and not seen.quoted
    if seen.in_clear is not None and seen.in_clear is not (conclusion.status == 400 and conclusion.read):
        return False
    if seen.refused is not None:
        # The access log names whom Kong took for the client; a connection without a line in it, its TCP peer.
        named = parse_address(conclusion.address) if conclusion.address else prediction.arrivals[-1].source
        return named in seen.refused
    if seen.logged is not None and parse_address(conclusion.address or "") != seen.logged:
        return False
    return seen.forwarded is None or _sent_on(conclusion) == seen.forwarded


def _sent_on(conclusion: Conclusion) -> tuple[str, ...]:
    """The elements of the X-Forwarded-For that Kong sends on."""
    line = dict(conclusion.upstream or ()).get("X-Forwarded-For", "")
    return tuple(element.strip() for element in line.split(","))


def _names(prediction: Prediction, observation: Observation, sights: Sights) -> bool:
    """Whether the headers that name the caller came to the echo as predicted."""
    if observation.seen.carried is None or prediction.conclusion is None:
        return True
    came = dict(observation.seen.carried)
    sent = {name.lower(): addresses_in(name, value) for name, value in prediction.arrivals[-1].headers}
    return all((parse_address(came.get(name, "")),) == sent.get(name, (None,)) for name in sights.naming)


def holding(world: World, binding: Binding, own: Address, addresses: Addresses) -> Holds:
    """Tells which addresses are the caller's in ``world``: those proven, and the name it leaves its own network by."""
    leaving = world.hops[0].behaviour if world.hops else Egress.DIRECT
    rightful = leaving in (Egress.NAT, Egress.NAT_POOL, Egress.HTTP_PROXY)
    left_by = binding[0] if rightful else None
    known = addresses.senders.networks is not None
    name = own if left_by is None or (known and not addresses.senders.hold(left_by)) else left_by
    return lambda address: address == name or addresses.senders.hold(address)


def _rank(world: World, facts: Sequence[Fact]) -> tuple[int, int]:
    """Order of likelihood, lowest first: configured facts contradicted, then hops that do something to the address."""
    against = sum(
        1
        for fact in facts
        for hop in world.hops
        if hop.layer is fact.layer and hop.behaviour.value not in fact.behaviours
    )
    extra = sum(hop.manner.reads is Reads.PEER or bool(hop.manner.sets) for hop in world.hops)
    return against, sum(1 for hop in world.hops if emits(hop)) + extra
