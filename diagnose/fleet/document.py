"""Runs of several contexts as JSON, ``kongip.fleet/v1``. Its schema is docs/fleet.schema.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diagnose import __version__
from diagnose.fleet.outcome import Outcome, headline, worst
from diagnose.report import document as report

SCHEMA = "kongip.fleet/v1"


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All of them in one."""
    return {
        "schema": SCHEMA,
        "headline": headline(outcomes),
        "exit_status": worst(outcomes),
        "version": __version__,
        "contexts": [_context(one) for one in outcomes],
    }


def line(outcome: Outcome) -> dict[str, Any]:
    """One of them, to be printed as it ends."""
    return {"schema": SCHEMA, **_context(outcome)}


def _context(outcome: Outcome) -> dict[str, Any]:
    return {
        "context": outcome.context,
        "exit_status": outcome.status,
        "seconds": outcome.seconds,
        "problem": outcome.problem,
        "report": report.document(outcome.report) if outcome.report is not None else None,
    }
