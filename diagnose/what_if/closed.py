"""Why Kong closed a connection without reading a request: its PROXY header."""

from __future__ import annotations

from diagnose.path.preface import BROKEN, PLAIN_LIMIT, TOO_LARGE, UNKNOWN_VERSION, Accepted, Refused, read_preface
from diagnose.path.settings import Listener
from diagnose.path.traffic import Traffic

_WRONG = {
    BROKEN: "came is none that nginx can read",
    TOO_LARGE: "came is larger than nginx takes there",
    UNKNOWN_VERSION: "came is of a version that nginx does not know",
    None: "came is too short for the addresses it promises",
}


def closed(listener: Listener, traffic: Traffic, complaints: tuple[str, ...], end: str) -> str:
    """The sentence for a connection that was closed; ``end`` says in words what Kong does then."""
    segments = [segment for segment in traffic.preface if segment]
    complaint = complaints[0] if complaints else None
    if complaint is None and not _cut_short(segments):
        return f"Port {listener.port} speaks TLS, and what came first is no start of TLS that nginx can read: {end}."
    wants = f"Port {listener.port} wants a PROXY header"
    log = f"and logs {complaint!r}" if complaint else "and logs no error"
    if not segments:
        return f"{wants} and got none: {end} {log}."
    if complaint == BROKEN and isinstance(read_preface(b"".join(segments), PLAIN_LIMIT), Accepted):
        return f"{wants} in one piece, and it came in several TCP segments: {end} {log}."
    return f"{wants}, and what {_WRONG[complaint]}: {end} {log}."


def _cut_short(segments: list[bytes]) -> bool:
    """Whether the first segment is what nginx closes for without a word; such a header is far below every limit."""
    return bool(segments) and read_preface(segments[0], PLAIN_LIMIT) == Refused(None)
