"""The report as one JSON document, ``kongip.report/v1``. Its schema is docs/report.schema.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diagnose.report.report import Group, ProbeRow, Report

SCHEMA = "kongip.report/v1"


def document(report: Report) -> dict[str, Any]:
    """``report`` as what json.dumps takes. Keys are the names of the report's fields; unknown is null."""
    return {
        "schema": SCHEMA,
        **asdict(report),
        "groups": [_group(group) for group in report.groups],
        "probes": [_probe(row) for row in report.probes],
    }


def _group(group: Group) -> dict[str, Any]:
    logged = [{"address": address, "connections": connections} for address, connections in group.logged]
    return {**asdict(group), "logged": logged}


def _probe(row: ProbeRow) -> dict[str, Any]:
    claims = [{"channel": channel, "address": address} for channel, address in row.claims]
    return {**asdict(row), "claims": claims}
