"""Probes from the echo pod: what comes back, and why nothing may."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from diagnose.cluster.inside import send_inside
from diagnose.cluster.replies import Executed, Reply
from diagnose.errors import Stop
from probes.outcome import Refused, TimedOut
from probes.probe import Probe, Target, Vantage
from tests.diagnose.cluster.things import thing

POD = thing("echo-1")
PROBES = [
    Probe(nonce, Target("10.78.1.5", 8000, "http", "kong.test"), f"/kongip-x/{nonce}", Vantage.INSIDE)
    for nonce in ("n1", "n2")
]
RESULT: dict[str, Any] = {"phase": "connect", "reason": "", "socket": None, "received": "", "started": 0, "seconds": 1}


class Pod:
    """Stands where the Api does: answers each exec with what it was given, and keeps what it was told."""

    def __init__(self, answer: Executed | Reply | Stop) -> None:
        self.answer = answer
        self.stdin = b""
        self.place: tuple[str, str, str] | None = None

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
    ) -> Executed | Reply:
        self.place, self.stdin = (namespace, pod, container), stdin
        if isinstance(self.answer, Stop):
            raise self.answer
        return self.answer


def sent(pod: Pod) -> Any:
    return send_inside(pod, POD, PROBES, 1.0)  # type: ignore[arg-type]


def test_outcomes_come_back_in_the_order_of_the_probes() -> None:
    lines = [json.dumps(RESULT | {"outcome": outcome}) for outcome in ("refused", "timed-out")]
    pod = Pod(Executed(0, "\n".join(lines).encode(), b""))
    assert [(one.probe.nonce, one.outcome) for one in sent(pod)] == [("n1", Refused()), ("n2", TimedOut("connect"))]
    assert pod.place == ("kong", "echo-1", "echo")
    assert pod.stdin.endswith(b"\n\n")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Reply(403, b'{"message": "pods/exec is forbidden"}'), "pods/exec is forbidden"),
        (Stop("The API server is gone.", ""), "The API server is gone."),
        (Executed(None, b"", b""), "the sender in the echo pod did not end: no word on standard error"),
        (
            Executed(1, b"", b"Traceback\nMemoryError\n\n"),
            "the sender in the echo pod ended with exit status 1: MemoryError",
        ),
        (Executed(0, b"{}", b""), "the sender in the echo pod answered amiss: 1 results for 2 probes"),
        (Executed(0, b"{}\n{}", b""), "the sender in the echo pod answered amiss: no result of a probe: 'outcome'"),
    ],
)
def test_where_none_can_be_sent_the_reason_is_told(answer: Executed | Reply | Stop, why: str) -> None:
    assert sent(Pod(answer)) == why
