"""A watch as lines of JSON, ``kongip.watch/v1``. Its schema is docs/watch.schema.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diagnose.report.report import Report
from diagnose.watch.history import History, shares
from diagnose.watch.rounds import Round

SCHEMA = "kongip.watch/v1"

OF_REPORT = ("verdict", "headline", "culprits", "path")
"""The keys of ``kongip.report/v1`` that every round has."""


def round_document(one: Round) -> dict[str, Any]:
    """One round as what json.dumps takes. Unknown is null."""
    told = asdict(one.report) if one.report is not None else {}
    own, whole = shares(one.report.groups) if one.report is not None else (None, None)
    return {
        "schema": SCHEMA,
        "round": one.number,
        "seconds": one.at,
        **{key: told.get(key) for key in OF_REPORT},
        "connections": whole,
        "preserved": own,
        "came": list(one.came),
        "went": list(one.went),
        "trouble": one.trouble,
        "findings": _findings(one.report) if one.report is not None else None,
    }


def _findings(report: Report) -> list[dict[str, Any]]:
    """What was found, in short: remedies are for ``kongip diagnose`` to tell."""
    return [
        {"code": one.code, "name": one.name, "severity": one.severity, "because": list(one.because)}
        for one in report.findings
    ]


def summary_document(history: History, *, interrupted: bool) -> dict[str, Any]:
    """The last line: how the watch ended."""
    latest = history.latest
    return {
        "schema": SCHEMA,
        "summary": {
            "rounds": history.counted.total(),
            "seconds": latest.at if latest is not None else 0.0,
            "verdicts": dict(history.counted),
            "verdict": latest.report.verdict if latest is not None and latest.report is not None else None,
            "since": history.since,
            "in_a_row": history.holding,
            "changes": [asdict(change) for change in history.changes],
            "interrupted": interrupted,
        },
    }
