"""Whether the echo answers behind Kong's route, and what is said where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from diagnose.outside import echo as waiting
from diagnose.outside.echo import Echo, await_echo
from diagnose.outside.route import EchoRoute
from diagnose.site import Entry, EntryKind
from echo_server import server
from probes.outcome import Answered, Closed, Outcome, Refused, Sent
from probes.probe import Probe

SECRET = "0123456789abcdef"
ENTRY = Entry(EntryKind.URL, "http://192.0.2.10", "192.0.2.10", 80, "http")
THEIRS = Echo("/kongip-echo", SECRET)
MADE = Echo("/kongip-abc", SECRET, EchoRoute("0123456789", "/kongip-abc", "10.0.0.9", 8080))

KONG = ("Server", "kong/3.9.3")
PASSED = ("Via", "1.1 kong/3.9.3")
NO_ROUTE = Answered(404, (KONG,), b'{"message":"no Route matched with those values"}')

Answering = Callable[[Probe], Outcome]


def echoing(probe: Probe) -> Outcome:
    body = {"kongip": "echo/v1", "peer": "10.0.0.5", "path": probe.path, "headers": []}
    said = {**body, "proof": server.proof(SECRET, json.dumps(body))}
    return Answered(200, (PASSED,), json.dumps(said).encode())


def always(outcome: Outcome) -> Answering:
    return lambda _: outcome


def asked(echo: Echo, *rounds: Answering) -> tuple[str | None, int]:
    """What is said of the echo, and how many rounds of knocks it took; the last round's answers stay."""
    sent: list[Sequence[Probe]] = []

    def send(probes: Sequence[Probe]) -> list[Sent]:
        answer = rounds[min(len(sent), len(rounds) - 1)]
        sent.append(probes)
        return [Sent(probe, answer(probe)) for probe in probes]

    return await_echo(echo, [ENTRY], send), len(sent)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.0)


def test_an_echo_that_answers_is_no_problem() -> None:
    assert asked(THEIRS, echoing) == (None, 1)
    assert asked(MADE, echoing) == (None, 2)  # the second asks the other workers


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (NO_ROUTE, "No route of Kong's takes requests for /kongip-echo"),
        (Answered(404, (PASSED,)), "with the same KONGIP_SECRET?"),
        (Answered(200, (PASSED,), b"{}"), "does not answer as the echo does (200)"),
        (Answered(502, (KONG,)), "Is the echo running there?"),
        (Answered(503, (PASSED,)), "Is the echo running there?"),
        (Answered(401, (KONG,)), "Kong answered 401 itself"),
    ],
)
def test_an_answer_that_is_not_the_echos_says_what_is_wrong(outcome: Outcome, told: str) -> None:
    problem, rounds = asked(THEIRS, always(outcome))
    assert told in str(problem)
    assert SECRET not in str(problem)
    assert rounds == 1


@pytest.mark.parametrize("outcome", [Refused(), Closed(), Answered(400, (KONG,)), Answered(503, (("Server", "lb"),))])
def test_where_nothing_gets_to_a_route_the_echo_is_not_to_blame(outcome: Outcome) -> None:
    assert asked(THEIRS, always(outcome)) == (None, 1)


def test_a_route_that_was_made_is_waited_for_until_every_worker_knows_it() -> None:
    turn = iter(range(1000))

    def mixed(probe: Probe) -> Outcome:
        return NO_ROUTE if next(turn) % 4 == 0 else echoing(probe)

    assert asked(MADE, always(NO_ROUTE), mixed, mixed, echoing) == (None, 4)


def test_an_application_that_takes_any_path_until_then_gets_few_knocks() -> None:
    reached: list[str] = []

    def application(probe: Probe) -> Outcome:
        reached.append(probe.path)
        return Answered(200, (PASSED,), b"<html>")

    assert asked(MADE, application, application, echoing) == (None, 4)
    assert len(reached) == 4


def test_a_made_route_whose_echo_cannot_be_reached_is_told_at_once() -> None:
    problem, rounds = asked(MADE, always(Answered(502, (KONG,))))
    assert "Is the echo running there?" in str(problem)
    assert rounds == 1


def test_a_route_that_is_never_picked_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ROUTE_WAIT", 0.05)
    problem, rounds = asked(MADE, always(NO_ROUTE))
    assert "No route of Kong's takes requests for /kongip-abc" in str(problem)
    assert rounds > 1
