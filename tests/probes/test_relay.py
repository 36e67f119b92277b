"""Orders for the sender in the echo pod, and what its words mean."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import compose, relay
from probes.outcome import Answered, Closed, Garbled, Outcome, Refused, Reset, TimedOut, TlsFailed, Unreachable
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target
from tests.probes.scenes import (
    ALERT,
    BAD_HEAD,
    BODY_LIMIT,
    CHUNKED,
    HALF_BODY,
    HALF_HEAD,
    INTERIM,
    LARGE,
    LENGTH,
    NO_LENGTH,
    OF_LENGTH,
)

PROBE = Probe(
    "n0nce",
    Target("203.0.113.80", 8443, "https", "kong.test"),
    "/kongip/n0nce",
    preamble=Preamble.V1,
    claims=(Claim(PROXY_CHANNEL, "192.0.2.3"),),
    claimed_port=4711,
)
RESULT: dict[str, Any] = {
    "outcome": "closed",
    "phase": "answer",
    "reason": "",
    "socket": "10.0.0.9",
    "received": "",
    "started": 1700000000.5,
    "seconds": 0.25,
}


def line(received: bytes = b"", **more: Any) -> str:
    return json.dumps(RESULT | {"received": base64.b64encode(received).decode()} | more) + "\n"


def outcome(received: bytes = b"", **more: Any) -> Outcome:
    return relay.results(line(received, **more), [PROBE])[0].outcome


def test_an_order_holds_the_bytes_to_send() -> None:
    first, end = relay.orders([PROBE], 2.5).split("\n", 1)
    order = json.loads(first)
    assert base64.b64decode(order.pop("preface")) == compose.preface(PROBE)
    assert base64.b64decode(order.pop("request")) == compose.request(PROBE)
    assert order == {"address": "203.0.113.80", "port": 8443, "tls": True, "server_name": "kong.test", "timeout": 2.5}
    assert end == "\n"


def test_orders_are_one_a_line_and_an_empty_line_ends_them() -> None:
    assert relay.orders([PROBE, PROBE], 1).count("\n") == 3
    assert relay.orders([], 1) == "\n"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"outcome": "closed"}, Closed()),
        ({"outcome": "reset", "phase": "tls"}, Reset("tls")),
        ({"outcome": "refused", "phase": "connect"}, Refused()),
        ({"outcome": "timed-out", "phase": "connect"}, TimedOut("connect")),
        ({"outcome": "tls-failed", "reason": "WRONG_VERSION_NUMBER"}, TlsFailed("WRONG_VERSION_NUMBER")),
        ({"outcome": "unreachable", "reason": "No route to host"}, Unreachable("No route to host")),
    ],
)
def test_outcomes(said: dict[str, Any], meant: Outcome) -> None:
    assert outcome(**said) == meant


@pytest.mark.parametrize(
    ("received", "meant"),
    [
        (LENGTH, OF_LENGTH),
        (INTERIM, OF_LENGTH),
        (NO_LENGTH, Answered(200, (), b"kong")),
        (CHUNKED, Answered(200, (("Transfer-Encoding", "chunked"),), b"kong")),
        (LARGE[: 128 * 1024], Answered(200, (("Content-Length", "300000"),), b"x" * BODY_LIMIT)),
        (HALF_BODY, Closed(HALF_BODY)),
        (HALF_HEAD, Closed(HALF_HEAD)),
        (BAD_HEAD, Closed(BAD_HEAD)),
        (ALERT, Garbled(ALERT)),
        (b"HTT", Garbled(b"HTT")),
        (b"\x00" * 5000, Garbled(b"\x00" * 1024)),
        (b"", Closed()),
    ],
)
def test_what_came_until_the_close(received: bytes, meant: Outcome) -> None:
    assert outcome(received, outcome="answered") == meant


@pytest.mark.parametrize("ended", ["reset", "timed-out"])
@pytest.mark.parametrize(
    ("received", "whole"),
    [(LENGTH, True), (CHUNKED, True), (HALF_BODY, False), (NO_LENGTH, False), (HALF_HEAD, False), (ALERT, False)],
)
def test_a_whole_answer_counts_however_the_connection_ended(ended: str, received: bytes, whole: bool) -> None:
    otherwise = Reset("answer") if ended == "reset" else TimedOut("answer")
    assert isinstance(outcome(received, outcome=ended), Answered) is whole
    assert whole or outcome(received, outcome=ended) == otherwise


def test_who_when_and_how_long_come_back_with_it() -> None:
    sent = relay.results(line(), [PROBE])[0]
    assert (sent.probe, sent.socket, sent.started, sent.seconds) == (PROBE, "10.0.0.9", 1700000000.5, 0.25)
    assert sent.certificate is None


def test_results_follow_the_probes() -> None:
    text = line(outcome="refused") + "\n" + line(outcome="closed")
    assert [sent.outcome for sent in relay.results(text, [PROBE, PROBE])] == [Refused(), Closed()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        line() + line(),
        "no JSON\n",
        "{}\n",
        "[]\n",
        "null\n",
        line(outcome="answered", phase="answer").replace('"received": ""', '"received": 7'),
        line(outcome="unheard-of"),
        line(outcome=None),
        line(phase="afterwards", outcome="reset"),
        line(reason=7, outcome="tls-failed"),
        line(socket=7),
        line(started="today"),
        line(received=b"", seconds=None),
        line().replace('"received": ""', '"received": "!"'),
    ],
)
def test_what_is_no_result_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        relay.results(text, [PROBE])


PIECES = st.sampled_from(
    [LENGTH, CHUNKED, b"HTTP/1.1 200 OK\r\n", b"Content-Length: 4\r\n", b"\r\n", b"kong", b"\xff", b"0"]
)


@given(st.binary(max_size=60) | st.lists(PIECES, max_size=6).map(b"".join))
def test_any_bytes_are_read_as_some_outcome(received: bytes) -> None:
    read = relay.read_response(received)
    assert isinstance(read, Answered | Closed | Garbled)
    if not isinstance(read, Answered):
        assert read.received == received
