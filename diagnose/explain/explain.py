"""Explain: keep the worlds that agree with every observation, and say what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain

from diagnose.explain import worlds
from diagnose.explain.bindings import Addresses, bindings
from diagnose.explain.evidence import Observation, Seen, departure
from diagnose.explain.faults import Holds, Judgement, judge
from diagnose.owners import Kind
from diagnose.path.egress import Egress
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, Traffic, parse_address
from diagnose.path.world import Binding, Prediction, World, emits, predict
from diagnose.report.report import Certainty, Culprit, Verdict
from diagnose.site import Fact

INFRASTRUCTURE = frozenset({Kind.EDGE, Kind.BALANCER, Kind.NODE, Kind.POD_NETWORK, Kind.SERVICE})
"""Kinds of owner whose address is never a caller's."""

UNKNOWN_SOURCE = ip_address("198.18.0.2")
"""Stands for the caller's socket where no connection was made and nothing depends on it (RFC 2544)."""


@dataclass(frozen=True, slots=True)
class Case:
    """A world that agrees with the evidence, the addresses its hops had on the plain connection, and its judgement."""

    world: World
    binding: Binding
    plain: Traffic
    judgement: Judgement
    rank: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All cases that remain for ``observations``, the likeliest first.

    ``as_told`` is False where Kong's settings had to be assumed other than it was told. ``contradiction`` says, where
    no case remains, which kinds of observation no world explains together.
    """

    observations: tuple[Observation, ...]
    cases: tuple[Case, ...]
    as_told: bool = True
    contradiction: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict that every case shares; without a case, what the evidence says by itself."""
        verdicts = {case.judgement.verdict for case in self.cases}
        return verdicts.pop() if len(verdicts) == 1 else Verdict.UNDETERMINED

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """Every hop that some case finds at fault: proven if all do and nothing else could be changed instead.

        None where no witness told what became of the address: then anything may have happened to it.
        """
        if self.verdict is Verdict.UNDETERMINED and not any(o.plain and o.visible for o in self.observations):
            return ()
        found: dict[tuple[Layer, str], dict[str, None]] = {}
        counts: dict[tuple[Layer, str], int] = {}
        for case in self.cases:
            for fault in case.judgement.culprits:
                key = (fault.layer, fault.code)
                found.setdefault(key, {})[fault.behaviour] = None
                counts[key] = counts.get(key, 0) + 1
        shared = any(len(case.judgement.culprits) > 1 for case in self.cases)

        def certainty(key: tuple[Layer, str]) -> Certainty:
            return "proven" if counts[key] == len(self.cases) and not shared else "possible"

        return tuple(
            Culprit(key[0], " or ".join(behaviours), key[1], certainty(key)) for key, behaviours in found.items()
        )


def explain(
    observations: Sequence[Observation], facts: Sequence[Fact], told: Sequence[Settings], addresses: Addresses
) -> Explanation:
    """The explanation of ``observations``, which share an entry.

    ``told`` are the settings of the Kongs behind the entry, empty where none could be read. They are believed first;
    only when no world with them agrees, others are tried.
    """
    entry = observations[0].entry
    distinct = list(_distinct(observations))
    paths = list(worlds.paths(entry.kind, facts))
    if told:
        cases = _cases(worlds.all_worlds(paths, worlds.gateways(entry, told)), distinct, facts, addresses)
        if cases:
            return Explanation(tuple(observations), cases)
    peers = {str(address) for observation in observations for address in observation.visible}
    others = worlds.all_worlds(paths, worlds.alternatives(entry, told, peers))
    cases = _cases(others, distinct, facts, addresses)
    contradiction = None if cases else _contradiction(distinct)
    return Explanation(tuple(observations), cases, as_told=False, contradiction=contradiction)


def _distinct(observations: Iterable[Observation]) -> Iterator[Observation]:
    """One observation of each sort: what differs only by its nonce is predicted alike."""
    known = set()
    for observation in sorted(observations, key=lambda one: not one.plain):
        probe = observation.probe
        key = (probe.preamble, probe.claims, observation.seen, observation.sent.socket)
        if key not in known:
            known.add(key)
            yield observation


def _cases(
    candidates: Iterable[World], distinct: Sequence[Observation], facts: Sequence[Fact], addresses: Addresses
) -> tuple[Case, ...]:
    found = chain.from_iterable(_of_world(world, distinct, facts, addresses) for world in candidates)
    return tuple(sorted(found, key=lambda case: case.rank))


def _of_world(
    world: World, distinct: Sequence[Observation], facts: Sequence[Fact], addresses: Addresses
) -> Iterator[Case]:
    """The cases of ``world``: one for each judgement that a thinkable binding of the plain connections leads to."""
    agreeing: list[list[Binding]] = []
    for observation in distinct:
        agreeing.append(list(_agreeing(world, observation, addresses, first=not observation.plain)))
        if not agreeing[-1]:
            return
    plain = next((i for i, observation in enumerate(distinct) if observation.plain), 0)
    departed = _departed(distinct[plain], distinct)
    claims = [
        (observation.probe.claims[0].channel, _departed(observation, distinct))
        for observation in distinct
        if observation.probe.claims
    ]
    known: set[Judgement] = set()
    for binding in agreeing[plain]:
        judgement = judge(world, departed, claims, binding, holding(world, binding, departed.source, addresses))
        if judgement not in known:
            known.add(judgement)
            yield Case(world, binding, departed, judgement, _rank(world, facts))


def _agreeing(world: World, observation: Observation, addresses: Addresses, *, first: bool) -> Iterator[Binding]:
    departed = _departed(observation, ())
    for binding in bindings(world, observation, addresses):
        if agrees(predict(world, departed, binding), observation.seen):
            yield binding
            if first:
                return


def _departed(observation: Observation, others: Sequence[Observation]) -> Traffic:
    """The connection as it left the caller; where none was made, from where another one was."""
    if observation.traffic is not None:
        return observation.traffic
    known = next((other.traffic.source for other in others if other.traffic is not None), UNKNOWN_SOURCE)
    return departure(observation.probe, known)


def agrees(prediction: Prediction, seen: Seen) -> bool:
    """Whether what was seen is what the world predicts; what nobody saw agrees with everything."""
    if seen.answer is not None and seen.answer not in prediction.answers:
        return False
    conclusion = prediction.conclusion
    if conclusion is None:
        return seen.logged is None and seen.forwarded is None
    if seen.refused is not None:
        # The access log names whom Kong took for the client; a connection without a line in it, its TCP peer.
        named = parse_address(conclusion.address) if conclusion.address else prediction.arrivals[-1].source
        return named in seen.refused
    if seen.logged is not None and parse_address(conclusion.address or "") != seen.logged:
        return False
    if seen.forwarded is None:
        return True
    sent_on = dict(conclusion.upstream or ()).get("X-Forwarded-For", "")
    return tuple(element.strip() for element in sent_on.split(",")) == seen.forwarded


def holding(world: World, binding: Binding, own: Address, addresses: Addresses) -> Holds:
    """Tells which addresses are the caller's in ``world``: those proven, and the name it leaves its own network by."""
    leaving = world.hops[0].behaviour if world.hops else Egress.DIRECT
    name = binding[0] if leaving is Egress.NAT and addresses.senders.networks is None else own
    if name == own and any(owner.kind in INFRASTRUCTURE for owner in addresses.inventory.owners(own)):
        name = None
    return lambda address: address == name or addresses.senders.hold(address)


def _rank(world: World, facts: Sequence[Fact]) -> tuple[int, int]:
    """Order of likelihood, lowest first: configured facts contradicted, then hops that do something to the address."""
    against = sum(
        1
        for fact in facts
        for hop in world.hops
        if hop.layer is fact.layer and hop.behaviour.value not in fact.behaviours
    )
    return against, sum(1 for hop in world.hops if emits(hop))


def _contradiction(distinct: Sequence[Observation]) -> str:
    """Names the kinds of observation that no single world explains together."""
    kinds = dict.fromkeys(f"{observation.probe.preamble} {observation.seen.answer}" for observation in distinct)
    return "; ".join(kinds)
