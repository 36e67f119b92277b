"""Findings: which entries of the catalogue this run met, why that is believed, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from diagnose import catalogue
from diagnose.conclude import because
from diagnose.conclude.gathered import Evidence, strangers, unseen
from diagnose.explain.evidence import departure
from diagnose.explain.faults import MISMATCH, believes_callers
from diagnose.explain.groups import Part
from diagnose.explain.sights import UNKNOWN_SOURCE
from diagnose.path.traffic import Address, Layer
from diagnose.providers.provider import Match
from diagnose.remedies.find import find_remedy
from diagnose.report.report import Culprit, Finding, Remedy, RemedyStep, Severity, Verdict
from diagnose.site import EntryKind


def find_all(evidence: Evidence, culprits: Sequence[Culprit], verdict: Verdict) -> tuple[Finding, ...]:
    """Every finding of the run, the gravest first; culprits of one code share one."""
    one_a_code: dict[str, Culprit] = {}
    for culprit in culprits:
        one_a_code.setdefault(culprit.code, culprit)
    found: list[Finding] = []
    blamed = [(one, parts) for one in one_a_code.values() if (parts := _losing_by(one, evidence))]
    wrong = {id(part): part for _, parts in blamed for part in parts}
    joint = _remedy(list(wrong.values()), evidence) if wrong else None
    for one, parts in blamed:
        whole = len(parts) == len(wrong) or (joint is not None and joint.sufficient)
        remedy = joint if whole else _remedy(parts, evidence, [part for part in wrong.values() if part not in parts])
        found.append(_of_culprit(one, parts, remedy, evidence))
    found += _forgeries(evidence, {culprit.code for culprit in culprits})
    found += _beside(evidence)
    found += _configured(evidence, verdict)
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _configured(evidence: Evidence, verdict: Verdict) -> list[Finding]:
    """What the objects alone show, unless the traffic refutes it."""
    if not evidence.configured:
        return []
    from diagnose.inspect.judge import agreeing_with  # with all that reads a cluster: a lab has no need of it

    return agreeing_with(evidence.configured, verdict)


def _losing_by(culprit: Culprit, evidence: Evidence) -> list[Part]:
    """The parts in which something is wrong for sure and that culprit is, or may be, what it is."""
    return [
        part
        for part in evidence.outside
        if part.verdict is not Verdict.UNDETERMINED
        and any((one.layer, one.code) == (culprit.layer, culprit.code) for one in part.explanation.culprits)
    ]


def _of_culprit(culprit: Culprit, parts: Sequence[Part], remedy: Remedy | None, evidence: Evidence) -> Finding:
    lines = [line for part in parts for line in _lines(culprit, part, evidence)]
    return _finding(culprit.code, lines, remedy, layer=culprit.layer)


def _lines(culprit: Culprit, part: Part, evidence: Evidence) -> list[str]:
    addresses = evidence.addresses
    lines = because.logged(part, addresses) + because.peers(part, addresses) + because.captured(part, addresses)
    if culprit.code in ("KIP401", "KIP402", "KIP403"):
        lines += because.wire(part)
    if culprit.layer in (Layer.EDGE, Layer.LOAD_BALANCER) or culprit.code in MISMATCH:
        lines += because.hints(part)
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
    if culprit.code not in MISMATCH and len(blamed) > 1:
        lines.append(f"paths with the fault in other places agree with all that was seen: {', '.join(blamed)}")
    return list(dict.fromkeys(lines))


def _remedy(parts: Sequence[Part], evidence: Evidence, others: Sequence[Part] = ()) -> Remedy | None:
    """The remedy for all of these parts at once; what is well must stay so, and no claim may be believed.

    ``others`` are ill in another way; while they are, what cures these parts is a first step.
    """
    well = [part for part in evidence.outside if part.verdict is Verdict.PRESERVED]
    entries = {part.entry for part in (*parts, *well)}
    observations = [o for part in evidence.outside if part.entry in entries for o in part.explanation.observations]
    probes = [*(o.probe for o in observations), *(one for entry in entries for one in evidence.claims.get(entry, ()))]
    seen = frozenset(address for o in observations for address in o.visible)
    cases, healthy, left = (
        [case for part in some for case in part.explanation.cases] for some in (parts, well, others)
    )
    source = next((case.plain.source for case in cases), UNKNOWN_SOURCE)
    claims = {(one.preamble, one.claims): one for one in probes if one.claims}
    departed = [(one.claims[0].channel, departure(one, source)) for one in claims.values()]
    place = replace(evidence.place, provider=_provider(parts, evidence))
    as_told = all(part.explanation.as_told for part in (*parts, *well))
    return find_remedy(cases, departed, evidence.addresses, place, seen, healthy, left, as_told=as_told)


def _provider(parts: Sequence[Part], evidence: Evidence) -> Match | None:
    """Whose the one balancer on the way of these parts is. A published address is its Service's by whatever name."""
    published = {entry.address: entry.name for entry in evidence.facts if entry.kind is EntryKind.SERVICE}
    names = {published.get(part.entry.address, part.entry.name) for part in parts}
    return evidence.providers.get(names.pop()) if len(names) == 1 else None


def _finding(code: str, lines: Sequence[str], remedy: Remedy | None = None, *, layer: Layer | None = None) -> Finding:
    fault = catalogue.fault(code)
    return Finding(code, fault.name, layer or fault.layer, fault.severity, fault.title, tuple(lines), remedy)


def _forgeries(evidence: Evidence, known: set[str]) -> list[Finding]:
    """Forgery through an entry whose worst trouble is another, and forgery from inside the cluster."""
    found = []
    for part in evidence.outside:
        forged = [o for o in part.explanation.observations if o.forged]
        code = _forgery_of(part, [o.forged for o in forged])
        if forged and not known & {"KIP403", "KIP404", "KIP503"}:
            known.add(code)
            found.append(_finding(code, because.forged(forged) + because.settings(evidence.kongs)))
    inside = [o for part in evidence.inside for o in part.explanation.observations if o.forged]
    if inside:
        found.append(_finding("KIP603", because.forged(inside)))
    return found


def _forgery_of(part: Part, channels: Sequence[str | None]) -> str:
    """The code for claims that were believed: of a header by Kong, of a PROXY header by Kong or a proxy before it."""
    if any(channel != "PROXY" for channel in channels):
        return "KIP503"
    worlds = [case.world.hops for case in part.explanation.cases]
    before = [any(believes_callers(hops, index) for index in range(len(hops))) for hops in worlds]
    return "KIP404" if before and all(before) else "KIP403"


def _beside(evidence: Evidence) -> list[Finding]:
    """Findings that are no culprit's: what could not be told, and what contradicts the configuration."""
    return [*_lacking(evidence), *_open(evidence), *_contradictions(evidence)]


def _lacking(evidence: Evidence) -> list[Finding]:
    """What the run had to do without."""
    unread = [f"{kong.name}: {kong.source}" for kong in evidence.kongs if kong.settings is None]
    lacking = {
        "KIP203": [
            line
            for part in evidence.outside
            if part.explanation.silent
            for line in because.logged(part, evidence.addresses)
        ],
        "KIP204": evidence.unprobed,
        "KIP208": [line for part in evidence.outside for line in because.turned_away(part)],
        "KIP602": [evidence.backend_problem] if evidence.backend_problem else [],
        "KIP703": [f"you may not {right}" for right in evidence.missing_rights],
        "KIP704": [evidence.lingering] if evidence.lingering else [],
        "KIP705": unread,
    }
    return [_finding(code, lines) for code, lines in lacking.items() if lines]


def _open(evidence: Evidence) -> list[Finding]:
    """What the evidence leaves open: whose an address is, what explains it at all, and pods that nobody reached."""
    found = []
    undetermined = [part for part in evidence.outside if part.verdict is Verdict.UNDETERMINED]
    unowned = strangers(undetermined, evidence)
    if unowned and evidence.addresses.senders.networks is None:
        lines = [f"Kong's side saw {because.owned(address, evidence.addresses)}" for address in unowned]
        found.append(_finding("KIP101", [*lines, evidence.addresses.senders.source], _confirm(unowned, evidence)))
    for part in (*evidence.outside, *evidence.inside):
        if part.explanation.contradiction:
            told = f"no world agrees with all of this, seen through {part.entry.name}: {part.explanation.contradiction}"
            code = "KIP106" if part.verdict in (Verdict.LOST, Verdict.UNREACHABLE) else "KIP105"
            found.append(_finding(code, [told, *because.logged(part, evidence.addresses)]))
    answered = (part for part in evidence.outside if part.verdict is not Verdict.UNREACHABLE)
    missed = dict.fromkeys(name for part in answered for name in unseen(part, evidence))
    if missed:
        found.append(_finding("KIP604", [f"{name}: none of the connections reached it" for name in missed]))
    return found


def _contradictions(evidence: Evidence) -> list[Finding]:
    """Where traffic shows something else than what is configured, and what Kong passes on by design."""
    found = []
    told = because.settings(evidence.kongs)
    if told and any(part.explanation.cases and not part.explanation.as_told for part in evidence.outside):
        found.append(_finding("KIP701", [*told, "no world in which Kong runs with that agrees with the traffic"]))
    policies = _contradicted(evidence)
    if policies:
        found.append(_finding("KIP702", policies))
    passed_on = _passed_on(evidence)
    if passed_on:
        found.append(_finding("KIP601", passed_on))
    return found


def _contradicted(evidence: Evidence) -> list[str]:
    """What is configured of the node hop and is not so in any case."""
    lines = []
    for part in evidence.outside:
        hops = (hop for case in part.explanation.cases for hop in case.world.hops if hop.layer is Layer.NODE)
        does = [hop.behaviour.value for hop in hops]
        if not does or part.verdict is Verdict.UNREACHABLE:
            continue
        lines += [
            f"{fact.source}, and yet the node {does[0]} on the way through {part.entry.name}"
            for fact in evidence.facts.get(part.entry, ())
            if fact.layer is Layer.NODE and not fact.behaviours & set(does)
        ]
    return list(dict.fromkeys(lines))


def _passed_on(evidence: Evidence) -> list[str]:
    for part in evidence.outside:
        for observation in part.explanation.observations:
            claim = observation.probe.claim("X-Forwarded-For")
            if claim is not None and observation.seen.forwarded and claim in observation.seen.forwarded:
                chain = ", ".join(observation.seen.forwarded)
                return [f"a probe that sent X-Forwarded-For: {claim} reached the echo with X-Forwarded-For: {chain}"]
    return []


def _confirm(strangers: Sequence[Address], evidence: Evidence) -> Remedy:
    """The same command again, with the address to confirm."""
    text = "\n".join(f"{evidence.command} --caller-ip {address}" for address in strangers)
    return Remedy("If that address is the caller's own, say so and run again", False, (RemedyStep("kongip", text),))
