"""Relay: probes as orders for ``inside.py``, and its results as the same values that ``send.py`` gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, get_args

from probes import compose
from probes.outcome import (
    Answered,
    Closed,
    Outcome,
    Phase,
    Refused,
    Reset,
    Sent,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from probes.probe import Probe


def orders(probes: Sequence[Probe], timeout: float) -> str:
    """The text that tells ``inside.py`` to send ``probes``; ``timeout`` is seconds for each step."""
    return "".join(json.dumps(_order(probe, timeout)) + "\n" for probe in probes) + "\n"


def results(text: str, probes: Sequence[Probe]) -> list[Sent]:
    """What ``inside.py`` printed, in the order of ``probes``. ValueError if that is not what it is."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != len(probes):
        raise ValueError(f"{len(lines)} results for {len(probes)} probes")
    try:
        return [_sent(probe, json.loads(line)) for probe, line in zip(probes, lines, strict=True)]
    except RecursionError:  # brackets without end
        raise ValueError("no result of a probe: it has too many brackets") from None


def _order(probe: Probe, timeout: float) -> dict[str, Any]:
    return {
        "address": probe.target.address,
        "port": probe.target.port,
        "tls": probe.target.scheme == "https",
        "server_name": probe.target.host.strip("[]"),  # an address has no brackets in a handshake
        "preface": _text(compose.preface(probe)),
        "request": _text(compose.request(probe)),
        "timeout": timeout,
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _sent(probe: Probe, said: Any) -> Sent:
    try:
        name, phase, reason, own = said["outcome"], said["phase"], said["reason"], said["socket"]
        if phase not in get_args(Phase) or not isinstance(reason, str) or not isinstance(own, str | None):
            raise ValueError(f"no result of a probe: {phase=}, {reason=}, socket={own!r}")
        outcome = _outcome(name, phase, reason, base64.b64decode(said["received"], validate=True))
        return Sent(probe, outcome, own, float(said["started"]), float(said["seconds"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no result of a probe: {error}") from error


def _outcome(name: Any, phase: Phase, reason: str, received: bytes) -> Outcome:
    match name:
        case "answered":
            return read_response(received)
        case "closed":
            return Closed()
        case "reset":
            return _unless_whole(received, Reset(phase))
        case "refused":
            return Refused()
        case "timed-out":
            return _unless_whole(received, TimedOut(phase))
        case "tls-failed":
            return TlsFailed(reason)
        case "unreachable":
            return Unreachable(reason)
    raise ValueError(f"unknown outcome {name!r}")


def _unless_whole(received: bytes, ended: Outcome) -> Outcome:
    """How the connection ended, unless a whole response had come: a peer may reset it or keep it open behind one."""
    read = read_response(received, closed=False)
    return read if isinstance(read, Answered) else ended


def read_response(received: bytes, *, closed: bool = True) -> Outcome:
    """The response that ``received``, all that came, holds; ``closed`` tells whether the peer closed behind it."""
    from probes.answer import KEPT, Answer

    if not received:
        return Closed()
    answer = Answer()
    outcome = answer.take(received)
    if outcome is None and closed:
        outcome = answer.take(b"")
    return outcome if outcome is not None else Closed(received[:KEPT])
