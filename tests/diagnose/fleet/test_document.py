"""The JSON of several contexts: its schema, the reports in it, and that what is unknown is null."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from diagnose.fleet.document import SCHEMA, document, line
from diagnose.fleet.outcome import Outcome
from diagnose.report.document import report_in
from tests.diagnose.fleet.fleets import FLEET, UNREACHABLE, ended
from tests.diagnose.report.hostile import HOSTILE, spoilt
from tests.diagnose.report.reports import MIXED
from tests.diagnose.report.test_document import DEFINED as OF_REPORTS

DEFINED = json.loads((Path(__file__).parents[3] / "docs" / "fleet.schema.json").read_text("utf-8"))
VALID, VALID_REPORT = Draft202012Validator(DEFINED), Draft202012Validator(OF_REPORTS)


def as_read(told: dict[str, Any]) -> Any:
    return json.loads(json.dumps(told))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(DEFINED)
    assert DEFINED["title"] == SCHEMA


def test_the_document_and_every_line_agree_with_the_schema_and_their_reports_with_theirs() -> None:
    whole = as_read(document(FLEET))
    for told in (whole, *(as_read(line(one)) for one in FLEET)):
        VALID.validate(told)
    for told in whole["contexts"]:
        if told["report"] is not None:
            VALID_REPORT.validate(told["report"])


def test_the_schema_names_every_key() -> None:
    """A key that is in no schema is promised to nobody."""
    whole = as_read(document(FLEET))
    names = DEFINED["$defs"]
    assert set(whole) == set(names["fleet"]["properties"])
    assert set(whole["contexts"][0]) == set(names["context"]["properties"])
    assert set(as_read(line(FLEET[0]))) == {"schema", *names["context"]["properties"]}


def test_each_context_has_its_report_or_why_there_is_none() -> None:
    whole = as_read(document(FLEET))
    told = {one["context"]: one for one in whole["contexts"]}

    assert whole["exit_status"] == 4
    assert list(told) == ["production-eu", "production-us", "staging", "lab"]
    assert told["production-us"]["report"]["verdict"] == "lost"
    assert (told["production-us"]["exit_status"], told["production-us"]["problem"]) == (1, None)
    assert (told["lab"]["exit_status"], told["lab"]["report"], told["lab"]["problem"]) == (4, None, UNREACHABLE)


@pytest.mark.parametrize("change", [{"report": None}, {"problem": "none"}, {"exit_status": 130}, {"context": None}])
def test_the_schema_refuses_what_is_no_context(change: dict[str, Any]) -> None:
    told = as_read(line(FLEET[0]))
    assert VALID.is_valid(told)
    assert not VALID.is_valid({**told, **change})


def test_names_and_reports_come_out_as_they_went_in() -> None:
    outcome = ended(HOSTILE, spoilt(MIXED, HOSTILE))
    told = as_read(line(outcome))
    assert Outcome(told["context"], 1, outcome.ended, told["seconds"], report_in(told["report"])) == outcome
