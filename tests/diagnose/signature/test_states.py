"""Signatures of real listeners and real fronts: each is what docs say of it, and what is true is always among them."""

from __future__ import annotations

import pytest

from diagnose.explain.evidence import described
from diagnose.signature.ask import probes
from diagnose.signature.states import Signature, State, read
from diagnose.signature.take import take
from probes.outcome import Answered, Garbled, Outcome, Sent, TimedOut
from probes.probe import Target
from tests.diagnose.signature.conftest import ADDRESS, FRONTS, LISTENERS

CLOSED, TLS_FAILED = "closed", "TLS failed"
SIGNATURES = {
    "http": ("404", "400", "400", "400", "400"),
    "http-proxy": (CLOSED, "404", "404", "404", "404"),
    "http-proxy-untrusted": (CLOSED, "404", "404", "404", "404"),
    "https": ("404", TLS_FAILED, TLS_FAILED, TLS_FAILED, TLS_FAILED),
    "https-proxy": ("reset", "404", "404", "404", "404"),
    "https-proxy-untrusted": ("reset", "404", "404", "404", "404"),
}
"""What a listener answers to no header, v1, v2, v1 UNKNOWN, v2 LOCAL, with nothing in front."""

TRUTH = {
    "tcp": (State.NONE, State.LISTENER_ALONE),
    "sends-v1": (State.FRONT_WRITES, State.BOTH),
    "sends-v2": (State.FRONT_WRITES, State.BOTH),
    "requires": (State.FRONT_WANTS, State.FRONT_SILENT),
    "requires-and-sends": (State.FRONT_WRITES, State.FRONT_WANTS),
    "http": (State.NONE, State.FRONT_SILENT),
    "http-requires": (State.FRONT_WANTS, State.FRONT_SILENT),
    "http-sends": (State.FRONT_WRITES, State.BOTH),
}
"""What each front is before a listener that wants no PROXY header, and before one that does."""


def signature(port: int, tls: bool) -> Signature:
    return take(ADDRESS, port, tls, None, "/", 5.0)


def answered(outcomes: list[Outcome]) -> Signature:
    """A made signature: these outcomes of the five connections."""
    asked = probes(Target("192.0.2.80", 80, "http", "kong.test"), "/")
    return read([Sent(probe, outcome, "192.0.2.9") for probe, outcome in zip(asked, outcomes, strict=True)])


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_listener_answers_as_it_is_told(listener: str, ports: dict[str, int]) -> None:
    scheme, flag, _ = LISTENERS[listener]

    seen = signature(ports[listener], scheme == "https")

    answers = [described(one.outcome) for one in seen.sent]
    assert all(map(str.startswith, answers, SIGNATURES[listener])), answers
    told = (State.LISTENER_ALONE, State.FRONT_WANTS) if flag else (State.NONE, State.BOTH)
    assert seen.states == told


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("front", FRONTS)
def test_what_is_true_is_among_what_is_told(front: str, listener: str, ports: dict[str, int]) -> None:
    scheme, flag, _ = LISTENERS[listener]

    seen = signature(ports[f"{front}/{listener}"], scheme == "https")

    assert TRUTH[front][flag] in seen.states
    assert not {State.TLS_ONLY, State.NOT_TLS} & set(seen.states) or TRUTH[front][flag] is not State.NONE


@pytest.mark.parametrize("way", [*LISTENERS, *(f"{front}/{listener}" for front in FRONTS for listener in LISTENERS)])
def test_the_wrong_scheme_is_told(way: str, ports: dict[str, int]) -> None:
    tls = LISTENERS[way.rpartition("/")[2]][0] == "https"

    assert (State.TLS_ONLY if tls else State.NOT_TLS) in signature(ports[way], not tls).states


def test_a_front_that_takes_a_header_or_none_is_told() -> None:
    assert answered([Answered(200)] * 5).states == (State.FRONT_TAKES,)


@pytest.mark.parametrize("outcome", [TimedOut("answer"), Garbled(b"SSH-2.0")])
def test_what_tells_nothing_agrees_with_nothing(outcome: Outcome) -> None:
    assert answered([outcome] * 5).states == ()


def test_answers_that_nothing_gives_agree_with_nothing() -> None:
    assert answered([Answered(200), Answered(200), Answered(400), Answered(200), Answered(200)]).states == ()


def test_what_is_not_known_of_one_connection_leaves_the_others() -> None:
    seen = answered([Answered(200), TimedOut("answer"), Answered(400), Answered(400), Answered(400)])
    assert seen.states == (State.NONE, State.BOTH)
