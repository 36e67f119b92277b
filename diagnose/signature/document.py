"""The signature as a JSON document, and the exit status that goes with it."""

from __future__ import annotations

from typing import Any

from diagnose.errors import COULD_NOT_RUN, UNDETERMINED
from diagnose.explain.evidence import described
from diagnose.signature.states import Signature
from probes.outcome import Answered, Refused, Sent, TimedOut, Unreachable
from probes.probe import PROXY_CHANNEL

SCHEMA = "kongip.probe/v1"


def document(signature: Signature) -> dict[str, Any]:
    """``signature`` as what json.dumps takes; unknown is null."""
    target = signature.sent[0].probe.target
    return {
        "schema": SCHEMA,
        "target": {
            "address": target.address,
            "port": target.port,
            "scheme": target.scheme,
            "host": target.host,
            "not_asked": list(signature.others),
        },
        "answers": [_answer(one) for one in signature.sent],
        "states": [{"state": state.name.lower().replace("_", "-"), "means": state.value} for state in signature.states],
    }


def _answer(sent: Sent) -> dict[str, Any]:
    outcome = sent.outcome
    return {
        "proxy_header": sent.probe.preamble,
        "claimed": sent.probe.claim(PROXY_CHANNEL),
        "outcome": described(outcome),
        "status": outcome.status if isinstance(outcome, Answered) else None,
        "server": outcome.header("Server") if isinstance(outcome, Answered) else None,
        "seconds": round(sent.seconds, 4),
    }


def connected(sent: Sent) -> bool:
    """Whether a TCP connection was made."""
    return not isinstance(sent.outcome, Refused | Unreachable | TimedOut) or (
        isinstance(sent.outcome, TimedOut) and sent.outcome.phase != "connect"
    )


def exit_status(signature: Signature) -> int:
    """0 where something explains the answers, 3 where nothing does, 4 where no connection was made."""
    if not any(map(connected, signature.sent)):
        return COULD_NOT_RUN
    return 0 if signature.states else UNDETERMINED
