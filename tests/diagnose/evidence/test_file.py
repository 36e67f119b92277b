"""Evidence in a file: what is written is read again, agrees with its schema, and anything else is one clear line."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from diagnose.errors import USAGE, Stop
from diagnose.evidence.file import document, json_schema, load, record_in, save
from diagnose.evidence.record import Record
from diagnose.evidence.secrets import without_secrets
from tests.diagnose.evidence.records import WAYS, any_record, recorded

DEFINED = json.loads((Path(__file__).parents[3] / "docs" / "evidence.schema.json").read_text("utf-8"))
KEPT = json.loads(json.dumps(document(without_secrets(recorded(WAYS[8])))))


def test_the_schema_is_the_one_in_the_docs() -> None:
    Draft202012Validator.check_schema(DEFINED)
    assert json_schema() == DEFINED


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_record)
def test_any_record_comes_back_as_it_was(record: Record) -> None:
    read = json.loads(json.dumps(document(record)))
    assert record_in(read) == record
    assert document(record_in(read)) == document(record)
    Draft202012Validator(DEFINED).validate(read)


@pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))
def test_a_run_comes_back_from_a_file_that_its_owner_alone_reads(way: Any, tmp_path: Path) -> None:
    record = without_secrets(recorded(way))
    path = tmp_path / "run.json"
    save(record, str(path))
    assert load(str(path)) == record
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_keys_that_are_not_known_are_passed_over() -> None:
    more = copy.deepcopy(KEPT) | {"later": 1}
    more["place"]["kongs"][0]["later"] = {"x": []}
    assert record_in(more) == record_in(KEPT)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "Expecting"),
        ("[]", "schema"),
        ("{}", "schema"),
        ('{"schema": "kongip.evidence/v2"}', "kongip.evidence/v2"),
        ('{"schema": "kongip.evidence/v1"}', "no run"),
        (json.dumps(KEPT | {"shots": [{**KEPT["shots"][0], "way": 7}]}), "way"),
        (json.dumps(KEPT | {"ways": 3}), "evidence.ways"),
        (json.dumps(KEPT | {"gaps": [{"what": 3, "why": ""}]}), "evidence.gaps[0].what"),
        ("[" * 100_000, "nested"),
    ],
    ids=["cut", "a list", "nothing", "a later one", "no run", "no such way", "no list", "no text", "deep"],
)
def test_what_is_no_evidence_is_told_in_one_line(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(Stop) as stop:
        load(str(path))
    assert stop.value.status == USAGE
    assert named in str(stop.value)
    assert "\n" not in str(stop.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="cannot be read"):
        load(str(tmp_path / "none.json"))


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place within a document."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


PLACES = places(KEPT)[1:]
odd = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({}), st.just([{}]))


@settings(max_examples=100)
@given(st.sampled_from(PLACES), odd)
def test_a_document_that_was_spoilt_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    spoilt = copy.deepcopy(KEPT)
    inner = spoilt
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with contextlib.suppress(ValueError):
        record_in(spoilt)
