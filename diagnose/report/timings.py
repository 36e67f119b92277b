"""Where the time of a run went: the lines of its progress, each with the seconds until the next."""

from __future__ import annotations

import time
from collections import defaultdict

from diagnose.report.harmless import harmless
from diagnose.site import Progress

WAITING = "waiting for"
"""How a line of progress begins that waits for others: for the echo's pod, or for Kong to pick up its route."""


class Timings:
    """Takes the time from when it is made."""

    def __init__(self) -> None:
        self._marks = [(time.monotonic(), "starting")]

    def of(self, progress: Progress) -> Progress:
        """``progress``, with each of its lines noted."""

        def note(line: str) -> None:
            self._marks.append((time.monotonic(), line))
            progress(line)

        return note

    def phases(self) -> dict[str, float]:
        """Seconds of each line so far, in the order in which they first came."""
        taken: dict[str, float] = defaultdict(float)
        ends = [at for at, _ in self._marks[1:]] + [time.monotonic()]
        for (began, line), ended in zip(self._marks, ends, strict=True):
            taken[line] += ended - began
        return dict(taken)

    def text(self) -> str:
        """A line for each phase, then what was waited for others, and what was kongip's own."""
        taken = self.phases()
        waited = sum(seconds for line, seconds in taken.items() if line.startswith(WAITING))
        rows = [*taken.items(), ("in all", sum(taken.values())), ("of that waiting for pod and route", waited)]
        rows.append(("of that kongip's own", sum(taken.values()) - waited))
        return "".join(f"{seconds:8.3f} s  {harmless(line)}\n" for line, seconds in rows)
