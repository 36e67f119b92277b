"""Groups: evidence is sorted before it is explained, because what looks random is two paths mixed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case
from diagnose.explain.evidence import Observation
from diagnose.explain.explain import Explanation, explain
from diagnose.path.proxying import Answer
from diagnose.path.realip import PROXY
from diagnose.path.settings import Settings
from diagnose.path.traffic import Layer
from diagnose.path.world import Hop
from diagnose.report.report import Verdict
from diagnose.site import Entry, Fact, Kong
from probes.probe import Probe

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Part:
    """Connections through one entry that share one explanation; ``kong`` is set where pods behave differently."""

    entry: Entry
    explanation: Explanation
    verdict: Verdict
    kong: str | None = None

    @property
    def plain(self) -> tuple[Observation, ...]:
        """The connections that an ordinary client would have made."""
        return tuple(observation for observation in self.explanation.observations if observation.plain)


def explain_all(
    observations: Iterable[Observation],
    facts: Mapping[Entry, Sequence[Fact]],
    kongs: Sequence[Kong],
    addresses: Addresses,
    claims: Mapping[Entry, Sequence[Probe]],
) -> list[Part]:
    """Every entry's observations explained, in the order in which entries were first used.

    ``claims`` are probes of each entry that claim something, sent or not: whether Kong believes them is predicted.

    An entry is split by Kong pod, then by who owns what Kong saw, only if no single world explains all of it.
    """
    by_entry: dict[Entry, list[Observation]] = defaultdict(list)
    for observation in observations:
        by_entry[observation.entry].append(observation)
    return [
        part
        for entry, group in by_entry.items()
        for part in _parts(entry, group, facts.get(entry, ()), kongs, addresses, claims.get(entry, ()))
    ]


def _parts(
    entry: Entry,
    group: Sequence[Observation],
    facts: Sequence[Fact],
    kongs: Sequence[Kong],
    addresses: Addresses,
    claims: Sequence[Probe],
) -> list[Part]:
    told = _told(kongs)
    reached = _split([o for o in group if o.plain], lambda observation: observation.kong)
    if len(told) <= 1 or len(reached) == 1:
        whole = explain(group, facts, _told(_of(kongs, group)) or told, addresses, claims)
        if whole.cases or len(reached) < 2:
            return _by_path(entry, whole, facts, told, addresses, claims)
    others = [o for o in group if not o.plain]
    mixed = any(kong is None for kong, _ in reached)
    of_pods = {
        kong: _of_kong(kong, plain, others, facts, kongs, addresses, claims, mixed=mixed) for kong, plain in reached
    }
    return [
        part
        for kong, whole in _of_one_front(of_pods).items()
        for part in _by_path(entry, whole, facts, told, addresses, claims, kong)
    ]


def _of_kong(
    kong: str | None,
    plain: Sequence[Observation],
    others: Sequence[Observation],
    facts: Sequence[Fact],
    kongs: Sequence[Kong],
    addresses: Addresses,
    unsent: Sequence[Probe],
    *,
    mixed: bool,
) -> Explanation:
    """What explains one pod's connections. What no pod is known to have taken is of any pod, if that agrees.

    ``mixed`` tells that some connections reached no pod. Then there are two ways through the entry, and that a probe
    took the other one is likelier than that Kong is set otherwise than it is told.
    """
    told = _told(pod for pod in kongs if pod.name == kong) or _told(kongs)
    claims = [*unsent, *(o.probe for o in others)]
    own = [*plain, *(o for o in others if o.kong == kong)]
    stray = [o for o in others if o.kong is None] if kong is not None else []
    whole = explain([*own, *stray], facts, told, addresses, claims)
    if stray and not whole.cases:
        whole = explain(own, facts, told, addresses, claims)
    if mixed and not (whole.cases and whole.as_told):
        alone = explain(plain, facts, told, addresses, claims)
        return alone if alone.cases and alone.as_told else whole
    return whole


def _of_one_front(of_pods: Mapping[str | None, Explanation]) -> dict[str | None, Explanation]:
    """The explanations without what the others contradict: what stands before the nodes is the same for all pods.

    Of connections that no pod is known to have taken that is not said: they may have come another way.
    """
    fronts = [{_front(case) for case in whole.cases} for kong, whole in of_pods.items() if whole.cases and kong]
    common = set.intersection(*fronts) if fronts else set()
    if not common:
        return dict(of_pods)
    return {
        kong: replace(whole, cases=tuple(case for case in whole.cases if kong is None or _front(case) in common))
        for kong, whole in of_pods.items()
    }


def _front(case: Case) -> tuple[Hop, ...]:
    return tuple(hop for hop in case.world.hops if hop.layer is not Layer.NODE)


def _by_path(
    entry: Entry,
    whole: Explanation,
    facts: Sequence[Fact],
    told: Sequence[Settings],
    addresses: Addresses,
    unsent: Sequence[Probe],
    kong: str | None = None,
) -> list[Part]:
    """One part for each verdict on its connections; where no single world explains them, by what Kong saw of them.

    Which of several ways a probe took that is no ordinary connection nobody knows, so that it tells of none.
    """
    if whole.cases or whole.crowded:
        return [_part(entry, way, addresses, kong) for way in whole.ways]
    claims = [*unsent, *(o.probe for o in whole.observations)]
    plain = [observation for observation in whole.observations if observation.plain]
    ways = _split(plain, lambda observation: _way(observation, addresses))
    explained = [explain(share, facts, told, addresses, claims) for _, share in ways]
    if len(explained) > 1 and all(explanation.cases for explanation in explained):
        return [_part(entry, way, addresses, kong) for explanation in explained for way in explanation.ways]
    return [_part(entry, whole, addresses, kong)]


def _split(group: Sequence[Observation], key: Callable[[Observation], Key]) -> list[tuple[Key, list[Observation]]]:
    shares: dict[Key, list[Observation]] = defaultdict(list)
    for observation in group:
        shares[key(observation)].append(observation)
    return list(shares.items())


def _way(observation: Observation, addresses: Addresses) -> tuple[str, ...]:
    """What tells two ways through an entry apart: the answer, and the kinds of owner of what Kong saw."""
    kinds = {owner.kind for address in observation.visible for owner in addresses.inventory.owners(address)}
    return (str(observation.seen.answer), *sorted(kinds))


def _told(kongs: Iterable[Kong]) -> list[Settings]:
    return list(dict.fromkeys(kong.settings for kong in kongs if kong.settings is not None))


def _of(kongs: Sequence[Kong], group: Sequence[Observation]) -> list[Kong]:
    names = {observation.kong for observation in group}
    return [kong for kong in kongs if kong.name in names]


def _part(entry: Entry, explanation: Explanation, addresses: Addresses, kong: str | None = None) -> Part:
    if explanation.cases:
        return Part(entry, explanation, explanation.verdict, kong)
    verdict = Verdict.UNREACHABLE if explanation.silent else _by_itself(explanation.observations, addresses)
    return Part(entry, replace(explanation, forged=verdict is Verdict.SPOOFABLE), verdict, kong)


def _by_itself(observations: Sequence[Observation], addresses: Addresses) -> Verdict:
    """What connections say without any world.

    An infrastructure's address is a lost caller's, whoever lost it, and where it is known which addresses are the
    caller's, so is every other. Where Kong logs the caller's own, a claim in a
    header that it was seen to believe is a forgery, whatever else was done to that header on the way.
    """
    plain = [observation for observation in observations if observation.plain]
    answers = {observation.seen.answer for observation in plain}
    if plain and answers <= {Answer.REJECTED, Answer.CLOSED, Answer.REFUSED, Answer.TIMED_OUT, Answer.TLS_FAILED}:
        return Verdict.UNREACHABLE
    logged = {observation.seen.logged for observation in plain} - {None}
    own = {observation.sent.socket for observation in plain}
    known = addresses.senders.networks is not None
    lost = (
        known or addresses.inventory.infrastructure(address)
        for address in logged
        if address is not None and str(address) not in own and not addresses.senders.hold(address)
    )
    if any(lost):
        return Verdict.LOST
    rightful = bool(logged) and all(address is not None and addresses.senders.hold(address) for address in logged)
    forged = any(o.forged not in (None, PROXY) for o in observations)
    return Verdict.SPOOFABLE if rightful and forged else Verdict.UNDETERMINED
