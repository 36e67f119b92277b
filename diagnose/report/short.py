"""The report in short: the verdict, and a line for each finding."""

from __future__ import annotations

from diagnose.report.harmless import harmless
from diagnose.report.report import Finding, Report


def short(report: Report) -> str:
    """The verdict in one line, and one line a finding: its code, name, severity, layer, title, and what helps."""
    told = [report.headline, *(_line(finding, report) for finding in report.findings)]
    return "".join(f"{harmless(line)}\n" for line in told)


def _line(finding: Finding, report: Report) -> str:
    marks = ", ".join(marks_of(finding, report))
    remedy = f" - remedy: {finding.remedy.summary}" if finding.remedy is not None else ""
    return f"{finding.code} {finding.name} ({marks}): {finding.title}{remedy}"


def marks_of(finding: Finding, report: Report) -> list[str]:
    """How grave a finding is, at which layer, how certain, and whether the user knows of it."""
    known = "suppressed" if finding.suppressed else None
    marks = [finding.severity, finding.layer.replace("_", " "), report.certainty(finding), known]
    return [mark for mark in marks if mark is not None]
