"""The report in short: the verdict, and a line for each finding."""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.fleet.outcome import NO_REPORT, Outcome
from diagnose.report.harmless import harmless
from diagnose.report.report import Finding, Report


def short(report: Report) -> str:
    """The verdict in one line, and one line a finding: its code, name, severity, layer, title, and what helps."""
    return "".join(f"{harmless(line)}\n" for line in _lines(report))


def short_of_several(outcomes: Iterable[Outcome]) -> str:
    """The same for several contexts, each line behind its context; why there is no report where there is none."""
    told = (
        f"{one.context}: {line}"
        for one in outcomes
        for line in ([f"{NO_REPORT}: {one.problem}"] if one.report is None else _lines(one.report))
    )
    return "".join(f"{harmless(line)}\n" for line in told)


def _lines(report: Report) -> list[str]:
    return [report.headline, *(_line(finding, report) for finding in report.findings)]


def _line(finding: Finding, report: Report) -> str:
    marks = ", ".join(marks_of(finding, report))
    remedy = f" - {finding.remedy.worth.lower()}: {finding.remedy.summary}" if finding.remedy is not None else ""
    return f"{finding.code} {finding.name} ({marks}): {finding.title}{remedy}"


def marks_of(finding: Finding, report: Report) -> list[str]:
    """How grave a finding is, at which layer, how certain, and whether the user knows of it."""
    known = "suppressed" if finding.suppressed else None
    marks = [finding.severity, finding.layer.replace("_", " "), report.certainty(finding), known]
    return [mark for mark in marks if mark is not None]
