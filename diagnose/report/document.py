"""The report as one JSON document, ``kongip.report/v1``. Its schema is docs/report.schema.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_type_hints

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


def report_in(document: dict[str, Any]) -> Report:
    """The report that a document tells. ValueError, which says where, for anything but what ``document`` gives."""
    from diagnose.evidence.codec import decode
    from diagnose.site import Gap

    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {document.get('schema')!r}, not {SCHEMA}")
    told = {
        **document,
        "groups": [_pairs(group, "logged", ("address", "connections")) for group in document.get("groups", ())],
        "probes": [_pairs(row, "claims", ("channel", "address")) for row in document.get("probes", ())],
    }
    kinds = get_type_hints(Report, localns={"Gap": Gap})
    return Report(**{name: decode(kind, told.get(name), name) for name, kind in kinds.items()})


def _pairs(told: dict[str, Any], key: str, of: tuple[str, str]) -> dict[str, Any]:
    """``told`` with pairs in the place of the objects below ``key``."""
    return {**told, key: [[one.get(name) for name in of] for one in told.get(key, ())]}
