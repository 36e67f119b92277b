"""What every report in words closes with, whatever its form: what was left open, and whether names are placeholders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnose.report.ladder import possible
from diagnose.report.report import Report


def left_open(report: Report) -> Iterator[tuple[str, Sequence[str]]]:
    """What the report leaves open: lists with their titles, empty ones among them."""
    yield "Not told apart: the evidence fits each of these", possible(report)
    yield "What would settle what is open", report.settled_by
    yield "Not measured", [f"{gap.what}: {gap.why}" for gap in report.not_measured]


def redacted(report: Report) -> str:
    """What is added to the last line of a report with placeholders, nothing for others."""
    return "; addresses and names are placeholders" if report.redacted else ""
