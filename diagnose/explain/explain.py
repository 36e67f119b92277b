"""Explain: keep the worlds that agree with every observation, and say what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from diagnose.explain import worlds
from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case, find_cases
from diagnose.explain.evidence import Observation, Seen
from diagnose.explain.faults import BELIEVER
from diagnose.explain.sights import Sights
from diagnose.path.proxying import Answer
from diagnose.path.settings import Settings
from diagnose.path.traffic import PATH, Layer
from diagnose.report.report import Culprit, Verdict
from diagnose.site import Entry, Fact
from probes.outcome import TimedOut
from probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Explanation:
    """All cases that remain for ``observations``, the likeliest first.

    There are none where nobody saw anything of ordinary ones, and none are told where there are too many (``crowded``),
    as with a Kong of whose settings nothing is known. ``as_told`` is False where Kong's settings had to be
    assumed other than it was told. ``contradiction`` says, where no case agrees with what was seen, which kinds of
    observation no world explains together, and ``forged`` that all the same Kong was seen to believe a header of a
    caller's.
    """

    observations: tuple[Observation, ...]
    cases: tuple[Case, ...]
    as_told: bool = True
    contradiction: str | None = None
    forged: bool = False
    crowded: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst verdict on any sort of plain connection; where its cases differ on one, that is undetermined."""
        return min(self._verdicts.values(), key=tuple(Verdict).index, default=Verdict.UNDETERMINED)

    @property
    def silent(self) -> bool:
        """Whether connections are taken and nothing comes back, for as long as was waited."""
        ends = [observation.sent.outcome for observation in self.observations if observation.plain]
        unseen = all(o.seen == Seen(None) for o in self.observations if o.plain)
        return bool(ends) and unseen and all(isinstance(end, TimedOut) for end in ends)

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
        """Every hop that some case finds at fault, the likeliest first, of equally likely ones the nearest to callers.

        Proven if all cases of some sort of connection do and nothing else could be changed instead. None where no
        witness told what became of the address: then anything may have happened to it.
        """
        if self.forged and not self.cases:
            return (Culprit(BELIEVER.layer, BELIEVER.behaviour, BELIEVER.code, "proven"),)
        if self.verdict is Verdict.UNDETERMINED and not any(o.plain and o.visible for o in self.observations):
            return ()
        behaviours: dict[tuple[Layer, str], dict[str, None]] = {}
        blamed = [(case.rank, fault) for case in self.cases for fault in case.judgement.culprits]
        for _, fault in sorted(blamed, key=lambda one: (one[0], PATH.index(one[1].layer))):
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
    sights = Sights.of(observations, claims, addresses)
    if _says_nothing_of_addresses(sights):
        return Explanation(tuple(observations), ())  # of very many worlds none could be told from another
    cases = _without_hidden_faults(find_cases(worlds.gateways(sights.entry, told), sights, facts, addresses), sights)
    if cases:
        return Explanation(tuple(observations), cases)
    others = sights.alternatives(told)
    most = MOST if not told and any(o.seen.answer is Answer.PASSED for o in sights.plain) else None
    found = find_cases(others, sights, facts, addresses, most=most)
    if len(found) == most:
        return Explanation(tuple(observations), (), as_told=False, crowded=True)
    cases = _without_odd_senders(_without_hidden_faults(found, sights))
    contradiction = None if cases else _contradiction(sights.distinct)
    return Explanation(tuple(observations), cases, as_told=False, contradiction=contradiction)


MOST = 2_000
"""Cases that are looked at where nothing is known of Kong's settings, and connections get through.

With so many, whoever is before Kong and however it is set, what it logs does not tell them apart.
"""


def _says_nothing_of_addresses(sights: Sights) -> bool:
    """Whether nobody saw anything of ordinary connections, and of the others no more than how they ended."""
    blind = all(observation.seen == Seen(None) for observation in sights.plain)
    return blind and all(observation.seen == Seen(observation.seen.answer) for observation in sights.distinct)


def _without_hidden_faults(cases: tuple[Case, ...], sights: Sights) -> tuple[Case, ...]:
    """``cases`` but those in which a PROXY mismatch hides that TLS does not fit either: nothing points to that."""
    alone = tuple(case for case in cases if not _hides_tls(case, sights.entry))
    return alone or cases


def _without_odd_senders(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """``cases`` but those in which a proxy that ends HTTP sends PROXY besides: no setting of Kong's points to that."""
    return tuple(case for case in cases if not any(hop.manner.prefaces for hop in case.world.hops)) or cases


def _hides_tls(case: Case, entry: Entry) -> bool:
    mismatched = {fault.code for fault in case.judgement.culprits} & {"KIP401", "KIP402"}
    return bool(mismatched) and worlds.speaks_tls(case.world.hops, entry) is not case.world.listener.tls


def _contradiction(distinct: Sequence[Observation]) -> str:
    """Names the kinds of observation that no single world explains together."""
    kinds = dict.fromkeys(f"{observation.probe.preamble} {observation.seen.answer}" for observation in distinct)
    return "; ".join(kinds)
