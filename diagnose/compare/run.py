"""One run as it was kept: its report as a JSON document, and what was known of the path besides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from diagnose.conclude import because
from diagnose.errors import USAGE, Stop
from diagnose.evidence import file
from diagnose.evidence.record import Record
from diagnose.judge import judge
from diagnose.report.document import SCHEMA, document


@dataclass(frozen=True, slots=True)
class Kept:
    """A report as ``--output json`` writes it. ``known`` is what Kong is told and what facts say, None of a report."""

    report: dict[str, Any]
    known: tuple[str, ...] | None = None


def kept_in(path: str) -> Kept:
    """What a file holds: the evidence of a run, or its report as JSON. Stop with status 2 where it is neither."""
    try:
        told = file.read_json(path)
        if isinstance(told, dict) and told.get("schema") == SCHEMA:
            return Kept(_checked(told))
        record = file.record_in(told)
        return Kept(json.loads(json.dumps(document(judge(record)))), _known(record))
    except (ValueError, KeyError, TypeError) as error:
        remedy = "Name what --save or --output json wrote."
        raise Stop(f"{path} holds no run: {error}.", remedy, USAGE) from error


def _known(record: Record) -> tuple[str, ...]:
    facts = (fact.source for way in record.ways for fact in way.facts)
    told = (because.setting(kong.settings) for kong in record.place.kongs if kong.settings is not None)
    return tuple(dict.fromkeys([*told, *facts]))


SHAPE: dict[str, Any] = {
    "verdict": str,
    "findings": [{"code": str, "name": str, "severity": str, "title": str}],
    "path": [{"layer": str, "status": str}],
    "groups": [{"entry": str, "address": str, "scheme": str, "verdict": str, "culprits": [{"code": str}]}],
}
"""What of a report is compared, and so has to be there."""


def _checked(report: dict[str, Any]) -> dict[str, Any]:
    """``report`` where it has what is compared. ValueError where it has not."""
    _check(SHAPE, report, "it")
    return report


def _check(shape: Any, told: Any, where: str) -> None:
    if isinstance(shape, type):
        if not isinstance(told, shape):
            raise ValueError(f"{where} is no text")
    elif isinstance(shape, list):
        if not isinstance(told, list):
            raise ValueError(f"{where} is no list")
        for one in told:
            _check(shape[0], one, where)
    else:
        if not isinstance(told, dict):
            raise ValueError(f"{where} is no object")
        for key, inner in shape.items():
            if key not in told:
                raise ValueError(f"{where} has no {key}")
            _check(inner, told[key], key)
