"""What a traced path tells."""

from __future__ import annotations

import pytest

from diagnose.tracing.judge import Balancer, judge
from diagnose.tracing.told import document
from probes.probe import Target
from probes.reach import Accepted, Attempt, Connected, Expired, Reached, Silent
from probes.traced import Answer, Quote, Rung, Trace
from tests.diagnose.documents import hold

TARGET = Target("203.0.113.80", 80, "http", "kong.test")
KONG = Target("10.3.2.5", 8000, "http", "kong.test")
ANSWER = Answer(62, 65160, ("MSS 1460", "WScale 7"), 0)


def rung(ttl: int, reached: Reached, *changes: tuple[str, str, str]) -> Rung:
    quote = Quote("192.0.2.1", changes) if changes else None
    return Rung(ttl, Attempt(reached, "198.51.100.9", 40000, 0.01), quote)


def path(*reached: Reached, target: Target = TARGET, answers: tuple[Answer, ...] = (ANSWER,)) -> Trace:
    return Trace(target, tuple(rung(ttl, one) for ttl, one in enumerate(reached, start=1)), answers)


def test_an_error_in_the_targets_name_points_to_packets_that_are_led_on() -> None:
    found = judge(path(Expired("10.0.0.1"), Expired(TARGET.address), Connected()))
    assert found.balancer is Balancer.PASSES_THROUGH


def test_a_destination_that_is_quoted_otherwise_points_there_too() -> None:
    rungs = (rung(1, Expired("10.0.0.1"), ("destination", TARGET.address, "10.3.2.5")), rung(2, Connected()))
    assert judge(Trace(TARGET, rungs, (ANSWER,))).balancer is Balancer.PASSES_THROUGH


def test_an_answer_from_nearer_than_kong_points_to_a_proxy() -> None:
    own = path(Expired("10.0.0.1"), Silent(), Connected(), target=KONG)
    assert judge(path(Expired("10.0.0.1"), Connected()), own).balancer is Balancer.PROXIES


@pytest.mark.parametrize(
    "answer",
    [Answer(62, 29200, ANSWER.options, 0), Answer(62, 65160, ("MSS 1380",), 0), Answer(63, 65160, ANSWER.options, 0)],
)
def test_an_answer_of_another_kind_than_kongs_points_to_a_proxy(answer: Answer) -> None:
    own = path(Connected(), target=KONG)
    assert judge(path(Connected(), answers=(answer,)), own).balancer is Balancer.PROXIES


@pytest.mark.parametrize("own", [None, path(Connected(), target=KONG), path(Connected(), target=KONG, answers=())])
def test_what_is_alike_tells_nothing(own: Trace | None) -> None:
    found = judge(path(Connected()), own)
    assert found.balancer is Balancer.UNKNOWN
    assert found.because


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (path(Connected(), target=KONG), "both answer at hop 1: nothing in their answers speaks for a proxy"),
        (path(Connected(), target=KONG, answers=()), "both answer at hop 1: no more of both answers was seen"),
        (path(Silent(), target=KONG, answers=()), "10.3.2.5 (--compare) did not answer"),
    ],
)
def test_what_was_held_beside_is_told_even_where_it_tells_nothing(own: Trace, told: str) -> None:
    (line,) = judge(path(Connected()), own).because
    assert told in line
    assert "would (--compare)" in judge(path(Connected())).because[0]
    assert judge(path(Silent()), own).because == ("the target did not answer",)


def test_a_path_that_was_not_seen_tells_nothing() -> None:
    found = judge(Trace(TARGET, (), (), ("no Linux",)))
    assert (found.balancer, found.because) == (Balancer.UNKNOWN, ("the target did not answer",))


def test_several_machines_that_answer_are_told() -> None:
    found = judge(path(Connected(), answers=(ANSWER, Answer(57, 29200, (), 0))))
    assert any("several machines answer: 2 kinds" in told for told in found.because)


def test_where_the_path_leaves_private_networks_is_told() -> None:
    found = judge(path(Expired("192.168.1.1"), Expired("100.64.0.1"), Expired("8.8.4.4"), Connected()))
    assert found.leaves == "the path leaves private networks at hop 3 (8.8.4.4), after 100.64.0.1"
    assert judge(path(Expired("192.168.1.1"), Connected())).leaves is None


def test_each_rewrite_is_told_once_where_it_is_first_seen() -> None:
    port = ("source port", "40000", "61000")
    rungs = (
        rung(1, Expired("10.0.0.1")),
        rung(2, Expired("10.0.0.2"), port),
        rung(3, Expired("10.0.0.3"), port, ("IP id", "7", "0")),
    )
    found = judge(Trace(TARGET, rungs, ()))
    assert found.rewrites == (
        "before hop 2, the source port is rewritten: sent 40000, quoted 61000",
        "before hop 3, the IP id is not what it was: sent 7, quoted 0",
    )


def test_the_document_agrees_with_its_schema() -> None:
    accepted = Attempt(Connected(), "198.51.100.9", 40000, 0.01, Accepted(frozenset({"timestamps"}), None, 1460))
    rungs = (
        rung(1, Expired("10.0.0.1"), ("source port", "40000", "61000")),
        rung(2, Silent()),
        Rung(3, accepted),
    )
    told = Trace(TARGET, rungs, (ANSWER, Answer(None, refused=True)), ("no Linux",))

    found = document(told, judge(told))

    hold(found)
    assert [hop["kind"] for hop in found["hops"]] == ["expired", "silent", "connected"]
    assert [hop["changes"] is None for hop in found["hops"]] == [False, True, True]
    hold(document(Trace(TARGET, (), ()), judge(Trace(TARGET, (), ()))))
