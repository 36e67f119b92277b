"""The JSON document: the keys that other tools rely on, and its schema."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from diagnose.report.document import SCHEMA, document, report_in
from diagnose.report.report import Report
from tests.diagnose.documents import SCHEMAS, hold
from tests.diagnose.report.hostile import HOSTILE, spoilt
from tests.diagnose.report.reports import EVERY, LOST, MIXED, PRESERVED, UNDETERMINED

DEFINED = SCHEMAS[SCHEMA]

every_report = pytest.mark.parametrize("report", EVERY.values(), ids=list(EVERY))


def as_read(report: Report) -> Any:
    """The document as another tool reads it."""
    return json.loads(json.dumps(document(report)))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(DEFINED)
    assert DEFINED["$id"] == SCHEMA


@every_report
def test_a_report_agrees_with_the_schema(report: Report) -> None:
    hold(document(report))


def test_the_keys_that_are_fixed_are_there() -> None:
    read = as_read(MIXED)
    assert read["schema"] == "kongip.report/v1"
    assert read["verdict"] == "lost"
    assert read["caller"] == {"addresses": ["198.51.100.9"], "source": "--caller-ip", "vantage": "outside"}
    assert read["culprits"] == [{"layer": "node", "behaviour": "masquerades", "code": "KIP301", "certainty": "proven"}]
    assert read["path"][1] == {
        "layer": "node",
        "name": "node node-b",
        "behaviour": "masquerades",
        "source_in": "198.51.100.9",
        "source_out": "10.0.2.7",
        "status": "rewrites",
    }
    finding = read["findings"][0]
    assert {key: finding[key] for key in ("code", "name", "layer", "severity")} == {
        "code": "KIP301",
        "name": "node-masquerade",
        "layer": "node",
        "severity": "error",
    }
    assert finding["remedy"]["sufficient"] is True
    assert finding["remedy"]["steps"][0]["kind"] == "kubectl"
    assert read["groups"][0]["connections"] == 13
    assert read["not_measured"] == [{"what": "IPv6", "why": "the caller has no route"}]
    assert read["run"] == {"id": "a1b2c3d4", "version": "0.1.0", "seconds": 3.21}


def test_what_is_unknown_is_null() -> None:
    read = as_read(MIXED)
    assert read["probes"][0]["peer"] is None
    assert read["findings"][1]["remedy"] is None
    assert as_read(UNDETERMINED)["groups"][0]["pod"] is None


def test_what_kong_logged_is_told_by_address() -> None:
    assert as_read(MIXED)["groups"][0]["logged"] == [
        {"address": "10.0.2.7", "connections": 11},
        {"address": "10.244.2.1", "connections": 2},
    ]


def without(key: str) -> Callable[[dict[str, Any]], None]:
    """What removes a key."""
    return lambda read: read.__delitem__(key)


@every_report
def test_a_document_is_read_as_the_report_that_it_tells(report: Report) -> None:
    assert report_in(as_read(report)) == report
    assert report_in(as_read(spoilt(report, HOSTILE))) == spoilt(report, HOSTILE)


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "another verdict": lambda read: read.update(verdict="fine"),
    "another schema": lambda read: read.update(schema="kongip.report/v2"),
    "no caller": without("caller"),
    "no culprits": without("culprits"),
    "a layer of its own": lambda read: read["path"][0].update(layer="mesh"),
    "connections as text": lambda read: read["groups"][0].update(connections="20"),
    "a code of another sort": lambda read: read["findings"][0].update(code="K1"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_the_schema_refuses_what_is_no_report(spoil: Callable[[dict[str, Any]], None]) -> None:
    read = copy.deepcopy(as_read(LOST))
    spoil(read)
    assert not Draft202012Validator(DEFINED).is_valid(read)


@pytest.mark.parametrize("name", ["another verdict", "another schema", "no caller", "connections as text"])
def test_what_is_no_report_is_not_read_as_one(name: str) -> None:
    read = as_read(LOST)
    SPOILT[name](read)
    with pytest.raises(ValueError, match=r"verdict|schema|caller|connections"):
        report_in(read)


def test_a_report_without_findings_has_empty_lists_not_missing_ones() -> None:
    assert as_read(PRESERVED)["findings"] == []
    assert as_read(PRESERVED)["culprits"] == []
