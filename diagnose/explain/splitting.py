"""Splitting: which further probe would tell the worlds apart that still agree with what was seen.

Kong's settings are a witness like others and may be wrong: every path that remains is also thought of in front of a
Kong that is set otherwise, as far as that agrees. A probe is worth sending where two such worlds that are judged
differently predict different outcomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnose.explain import worlds
from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case, cases_of, find_cases
from diagnose.explain.evidence import Observation, departure
from diagnose.explain.sights import Sights
from diagnose.path.settings import Settings
from diagnose.path.world import World, predict
from diagnose.report.report import Verdict
from diagnose.site import Fact
from probes.claims import FORWARDED_FOR
from probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Splits:
    """What further probes would tell.

    ``clean`` tells that, if Kong is set as it is told, it logs the caller's address in all that remains, and in the
    likeliest believes no claim: all that is open is whether a claim is believed somewhere. ``others`` maps a
    candidate's nonce to the number of explanations that predict another outcome of it than the likeliest does, 0 where
    none that is judged differently does. ``remaining`` is how many explanations there are. ``due`` are the nonces of
    candidates that claim something in a header of its own that Kong reads: whether whatever writes it leaves a caller's
    alone no world foresees.
    """

    clean: bool
    others: Mapping[str, int]
    remaining: int
    due: frozenset[str] = frozenset()


def find_splits(
    observations: Sequence[Observation],
    facts: Sequence[Fact],
    told: Sequence[Settings],
    addresses: Addresses,
    candidates: Sequence[Probe],
) -> Splits:
    """What each of ``candidates``, which go through the entry of ``observations``, would tell after all these."""
    sights = Sights.of(observations, candidates, addresses)
    expected = find_cases(worlds.gateways(sights.entry, told), sights, facts, addresses, before_asking=True)
    paths = {case.world.hops: None for case in expected}
    otherwise = sights.alternatives(told)
    thinkable = [World(hops, settings, listener) for hops in paths for settings, listener in otherwise]
    cases = [*expected, *cases_of(thinkable, sights, facts, addresses)]
    return Splits(
        clean=bool(expected)
        and expected[0].judgement.verdict is Verdict.PRESERVED
        and all(case.judgement.verdict in (Verdict.PRESERVED, Verdict.SPOOFABLE) for case in expected),
        others={probe.nonce: _differing(probe, cases) for probe in candidates},
        remaining=len(cases),
        due=frozenset(probe.nonce for probe in candidates if _claims_what_is_read(probe, told)),
    )


def _claims_what_is_read(probe: Probe, told: Sequence[Settings]) -> bool:
    read = {one.real_ip_header.lower() for one in told if one.trusted_ips} - {FORWARDED_FOR.lower()}
    return any(claim.channel.lower() in read for claim in probe.claims)


def _differing(probe: Probe, cases: Sequence[Case]) -> int:
    outcomes = [_outcome(probe, case) for case in cases]
    judged: dict[object, set[object]] = {}
    for outcome, case in zip(outcomes, cases, strict=True):
        judged.setdefault(outcome, set()).add(case.judgement)
    if len(judged) < 2 or len(set.union(*judged.values())) < 2:
        return 0
    return sum(outcome != outcomes[0] for outcome in outcomes)


def _outcome(probe: Probe, case: Case) -> object:
    """What the witnesses would tell of ``probe`` in ``case``."""
    prediction = predict(case.world, departure(probe, case.plain.source), case.binding)
    conclusion = prediction.conclusion
    if conclusion is None:
        return prediction.answers, None, None
    return prediction.answers, conclusion.address, dict(conclusion.upstream or ()).get("X-Forwarded-For")
