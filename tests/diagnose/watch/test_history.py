"""The history of a watch: a mark for each layer and round, and what changed when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.path.traffic import Layer
from diagnose.report.report import Culprit, Report, Rung, Status, Verdict
from diagnose.watch.history import Change, History, Mark, mark, shares, tick_of
from diagnose.watch.rounds import Round
from tests.diagnose.report.reports import LOST, MIXED, PRESERVED, UNDETERMINED


def history(*reports: Report | None) -> History:
    """Rounds two seconds apart."""
    told = History()
    for number, report in enumerate(reports, start=1):
        told.take(Round(number, 2.0 * number, report, None if report else "no answer came"))
    return told


def test_a_layer_is_marked_by_what_it_does_and_by_whether_it_is_at_fault() -> None:
    assert mark(LOST, Layer.NODE) is Mark.AT_FAULT
    assert mark(LOST, Layer.LOAD_BALANCER) is Mark.WELL


def test_a_hop_that_keeps_the_address_but_is_blamed_is_at_fault() -> None:
    blamed = replace(PRESERVED, culprits=(Culprit(Layer.GATEWAY, "believes_callers", "KIP503", "proven"),))
    assert mark(blamed, Layer.GATEWAY) is Mark.AT_FAULT


def test_what_is_only_possible_is_not_known() -> None:
    possible = replace(LOST, culprits=(replace(LOST.culprits[0], certainty="possible"),))
    assert mark(possible, Layer.NODE) is Mark.UNKNOWN


def test_of_two_hops_of_a_layer_the_worse_is_marked() -> None:
    hops = tuple(Rung(Layer.EDGE, "edge", None, None, None, status) for status in (Status.KEEPS, Status.DROPS))
    assert mark(replace(PRESERVED, path=hops), Layer.EDGE) is Mark.AT_FAULT


def test_a_round_without_an_answer_is_neither_well_nor_at_fault() -> None:
    tick = tick_of(None)
    assert (tick.verdict, tick.marks, tick.share) == (None, {}, None)


def test_connections_that_callers_do_not_make_count_for_nothing() -> None:
    own, whole = shares(MIXED.groups)
    assert (own, whole) == (7, 20)


def test_a_change_of_the_verdict_is_told_with_its_time_and_what_stays_is_not() -> None:
    told = history(LOST, LOST, MIXED, PRESERVED, PRESERVED)
    assert list(told.changes) == [
        Change(2.0, "began as lost (KIP301)"),
        Change(6.0, "lost (KIP301) -> lost for some (KIP301)"),
        Change(8.0, "lost for some (KIP301) -> preserved"),
    ]
    assert told.since == 8.0
    assert told.holding == 2


def test_pods_that_come_and_go_are_told() -> None:
    told = history(PRESERVED)
    told.take(Round(2, 4.0, PRESERVED, came=("kong/b",), went=("kong/a",)))
    assert [change.what for change in told.changes][1:] == [
        "Kong pod kong/a is no longer ready",
        "Kong pod kong/b is ready",
    ]


@pytest.mark.parametrize("between", [None, UNDETERMINED, LOST])
def test_any_other_round_begins_the_count_of_preserved_ones_anew(between: Report | None) -> None:
    told = history(PRESERVED, PRESERVED, between, PRESERVED)
    assert told.holding == 1


def test_the_latest_report_stays_through_a_round_without_one() -> None:
    told = history(LOST, None)
    assert told.report is LOST
    assert told.counted == {Verdict.LOST: 1, "without an answer": 1}
