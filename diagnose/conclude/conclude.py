"""Conclude: from the explained parts to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from diagnose import catalogue
from diagnose.conclude import because
from diagnose.conclude.findings import find_all
from diagnose.conclude.gathered import Evidence, judged, reachable, sampled, unseen
from diagnose.conclude.ladder import ladder
from diagnose.conclude.settling import settling
from diagnose.counting import count_of
from diagnose.explain.evidence import Observation, described
from diagnose.explain.groups import Part
from diagnose.report.report import (
    Caller,
    Culprit,
    Group,
    ProbeRow,
    Report,
    Run,
    Verdict,
)
from probes.probe import Vantage

WORST_FIRST = tuple(Verdict)


def conclude(evidence: Evidence, run: Run) -> Report:
    """The whole report of a run."""
    parts = judged(evidence)
    whole = (*evidence.outside, *evidence.beside, *evidence.inside)
    verdict = min((sampled(part, evidence) for part in parts), key=WORST_FIRST.index, default=Verdict.UNDETERMINED)
    culprits = _merged(part.explanation.culprits for part in parts)
    worst = next((part for part in parts if sampled(part, evidence) is verdict), None)
    return Report(
        verdict=verdict,
        headline=_headline(verdict, culprits, worst, evidence),
        site=evidence.site,
        caller=_caller(evidence),
        culprits=culprits,
        path=ladder(worst, evidence.addresses) if worst else (),
        findings=find_all(evidence, culprits, verdict),
        groups=tuple(_group(part, evidence) for part in whole),
        not_measured=tuple(evidence.gaps),
        settled_by=tuple(dict.fromkeys(settling(evidence, culprits))),
        probes=tuple(_row(observation, evidence) for observation in _observations(whole)),
        run=run,
        not_needed=tuple(evidence.spared),
    )


def _merged(found: Iterable[Sequence[Culprit]]) -> tuple[Culprit, ...]:
    """One culprit for each layer and code, proven ones first, then the likeliest; proven if any group proves it."""
    merged: dict[tuple[str, str], Culprit] = {}
    for culprit in (one for group in found for one in group):
        key = (culprit.layer, culprit.code)
        if key not in merged or culprit.certainty == "proven":
            merged[key] = culprit
    return tuple(sorted(merged.values(), key=lambda one: one.certainty != "proven"))


def _caller(evidence: Evidence) -> Caller:
    senders = evidence.addresses.senders
    networks = senders.networks or ()
    texts = tuple(str(net.network_address) if net.num_addresses == 1 else str(net) for net in networks)
    return Caller(texts, senders.source, evidence.vantage.value)


def _headline(verdict: Verdict, culprits: Sequence[Culprit], worst: Part | None, evidence: Evidence) -> str:
    logged = _logged(worst) if worst else ()
    took = logged[0][0] if logged else None
    takes = because.said(worst)[1] if worst else ""
    where = f" at {worst.entry.name}" if worst else ""
    inside = " (seen from inside the cluster)" if evidence.vantage is Vantage.INSIDE else ""
    blamed = _blamed(culprits)
    match verdict:
        case Verdict.PRESERVED:
            return f"preserved{where}: {takes} the caller's own address {took}{inside}"
        case Verdict.LOST:
            text = f"lost{where}: {takes} {took} instead of the caller's address{inside}"
        case Verdict.SPOOFABLE:
            text = f"spoofable{where}: a caller can make Kong log any address it likes{inside}"
        case Verdict.UNREACHABLE:
            text = f"unreachable{where}: no ordinary request gets an answer from Kong{inside}"
        case Verdict.UNDETERMINED if worst and worst.verdict is Verdict.PRESERVED:
            missed, pods = len(unseen(worst, evidence)), len(reachable(worst, evidence))
            reason = f"but {missed} of {count_of(pods, 'ready Kong pod')} got none of the connections"
            return f"undetermined{where}: {takes} the caller's own address {took}, {reason}{inside}"
        case Verdict.UNDETERMINED:
            unsettled = "the evidence does not settle"
            if took is None:
                return f"undetermined{where}: {unsettled} which address Kong takes{inside}"
            return f"undetermined{where}: {takes} {took}, and {unsettled} whether that is right{inside}"
    return f"{text} - {blamed}" if blamed else text


def _blamed(culprits: Sequence[Culprit]) -> str:
    """The likeliest faults; where more are possible, that there are."""
    titles = list(dict.fromkeys(catalogue.fault(one.code).title.rstrip(".") for one in culprits))
    more = ", or something else" if len(titles) > NAMED and culprits[0].certainty == "possible" else ""
    return f"{' or '.join(titles[:NAMED])}{more}"


NAMED = 2
"""Faults that a headline names."""


def _logged(part: Part) -> tuple[tuple[str, int], ...]:
    counted = Counter(str(o.seen.logged) for o in part.plain if o.seen.logged is not None)
    return tuple(counted.most_common())


def _group(part: Part, evidence: Evidence) -> Group:
    kong = next((pod for pod in evidence.kongs if pod.name == part.kong), None)
    decides = part.entry.vantage is Vantage.OUTSIDE and not part.entry.beside
    return Group(
        entry=part.entry.name,
        address=part.entry.address,
        family=6 if ":" in part.entry.address else 4,
        scheme=part.entry.scheme,
        pod=part.kong,
        node=kong.node if kong else None,
        connections=len(part.plain),
        verdict=sampled(part, evidence) if decides else part.verdict,
        culprits=part.explanation.culprits if decides else (),
        logged=_logged(part),
        vantage=part.entry.vantage.value,
        missable=_missable(part, evidence),
        beside=part.entry.beside,
    )


MISSED = 0.05
"""The probability with which a sample misses what it is said to miss."""


def _missable(part: Part, evidence: Evidence) -> float | None:
    """The share of bad connections of which a sample as large as the entry's holds none with that probability."""
    sample = sum(len(other.plain) for other in evidence.outside if other.entry == part.entry)
    return round(1 - MISSED ** (1 / sample), 3) if sample else None


def _observations(parts: Iterable[Part]) -> Iterable[Observation]:
    """Every observation once: one that tells of several parts is of each of them."""
    return {o.probe.nonce: o for part in parts for o in part.explanation.observations}.values()


def _row(observation: Observation, evidence: Evidence) -> ProbeRow:
    probe, seen = observation.probe, observation.seen
    chained = seen.forwarded is not None and len(seen.forwarded) > 1
    return ProbeRow(
        nonce=probe.nonce,
        entry=observation.entry.name,
        vantage=probe.vantage.value,
        preamble=probe.preamble.value,
        claims=tuple((claim.channel, claim.address) for claim in probe.claims),
        outcome=described(observation.sent.outcome),
        peer=seen.forwarded[-1] if seen.forwarded is not None and chained else None,
        logged=str(seen.logged) if seen.logged is not None else None,
        kong=observation.kong,
        why=evidence.whys.get(probe.nonce, ""),
    )
