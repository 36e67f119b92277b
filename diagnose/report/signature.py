"""A wire signature for people: what was sent, what came back, and what agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from diagnose.explain.evidence import described
from diagnose.hosts import bracketed
from diagnose.report import blocks
from diagnose.report.signs import Signs
from diagnose.signature.document import connected
from diagnose.signature.states import Signature, State
from probes.outcome import Answered, Closed, Reset, Sent
from probes.probe import PROXY_CHANNEL, Preamble

WORDS = {
    Preamble.NONE: "none",
    Preamble.V1: "version 1",
    Preamble.V2: "version 2",
    Preamble.V1_UNKNOWN: "version 1 UNKNOWN",
    Preamble.V2_LOCAL: "version 2 LOCAL",
}


def show(signature: Signature, stream: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Write ``signature`` to ``stream``; see ``blocks.put`` for ``width`` and ``colour``."""
    blocks.put(lambda signs: _blocks(signature, signs), stream, width, colour)


def _blocks(signature: Signature, signs: Signs) -> Iterator[RenderableType]:
    target = signature.sent[0].probe.target
    yield blocks.heading(f"{bracketed(target.address)}:{target.port} over {target.scheme}, asked as {target.host}")
    if signature.others:
        yield Text(f"The name has further addresses, not asked: {', '.join(signature.others)}")
    yield ""
    table = blocks.table("PROXY header", "claims", "answer")
    for sent in signature.sent:
        blocks.row(table, WORDS[sent.probe.preamble], sent.probe.claim(PROXY_CHANNEL) or "", _answer(sent))
    yield table
    yield ""
    if signature.states:
        yield from blocks.listed("What agrees with these answers", (state.value for state in signature.states), signs)
    yield from blocks.listed("Mind", _hints(signature), signs)


def _answer(sent: Sent) -> str:
    server = sent.outcome.header("Server") if isinstance(sent.outcome, Answered) else None
    return f"{described(sent.outcome)} (Server: {server})" if server else described(sent.outcome)


def _hints(signature: Signature) -> Iterator[str]:
    """What to bear in mind, or to ask next."""
    states = set(signature.states)
    if not any(map(connected, signature.sent)):
        yield "No connection was made: nothing can be told of what would answer there."
    elif not states and len({described(one.outcome) for one in signature.sent}) == 1:
        yield "No connection got an answer in HTTP: what listens there speaks none, or nothing behind it answers."
    elif not states:
        yield "No state that kongip knows gives these answers; several listeners behind one address would."
    if states and all(isinstance(one.outcome, Closed | Reset) for one in signature.sent):
        yield "A balancer with nothing behind it closes connections just so."
    if {State.NONE, State.BOTH} <= states:
        yield "Only what Kong logs tells these two apart: kongip diagnose reads it."
    if State.FRONT_WRITES in states:
        yield "A server that answers 400 to all it is asked looks the same: name a host that it serves with --host."
    if State.NOT_TLS in states:
        yield "Try it without --tls."
    if State.TLS_ONLY in states:
        yield "Try it with --tls."
    if states & {State.LISTENER_ALONE, State.FRONT_WANTS, State.FRONT_TAKES}:
        yield "That a header was read does not tell that it was believed: nginx and Kong look at trusted_ips for that."
