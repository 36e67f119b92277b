"""Explain: keep the worlds that agree with every observation, and say what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import chain, islice

from diagnose.explain import worlds
from diagnose.explain.bindings import Addresses, bindings
from diagnose.explain.evidence import Observation, Seen, departure
from diagnose.explain.faults import Holds, Judgement, judge
from diagnose.path.egress import Egress
from diagnose.path.proxying import Answer, Reads
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Layer, Traffic, parse_address
from diagnose.path.world import Binding, Hop, Prediction, World, emits, predict
from diagnose.report.report import Culprit, Verdict
from diagnose.site import Entry, Fact
from probes.probe import Probe

UNKNOWN_SOURCE = ip_address("198.18.0.2")
"""Stands for the caller's socket where no connection was made and nothing depends on it (RFC 2544)."""


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
        """The worst verdict on any sort of plain connection; where its cases differ on one, that is undetermined."""
        return min(self._verdicts.values(), key=tuple(Verdict).index, default=Verdict.UNDETERMINED)

    @property
    def ways(self) -> list[Explanation]:
        """The explanation split by the verdict on each sort of plain connection: what looks random is mixed."""
        verdicts = self._verdicts
        if len(set(verdicts.values())) < 2:
            return [self]
        return [
            self._only({sight for sight in verdicts if verdicts[sight] is one})
            for one in dict.fromkeys(verdicts.values())
        ]

    def _only(self, sights: set[Seen]) -> Explanation:
        observations = tuple(o for o in self.observations if not o.plain or o.seen in sights)
        return replace(self, observations=observations, cases=tuple(c for c in self.cases if c.sight in sights))

    @property
    def _verdicts(self) -> dict[Seen, Verdict]:
        """The verdict on each sort of plain connection. What became of one that nobody saw anything of is unknown."""
        found: dict[Seen, set[Verdict]] = {}
        for case in self.cases:
            found.setdefault(case.sight, set()).add(case.judgement.verdict)
        blind = {o.seen for o in self.observations if o.plain and not o.visible}
        return {
            sight: next(iter(verdicts))
            if len(verdicts) == 1 and (sight not in blind or Verdict.UNREACHABLE in verdicts)
            else Verdict.UNDETERMINED
            for sight, verdicts in found.items()
        }

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """Every hop that some case finds at fault.

        Proven if all cases of some sort of connection do and nothing else could be changed instead. None where no
        witness told what became of the address: then anything may have happened to it.
        """
        if self.verdict is Verdict.UNDETERMINED and not any(o.plain and o.visible for o in self.observations):
            return ()
        behaviours: dict[tuple[Layer, str], dict[str, None]] = {}
        for fault in (fault for case in self.cases for fault in case.judgement.culprits):
            behaviours.setdefault((fault.layer, fault.code), {})[fault.behaviour] = None
        proven = self._proven
        return tuple(
            Culprit(layer, " or ".join(does), code, "proven" if (layer, code) in proven else "possible")
            for (layer, code), does in behaviours.items()
        )

    @property
    def _proven(self) -> set[tuple[Layer, str]]:
        """The faults that every case of some sort of plain connection has, and has alone."""
        by_sight: dict[Seen, list[Case]] = {}
        for case in self.cases:
            by_sight.setdefault(case.sight, []).append(case)
        alone = (
            set.intersection(*({(fault.layer, fault.code) for fault in case.judgement.culprits} for case in cases))
            for cases in by_sight.values()
            if all(len(case.judgement.culprits) == 1 for case in cases)
        )
        return set().union(*alone)


def explain(
    observations: Sequence[Observation],
    facts: Sequence[Fact],
    told: Sequence[Settings],
    addresses: Addresses,
    claims: Iterable[Probe] = (),
) -> Explanation:
    """The explanation of ``observations``, which share an entry.

    ``told`` are the settings of the Kongs behind the entry, empty where none could be read. They are believed first;
    only when no world with them agrees, others are tried. ``claims`` are probes that were sent through the same entry
    and may have reached another Kong: whether this one would have believed them is predicted.
    """
    sights = _Sights.of(observations, claims, addresses)
    cases = _cases(worlds.gateways(sights.entry, told), sights, facts, addresses)
    if cases:
        return Explanation(tuple(observations), cases)
    others = worlds.alternatives(sights.entry, told, map(str, sights.visible))
    cases = _cases(others, sights, facts, addresses)
    contradiction = None if cases else _contradiction(sights.distinct)
    return Explanation(tuple(observations), cases, as_told=False, contradiction=contradiction)


@dataclass(frozen=True, slots=True)
class _Sights:
    """What worlds are held against: one observation of each sort, and what all of them together tell.

    ``plain`` are those that are judged, ``claims`` all probes that claim something, ``visible`` all addresses seen,
    ``forged`` the channels that Kong was seen to believe, ``source`` where a connection left from that was made,
    ``naming`` the headers that named the caller to the echo.
    """

    entry: Entry
    distinct: tuple[Observation, ...]
    plain: tuple[Observation, ...]
    claims: tuple[Probe, ...]
    visible: frozenset[Address]
    forged: tuple[str, ...]
    source: Address
    naming: tuple[str, ...]

    @classmethod
    def of(cls, observations: Sequence[Observation], claims: Iterable[Probe], addresses: Addresses) -> _Sights:
        distinct = tuple(_distinct(observations))
        plain = tuple(o for o in distinct if o.plain) or distinct[:1]
        claiming = (*(o.probe for o in distinct if o.probe.claims), *(probe for probe in claims if probe.claims))
        sources = (o.traffic.source for o in distinct if o.traffic is not None)
        return cls(
            entry=observations[0].entry,
            distinct=distinct,
            plain=plain,
            claims=tuple({(probe.preamble, probe.claims): probe for probe in claiming}.values()),
            visible=frozenset(address for o in distinct for address in o.visible),
            forged=tuple(dict.fromkeys(o.forged for o in distinct if o.forged is not None)),
            source=next(sources, UNKNOWN_SOURCE),
            naming=_naming(plain, addresses),
        )

    def pointers(self, settings: Sequence[Settings], addresses: Addresses) -> worlds.Pointers:
        """What all that was seen points to, for Kongs with ``settings``."""
        strangers = (
            {address for address in o.visible if not addresses.senders.hold(address) and str(address) != o.sent.socket}
            for o in self.distinct
        )
        echoed = any(o.seen.carried is not None for o in self.plain)
        read = {one.real_ip_header for one in settings if one.trusted_ips} - {"X-Forwarded-For", "proxy_protocol"}
        hidden = read - set(self.naming) if not echoed else set()
        return worlds.Pointers(
            chained=any(len(several) > 1 for several in strangers),
            ended=any(o.seen.answer is not Answer.PASSED for o in self.plain),
            naming=self.naming,
            hidden=tuple(sorted({"X-Real-IP"} | hidden)),
        )

    def departed(self, observation: Observation) -> Traffic:
        """The connection as it left the caller; where none was made, from where another one was."""
        return observation.traffic if observation.traffic is not None else departure(observation.probe, self.source)


def _naming(plain: Sequence[Observation], addresses: Addresses) -> tuple[str, ...]:
    """The headers, besides those that Kong writes itself, in which the caller's address came to the echo."""
    names = (name for o in plain for name, value in o.seen.carried or () if _names_caller(o, value, addresses))
    return tuple(dict.fromkeys(names))[:MOST_HEADERS]


MOST_HEADERS = 3
"""Every header more multiplies the worlds; a path on which more of them name the caller is told by the first ones."""


def _names_caller(observation: Observation, value: str, addresses: Addresses) -> bool:
    address = parse_address(value.strip())
    if address is None or addresses.inventory.infrastructure(address):
        return False
    known = addresses.senders.networks is not None
    return addresses.senders.hold(address) if known else value.strip() != str(observation.seen.logged)


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
    kongs: Sequence[tuple[Settings, Listener]], sights: _Sights, facts: Sequence[Fact], addresses: Addresses
) -> tuple[Case, ...]:
    """All cases of Kongs that are set so, the likeliest first."""

    def can(hop: Hop) -> bool:
        return any(addresses.candidates(hop, (), o, Settings(), sights.visible) for o in sights.plain)

    pointers = sights.pointers([settings for settings, _ in kongs], addresses)
    paths = worlds.paths(sights.entry, facts, pointers, can)
    candidates = worlds.all_worlds(paths, kongs, sights.entry, pointers)
    found = chain.from_iterable(_of_world(world, sights, facts, addresses) for world in candidates)
    return tuple(sorted(found, key=lambda case: case.rank))


def _of_world(world: World, sights: _Sights, facts: Sequence[Fact], addresses: Addresses) -> Iterator[Case]:
    """The cases of ``world``, if it agrees with all: one for each judgement on each sort of plain connection."""
    nat = world.hops[0].behaviour in (Egress.NAT, Egress.NAT_POOL)
    agreed: list[tuple[Observation, list[Binding]]] = []
    for number, observation in enumerate(sights.distinct):
        thinkable = _agreeing(world, observation, sights, addresses)
        judged = number < len(sights.plain)  # plain ones come first
        agreed.append((observation, list(thinkable if judged or nat else islice(thinkable, 1))))
        if not agreed[-1][1]:
            return
    if nat and not _leaves_as_it_says(world, [thought for _, thought in agreed]):
        return
    for observation, thought in agreed[: len(sights.plain)]:
        departed = sights.departed(observation)
        known = set()
        for binding in thought:
            judgement = _judged(world, departed, binding, sights, addresses)
            # Whether Kong trusts its peer decides on remedies even where it does not on the judgement.
            peer = predict(world, departed, binding).arrivals[-1].source
            if (judgement, peer) not in known:
                known.add((judgement, peer))
                yield Case(world, binding, departed, observation.seen, judgement, _rank(world, facts))


def _leaves_as_it_says(world: World, agreed: Sequence[Sequence[Binding]]) -> bool:
    """Whether one address serves all connections, as with a NAT; from a pool they leave by several."""
    common = set.intersection(*({binding[0] for binding in thought} for thought in agreed))
    return bool(common) is (world.hops[0].behaviour is Egress.NAT)


def _judged(world: World, departed: Traffic, binding: Binding, sights: _Sights, addresses: Addresses) -> Judgement:
    """The judgement of ``world`` on a plain connection.

    Where the caller's own socket has an address of the infrastructure, and nobody said that it is the caller's, that
    Kong logs it does not tell whether it was kept or put there.
    """
    claims = [(probe.claims[0].channel, departure(probe, departed.source)) for probe in sights.claims]
    holds = holding(world, binding, departed.source, addresses)
    judgement = judge(world, departed, claims, binding, holds, sights.forged)
    ambiguous = addresses.inventory.infrastructure(departed.source) and not addresses.senders.hold(departed.source)
    if ambiguous and judgement.verdict in (Verdict.PRESERVED, Verdict.SPOOFABLE):
        return Judgement(Verdict.UNDETERMINED, (), judgement.forgeable)
    return judgement


def _agreeing(world: World, observation: Observation, sights: _Sights, addresses: Addresses) -> Iterator[Binding]:
    departed = sights.departed(observation)
    for binding in bindings(world, observation, addresses, sights.visible):
        prediction = predict(world, departed, binding)
        if agrees(prediction, observation.seen) and (not observation.plain or _names(prediction, observation, sights)):
            yield binding


def agrees(prediction: Prediction, seen: Seen) -> bool:
    """Whether what was seen is what the world predicts; what nobody saw agrees with everything."""
    if seen.answer is not None and seen.answer not in prediction.answers:
        return False
    conclusion = prediction.conclusion
    if conclusion is None:
        return seen.logged is None and seen.forwarded is None
    if seen.in_clear and not (conclusion.status == 400 and conclusion.read):
        return False
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


def _names(prediction: Prediction, observation: Observation, sights: _Sights) -> bool:
    """Whether the headers that name the caller came to the echo as predicted."""
    if observation.seen.carried is None or prediction.conclusion is None:
        return True
    came = dict(observation.seen.carried)
    sent = {name.lower(): value for name, value in prediction.arrivals[-1].headers}
    return all(parse_address(came.get(name, "")) == parse_address(sent.get(name, "")) for name in sights.naming)


def holding(world: World, binding: Binding, own: Address, addresses: Addresses) -> Holds:
    """Tells which addresses are the caller's in ``world``: those proven, and the name it leaves its own network by."""
    leaving = world.hops[0].behaviour if world.hops else Egress.DIRECT
    rightful = leaving in (Egress.NAT, Egress.NAT_POOL, Egress.HTTP_PROXY)
    name = binding[0] if rightful and addresses.senders.networks is None else own
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


def _contradiction(distinct: Sequence[Observation]) -> str:
    """Names the kinds of observation that no single world explains together."""
    kinds = dict.fromkeys(f"{observation.probe.preamble} {observation.seen.answer}" for observation in distinct)
    return "; ".join(kinds)
