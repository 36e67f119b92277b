"""What several outcomes come to: the exit status of the worst, and how many came to which verdict."""

from __future__ import annotations

import pytest

from diagnose.fleet.outcome import Outcome, headline, worst
from tests.diagnose.fleet.fleets import FLEET, ended, failed
from tests.diagnose.report.reports import LOST, PRESERVED, UNDETERMINED

GOOD, BAD, OPEN, CUT, WRONG = (
    ended("a", PRESERVED),
    ended("b", LOST),
    ended("c", UNDETERMINED),
    failed("d"),
    failed("e", status=2),
)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((GOOD,), 0),
        ((GOOD, OPEN), 3),
        ((GOOD, OPEN, BAD), 1),
        ((BAD, CUT, GOOD), 4),
        ((OPEN, CUT), 4),
        ((CUT, WRONG, BAD), 2),
    ],
    ids=["preserved", "undetermined", "findings", "could not run beside findings", "could not run", "usage"],
)
def test_the_exit_status_is_that_of_the_worst(outcomes: tuple[Outcome, ...], status: int) -> None:
    assert worst(outcomes) == status
    assert worst(outcomes[::-1]) == status


def test_the_headline_counts_every_context() -> None:
    assert headline(FLEET) == "4 contexts: 1 could not run, 1 lost, 1 undetermined, 1 preserved"
    assert headline([GOOD]) == "1 context: 1 preserved"
