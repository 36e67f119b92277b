"""Settling: which probe, witness, permission or fact would tell apart what the evidence leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from diagnose.conclude.gathered import Evidence, strangers, unseen
from diagnose.explain.groups import Part
from diagnose.hosts import bracketed
from diagnose.owners import Kind
from diagnose.path.proxying import Answer
from diagnose.path.traffic import Address
from diagnose.report.report import Culprit, Verdict
from probes.outcome import Answered

_BETWEEN: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (
        frozenset({"KIP201"}),
        frozenset({"KIP301"}),
        "whether the balancer forwards packets or proxies connections: behind a node that rewrites the source both "
        "look alike; its documentation tells, a run with externalTrafficPolicy Local, or packets captured on the node "
        "meanwhile: --capture FILE@node",
    ),
    (
        frozenset({"KIP201"}),
        frozenset({"KIP202"}),
        "whether the balancer looks into HTTP: Kong's access log shows a probe's PROXY header where it does not",
    ),
    (
        frozenset({"KIP202", "KIP201"}),
        frozenset({"KIP501", "KIP502"}),
        "whether the balancer writes X-Real-IP: Kong replaces that header, so that no witness behind it can tell; the "
        "balancer's configuration does, or packets captured at Kong meanwhile: --capture FILE@gateway",
    ),
    (
        frozenset({"KIP205"}),
        frozenset({"KIP201", "KIP202", "KIP207"}),
        "a way round the edge: the balancer's own address as a further entry, --url http://ADDRESS",
    ),
    (
        frozenset({"KIP405"}),
        frozenset({"KIP402"}),
        "who closes connections without a PROXY header: if it is Kong, its error log says 'broken header'",
    ),
)
"""Codes of either side that may both be possible, and what decides between the sides."""

_SIDECAR = "KIP303"

LISTED = 3
"""Names that one sentence tells."""

_EITHER = frozenset({"KIP206", "KIP401", "KIP402"})


def settling(evidence: Evidence, culprits: Sequence[Culprit]) -> Iterable[str]:
    """What would tell apart what could not be told apart, a sentence each."""
    undetermined = [part for part in evidence.outside if part.verdict is Verdict.UNDETERMINED]
    for address in strangers(undetermined, evidence):
        yield f"whose address {address} is: --caller-ip {address} says the caller's, --owner {address}=LAYER another's"
    possible = {culprit.code for culprit in culprits if culprit.certainty == "possible"}
    if _SIDECAR in possible:
        yield (
            "what happens before a mesh's sidecar in Kong's pod, if it is one that Kong logs: leave Kong's ports out "
            f"of the mesh, as {_SIDECAR} tells, and run again"
        )
    else:
        yield from (told for one, other, told in _BETWEEN if one & possible and other & possible)
        if {"KIP206", "KIP401"} <= possible:
            yield _turned_down(evidence)
    yield from _servers(evidence)
    clear = [part.entry for part in evidence.outside if any(o.seen.clear_reply for o in part.plain)]
    for entry in dict.fromkeys(clear):
        yield (
            f"whether port {entry.port} of {entry.address} is to speak TLS at all, since it answered a handshake in "
            f"clear text: kongip probe {bracketed(entry.address)}:{entry.port}"
        )
    yield from _pods(evidence, possible)
    if possible and possible <= _EITHER and not clear:
        yield "nothing more to measure: the balancer and Kong disagree, and either may be changed"
    answered = [part for part in evidence.outside if part.verdict is not Verdict.UNREACHABLE]
    missed = list(dict.fromkeys(name for part in answered for name in unseen(part, evidence)))
    if missed:
        yield f"a connection that reaches {_each(missed)}: more of them (--connections), or an entry that leads there"
    if any(part.explanation.crowded for part in evidence.outside):
        yield "Kong's settings: with nothing known of them, too much agrees with what was seen"
    if evidence.backend_problem:
        yield "an echo that answers: it sees both of the addresses that Kong holds"


def _turned_down(evidence: Evidence) -> str:
    """Where it stands what Kong made of connections that began with what it does not expect."""
    if any(o.seen.answer is Answer.REJECTED for part in evidence.outside for o in part.plain):
        return "what Kong answered with 400: its access log shows the request, or a PROXY header in its place"
    return (
        "why connections ended without an answer: Kong's access log shows what it answered with 400, its error log "
        "what it closed"
    )


def _servers(evidence: Evidence) -> Iterator[str]:
    """What stands in the logs of a proxy that answers everything with an error in its server's place."""
    for part in evidence.outside:
        outcomes = [o.sent.outcome for o in part.plain if o.seen.answer is Answer.BAD_GATEWAY]
        statuses = sorted({str(one.status) for one in outcomes if isinstance(one, Answered)})
        if statuses and len(outcomes) == len(part.plain):
            yield (
                f"why what answers {' and '.join(statuses)} at {part.entry.name} got nothing from Kong: its log tells "
                "what became of its connection, and its health checks whether it made one at all"
            )


def _each(names: Sequence[str]) -> str:
    """Some names as people list them: the first few, and how many there are besides."""
    if len(names) == 1:
        return names[0]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"each of {', '.join(names[:LISTED])}{more}"


def _pods(evidence: Evidence, possible: set[str]) -> Iterator[str]:
    """Whose an address of a pod network is, where not all pods could be listed."""
    inventory = evidence.addresses.inventory
    if inventory.pods_listed or not possible & {"KIP301", "KIP304"}:
        return
    for address in sorted({one for part in evidence.outside for one in _seen(part)}, key=str):
        if any(owner.kind is Kind.POD_NETWORK for owner in inventory.owners(address)):
            yield (
                f"whether {address} is a pod's: the right to list pods in all namespaces, or kubectl get pods "
                f"--all-namespaces --field-selector status.podIP={address}"
            )


def _seen(part: Part) -> set[Address]:
    return {address for observation in part.plain for address in observation.visible}
