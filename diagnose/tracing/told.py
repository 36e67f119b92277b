"""A traced path as text and as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diagnose.report.harmless import harmless
from diagnose.tracing.judge import Balancer, Judgement
from probes.reach import Accepted, Attempt, Connected, Expired, Silent
from probes.traced import Answer, Rung, Trace

SAID = {
    Balancer.PASSES_THROUGH: "it points to a balancer that forwards packets: passes_through",
    Balancer.PROXIES: "it points to something before Kong that ends the connection: proxies",
    Balancer.UNKNOWN: "it does not tell if a balancer forwards packets or proxies connections",
}


def text(path: Trace, judgement: Judgement) -> Iterator[str]:
    """The path, what it tells, and what was not looked at, a line each."""
    yield f"the path to {path.target.address}:{path.target.port}"
    for rung in path.rungs:
        yield harmless(f"  {rung.ttl:>2}  {_reached(rung.attempt, path)}")
    for answer in path.answers[:1]:
        yield harmless(f"      {_answer(answer)}")
    for line in filter(None, (judgement.leaves, *judgement.rewrites)):
        yield f"  {harmless(line)}"
    yield f"  => {SAID[judgement.balancer]}"
    yield from (f"     {harmless(line)}" for line in judgement.because)
    yield from (f"  not looked at: {line}" for line in path.skipped)


def _reached(attempt: Attempt, path: Trace) -> str:
    match attempt.reached:
        case Expired(by=by):
            name = f"{by} (behind the target's own address)" if by == path.target.address else by
            return f"{name}   {attempt.seconds * 1000:.1f} ms"
        case Connected():
            took = "accepts the connection" if attempt.accepted is not None else "refuses the connection"
            return f"{path.target.address} {took}   {attempt.seconds * 1000:.1f} ms"
        case Silent():
            return "no answer"


def _answer(answer: Answer) -> str:
    parts = [f"TTL {answer.ttl}"] if answer.ttl is not None else []
    parts += [f"window {answer.window}"] if answer.window is not None else []
    parts += [f"options {', '.join(answer.options)}"] if answer.options else []
    return f"its answer: {'; '.join(parts) or 'not seen'}"


SCHEMA = "kongip.trace/v1"


def document(path: Trace, judgement: Judgement) -> dict[str, Any]:
    """The path and what it tells as one JSON document."""
    return {
        "schema": SCHEMA,
        "target": {"address": path.target.address, "port": path.target.port},
        "hops": [_rung(rung) for rung in path.rungs],
        "answers": [_answer_document(one) for one in path.answers],
        "leaves": judgement.leaves,
        "rewrites": list(judgement.rewrites),
        "load_balancer": judgement.balancer.value,
        "because": list(judgement.because),
        "skipped": list(path.skipped),
    }


def _rung(rung: Rung) -> dict[str, Any]:
    reached = rung.attempt.reached
    return {
        "ttl": rung.ttl,
        "kind": type(reached).__name__.lower(),
        "address": reached.by if isinstance(reached, Expired) else None,
        "seconds": round(rung.attempt.seconds, 6),
        "accepted": _accepted(rung.attempt.accepted),
        "changes": None
        if rung.quote is None
        else [{"field": name, "sent": sent, "quoted": quoted} for name, sent, quoted in rung.quote.changes],
    }


def _accepted(accepted: Accepted | None) -> dict[str, Any] | None:
    if accepted is None:
        return None
    return {"options": sorted(accepted.options), "window_scale": accepted.scale, "mss": accepted.mss}


def _answer_document(answer: Answer) -> dict[str, Any]:
    options = list(answer.options) if answer.options is not None else None
    return {"ttl": answer.ttl, "window": answer.window, "options": options, "refused": answer.refused}
