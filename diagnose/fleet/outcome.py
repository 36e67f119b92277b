"""How the run of each context ended, and what that comes to for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.counting import count_of
from diagnose.errors import COULD_NOT_RUN, FINDINGS, INTERRUPTED, PRESERVED, UNDETERMINED, USAGE
from diagnose.report.report import Report, Verdict

FROM_WORST = (INTERRUPTED, USAGE, COULD_NOT_RUN, FINDINGS, UNDETERMINED, PRESERVED)
"""Exit statuses; the first that any run ended with is that of all."""

NO_REPORT = "could not run"
"""What is said in a verdict's place where there is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run of one context ended. Without a report, ``problem`` says why there is none.

    ``status`` is the exit status, ``ended`` when that was, in seconds since 1970, ``seconds`` how long it took.
    """

    context: str
    status: int
    ended: float
    seconds: float
    report: Report | None = None
    problem: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict in a word; what could not run is none of them."""
        return self.report.verdict if self.report is not None else NO_REPORT


def worst(outcomes: Sequence[Outcome]) -> int:
    """The exit status of all."""
    return min((one.status for one in outcomes), key=FROM_WORST.index)


def headline(outcomes: Sequence[Outcome]) -> str:
    """How many contexts came to which verdict, in one line."""
    counted = Counter(one.verdict for one in outcomes)
    told = ", ".join(f"{counted[one]} {one}" for one in (NO_REPORT, *Verdict) if counted[one])
    return f"{count_of(len(outcomes), 'context')}: {told}"
