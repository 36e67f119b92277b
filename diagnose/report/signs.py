"""The signs of the text report: beside every colour stands one of them, so that nothing is said by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.report.ladder import Line, Tone
from diagnose.report.report import Severity, Status, Verdict


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs, each one column wide."""

    good: str
    bad: str
    restored: str
    warning: str
    info: str
    unknown: str
    line: str
    here: str
    bullet: str
    levels: str  # the heights of a share's bar, from none to all

    def of_verdict(self, verdict: Verdict) -> str:
        """The sign before a verdict."""
        if verdict is Verdict.UNDETERMINED:
            return self.unknown
        return self.good if verdict is Verdict.PRESERVED else self.bad

    def of_severity(self, severity: Severity) -> str:
        """The sign before a finding."""
        return {Severity.ERROR: self.bad, Severity.WARNING: self.warning, Severity.INFO: self.info}[severity]

    def of_hop(self, line: Line) -> str:
        """The sign before a hop of the ladder."""
        if line.blamed:
            return self.bad if line.tone is Tone.BAD else self.unknown
        return self.of_status(line.status) if line.status is not None else self.unknown

    def of_status(self, status: Status) -> str:
        """The sign before a hop."""
        return {
            Status.KEEPS: self.good,
            Status.RESTORES: self.restored,
            Status.UNKNOWN: self.unknown,
        }.get(status, self.bad)


UNICODE = Signs("✓", "✗", "↺", "!", "i", "?", "│", "▲", "•", "▁▂▃▄▅▆▇█")
ASCII = Signs("+", "x", "~", "!", "i", "?", "|", "^", "-", "0123456789")
"""For terminals and files whose encoding has no other."""
