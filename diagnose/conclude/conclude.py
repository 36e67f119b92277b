"""Conclude: from the explained parts to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnose import catalogue
from diagnose.conclude import because
from diagnose.conclude.ladder import ladder
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, described
from diagnose.explain.explain import Case
from diagnose.explain.faults import PROXY_MISMATCH
from diagnose.explain.groups import Part
from diagnose.path.traffic import Address, Layer
from diagnose.remedies import Place, find_remedy
from diagnose.report.report import (
    Caller,
    Culprit,
    Finding,
    Group,
    ProbeRow,
    Remedy,
    RemedyStep,
    Report,
    Run,
    Severity,
    Verdict,
)
from diagnose.site import Entry, Fact, Gap, Kong
from probes.probe import Vantage

WORST_FIRST = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was gathered, and what explains it.

    ``outside`` are the parts of the entries that the caller sent to, ``inside`` those of Kong's pods as seen from the
    echo's place. ``whys`` maps a nonce to the reason for which its probe was sent. ``command`` is the command line to
    repeat the run. ``backend_problem`` says what keeps the echo from answering, None if it answers; ``lingering`` what
    a killed run would leave behind. ``missing_rights`` are those that the caller lacks in the cluster.
    """

    site: str
    place: Place
    command: str
    kongs: Sequence[Kong]
    facts: Mapping[Entry, Sequence[Fact]]
    addresses: Addresses
    outside: Sequence[Part]
    inside: Sequence[Part]
    gaps: Sequence[Gap]
    whys: Mapping[str, str]
    backend_problem: str | None
    lingering: str | None
    missing_rights: Sequence[str]
    vantage: Vantage


def conclude(evidence: Evidence, run: Run) -> Report:
    """The whole report of a run."""
    parts = evidence.outside
    verdict = min((_sampled(part, evidence) for part in parts), key=WORST_FIRST.index, default=Verdict.UNDETERMINED)
    culprits = _merged(part.explanation.culprits for part in parts)
    worst = next((part for part in parts if _sampled(part, evidence) is verdict), None)
    return Report(
        verdict=verdict,
        headline=_headline(verdict, culprits, worst, evidence),
        site=evidence.site,
        caller=_caller(evidence),
        culprits=culprits,
        path=ladder(worst, evidence.addresses) if worst else (),
        findings=_findings(evidence, culprits),
        groups=tuple(_group(part, evidence) for part in (*parts, *evidence.inside)),
        not_measured=tuple(evidence.gaps),
        settled_by=tuple(dict.fromkeys(_settling(evidence, culprits))),
        probes=tuple(_row(o, evidence) for part in (*parts, *evidence.inside) for o in part.explanation.observations),
        run=run,
    )


def _sampled(part: Part, evidence: Evidence) -> Verdict:
    """The part's verdict; nothing is preserved while a ready Kong pod has not been seen."""
    if part.verdict is Verdict.PRESERVED and _unseen(part, evidence):
        return Verdict.UNDETERMINED
    return part.verdict


def _unseen(part: Part, evidence: Evidence) -> list[str]:
    """The ready Kong pods that no connection of the part's entry was seen to reach."""
    entry = part.entry
    reached = {o.kong for other in evidence.outside if other.entry == entry for o in other.explanation.observations}
    return [kong.name for kong in evidence.kongs if kong.ready and kong.name not in reached]


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
    where = f" at {worst.entry.name}" if worst else ""
    inside = " (seen from inside the cluster)" if evidence.vantage is Vantage.INSIDE else ""
    blamed = " or ".join(dict.fromkeys(catalogue.fault(one.code).title.rstrip(".") for one in culprits[:2]))
    match verdict:
        case Verdict.PRESERVED:
            return f"preserved{where}: Kong logs the caller's own address {took}{inside}"
        case Verdict.LOST:
            text = f"lost{where}: Kong logs {took} instead of the caller's address{inside}"
        case Verdict.SPOOFABLE:
            text = f"spoofable{where}: a caller can make Kong log any address it likes{inside}"
        case Verdict.UNREACHABLE:
            text = f"unreachable{where}: no ordinary request gets an answer from Kong{inside}"
        case Verdict.UNDETERMINED:
            seen = f"Kong logs {took}, and " if took else ""
            return f"undetermined{where}: {seen}the evidence does not settle whether that is right{inside}"
    return f"{text} - {blamed}" if blamed else text


def _logged(part: Part) -> tuple[tuple[str, int], ...]:
    counted = Counter(str(o.seen.logged) for o in part.plain if o.seen.logged is not None)
    return tuple(counted.most_common())


def _group(part: Part, evidence: Evidence) -> Group:
    kong = next((pod for pod in evidence.kongs if pod.name == part.kong), None)
    return Group(
        entry=part.entry.name,
        address=part.entry.address,
        family=6 if ":" in part.entry.address else 4,
        scheme=part.entry.scheme,
        pod=part.kong,
        node=kong.node if kong else None,
        connections=len(part.plain),
        verdict=_sampled(part, evidence) if part.entry.vantage is Vantage.OUTSIDE else part.verdict,
        culprits=part.explanation.culprits if part.entry.vantage is Vantage.OUTSIDE else (),
        logged=_logged(part),
        vantage=part.entry.vantage.value,
    )


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


# Findings


def _findings(evidence: Evidence, culprits: Sequence[Culprit]) -> tuple[Finding, ...]:
    one_a_code: dict[str, Culprit] = {}
    for culprit in culprits:
        one_a_code.setdefault(culprit.code, culprit)
    found = [_of_culprit(one, parts, evidence) for one in one_a_code.values() if (parts := _losing_by(one, evidence))]
    found += _forgeries(evidence, {culprit.code for culprit in culprits})
    found += _beside(evidence)
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _losing_by(culprit: Culprit, evidence: Evidence) -> list[Part]:
    """The parts in which something is wrong for sure and that culprit is, or may be, what it is."""
    return [
        part
        for part in evidence.outside
        if part.verdict is not Verdict.UNDETERMINED
        and any((one.layer, one.code) == (culprit.layer, culprit.code) for one in part.explanation.culprits)
    ]


def _of_culprit(culprit: Culprit, parts: Sequence[Part], evidence: Evidence) -> Finding:
    lines = [line for part in parts for line in _lines(culprit, part, evidence)]
    return _finding(culprit.code, lines, _remedy(parts, evidence), layer=culprit.layer)


def _lines(culprit: Culprit, part: Part, evidence: Evidence) -> list[str]:
    addresses = evidence.addresses
    lines = because.logged(part, addresses) + because.peers(part, addresses)
    if culprit.code in ("KIP401", "KIP402", "KIP403"):
        lines += because.wire(part)
    if culprit.code in ("KIP403", "KIP503"):
        lines += because.forged(part.explanation.observations)
    if culprit.layer is Layer.GATEWAY:
        lines += because.carried(part, addresses) + because.settings(evidence.kongs)
    lines += [
        f"{fact.source}"
        for fact in evidence.facts.get(part.entry, ())
        if fact.layer is culprit.layer or (fact.certain and culprit.layer is Layer.NODE)
    ]
    blamed = dict.fromkeys(one.layer for one in part.explanation.culprits)
    if culprit.code not in PROXY_MISMATCH and len(blamed) > 1:
        lines.append(f"paths with the fault in other places agree with all that was seen: {', '.join(blamed)}")
    return list(dict.fromkeys(lines))


def _remedy(parts: Sequence[Part], evidence: Evidence) -> Remedy | None:
    cases: list[Case] = [case for part in parts for case in part.explanation.cases]
    claims = [
        (observation.probe.claims[0].channel, observation.traffic)
        for part in parts
        for observation in part.explanation.observations
        if observation.probe.claims and observation.traffic is not None
    ]
    distinct = {(traffic.preface, traffic.headers): (channel, traffic) for channel, traffic in claims}
    return find_remedy(cases, list(distinct.values()), evidence.addresses, evidence.place)


def _finding(code: str, lines: Sequence[str], remedy: Remedy | None = None, *, layer: Layer | None = None) -> Finding:
    fault = catalogue.fault(code)
    return Finding(code, fault.name, layer or fault.layer, fault.severity, fault.title, tuple(lines), remedy)


def _forgeries(evidence: Evidence, known: set[str]) -> list[Finding]:
    """Forgery through an entry whose worst trouble is another, and forgery from inside the cluster."""
    found = []
    for part in evidence.outside:
        forged = [o for o in part.explanation.observations if o.forged]
        code = "KIP403" if all(o.forged == "PROXY" for o in forged) else "KIP503"
        if forged and not known & {"KIP403", "KIP503"}:
            known.add(code)
            found.append(_finding(code, because.forged(forged) + because.settings(evidence.kongs)))
    inside = [o for part in evidence.inside for o in part.explanation.observations if o.forged]
    if inside:
        found.append(_finding("KIP603", because.forged(inside)))
    return found


def _beside(evidence: Evidence) -> list[Finding]:
    """Findings that are no culprit's: what could not be told, and what contradicts the configuration."""
    found = []
    if evidence.backend_problem:
        found.append(_finding("KIP602", [evidence.backend_problem]))
    if evidence.missing_rights:
        found.append(_finding("KIP703", [f"you may not {right}" for right in evidence.missing_rights]))
    if evidence.lingering:
        found.append(_finding("KIP704", [evidence.lingering]))
    unread = [f"{kong.name}: {kong.source}" for kong in evidence.kongs if kong.settings is None]
    if unread:
        found.append(_finding("KIP705", unread))
    undetermined = [part for part in evidence.outside if part.verdict is Verdict.UNDETERMINED]
    if undetermined and evidence.addresses.senders.networks is None:
        strangers = _strangers(undetermined, evidence)
        if strangers:
            lines = [f"Kong's side saw {because.owned(address, evidence.addresses)}" for address in strangers]
            found.append(_finding("KIP101", [*lines, evidence.addresses.senders.source], _confirm(strangers, evidence)))
    for part in (*evidence.outside, *evidence.inside):
        contradiction = part.explanation.contradiction
        if contradiction:
            lines = [f"no world agrees with all of this, seen through {part.entry.name}: {contradiction}"]
            found.append(_finding("KIP105", lines + because.logged(part, evidence.addresses)))
    seen_pods = {name: part for part in evidence.outside for name in _unseen(part, evidence)}
    answered = [part for part in evidence.outside if part.verdict is not Verdict.UNREACHABLE]
    if seen_pods and answered:
        lines = [f"{name}: none of the connections reached it" for name in seen_pods]
        found.append(_finding("KIP604", lines))
    assumed = [part for part in evidence.outside if part.explanation.cases and not part.explanation.as_told]
    told = because.settings(evidence.kongs)
    if assumed and told:
        found.append(_finding("KIP701", [*told, "no world in which Kong runs with that agrees with the traffic"]))
    found += [_finding("KIP702", lines) for lines in _contradicted(evidence)]
    passed_on = _passed_on(evidence)
    if passed_on:
        found.append(_finding("KIP601", passed_on))
    return found


def _contradicted(evidence: Evidence) -> list[list[str]]:
    """What is configured of the node hop and is not so in any case."""
    lines = [
        f"{fact.source}, and yet the node {case.world.hops[-1].behaviour.value} on the way through {part.entry.name}"
        for part in evidence.outside
        for fact in evidence.facts.get(part.entry, ())
        if fact.layer is Layer.NODE and part.explanation.cases
        for case in part.explanation.cases[:1]
        if all(one.world.hops[-1].behaviour.value not in fact.behaviours for one in part.explanation.cases)
        and part.verdict is not Verdict.UNREACHABLE
    ]
    return [list(dict.fromkeys(lines))] if lines else []


def _passed_on(evidence: Evidence) -> list[str]:
    for part in evidence.outside:
        for observation in part.explanation.observations:
            claim = observation.probe.claim("X-Forwarded-For")
            if claim is not None and observation.seen.forwarded and claim in observation.seen.forwarded:
                chain = ", ".join(observation.seen.forwarded)
                return [f"a probe that sent X-Forwarded-For: {claim} reached the echo with X-Forwarded-For: {chain}"]
    return []


def _strangers(parts: Sequence[Part], evidence: Evidence) -> list[Address]:
    inventory = evidence.addresses.inventory
    seen = {address for part in parts for o in part.plain for address in o.visible if not inventory.owners(address)}
    return sorted(seen, key=str)


def _confirm(strangers: Sequence[Address], evidence: Evidence) -> Remedy:
    """The same command again, with the address to confirm."""
    text = "\n".join(f"{evidence.command} --caller-ip {address}" for address in strangers)
    return Remedy("If that address is the caller's own, say so and run again", False, (RemedyStep("kongip", text),))


def _settling(evidence: Evidence, culprits: Sequence[Culprit]) -> Iterable[str]:
    """What would tell apart what could not be told apart."""
    possible = [culprit for culprit in culprits if culprit.certainty == "possible"]
    undetermined = [part for part in evidence.outside if part.verdict is Verdict.UNDETERMINED]
    for address in _strangers(undetermined, evidence):
        yield f"whose address {address} is: --caller-ip {address} says the caller's, --owner {address}=LAYER another's"
    if {"KIP201", "KIP301"} <= {culprit.code for culprit in possible}:
        yield (
            "whether the balancer forwards packets or proxies connections: behind a node that rewrites the source both "
            "look alike; its documentation tells, or a run with externalTrafficPolicy Local"
        )
    if {culprit.code for culprit in possible} & {"KIP401", "KIP402"}:
        yield "nothing more to measure: balancer and Kong disagree on the PROXY protocol, and either may be changed"
    answered = (part for part in evidence.outside if part.verdict is not Verdict.UNREACHABLE)
    for part in answered:
        for name in _unseen(part, evidence):
            yield f"a connection that reaches {name}: more of them (--connections), or an entry that leads there"
    if evidence.backend_problem:
        yield "an echo that answers: it sees both of the addresses that Kong holds"
