"""A watch to render, written by hand: lost, once without an answer, lost for some while a pod goes, then preserved."""

from __future__ import annotations

from diagnose.report.report import Report
from diagnose.watch.history import History
from diagnose.watch.rounds import Round
from tests.diagnose.report.reports import LOST, MIXED, PRESERVED

NO_ANSWER = "The API server does not answer."


def history(*reports: Report | None) -> History:
    """Rounds two seconds apart; in the fourth a pod is gone and another has come."""
    told = History()
    for number, report in enumerate(reports, start=1):
        came, went = (("kong/kong-b",), ("kong/kong-a",)) if number == 4 else ((), ())
        told.take(Round(number, 2.0 * number, report, None if report else NO_ANSWER, came, went))
    return told


CURED = history(LOST, LOST, None, MIXED, PRESERVED)
