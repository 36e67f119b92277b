"""Every kind of JSON document has a schema in docs, whose words are those of the code."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from diagnose.capture.head import Carries
from diagnose.capture.ways import Between
from diagnose.path.traffic import Layer
from diagnose.signature.states import State
from diagnose.tracing.judge import Balancer
from diagnose.traffic.kinds import Kind
from probes.probe import Preamble
from tests.diagnose.documents import SCHEMAS

SOURCES = (Path(__file__).parents[2] / "diagnose").rglob("*.py")


def test_every_document_that_names_a_schema_has_one() -> None:
    named = {found for path in SOURCES for found in re.findall(r'"(kongip\.\w+/v\d+)"', path.read_text("utf-8"))}
    assert named == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_names_what_it_is_for(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert f'"{name}"' in str(SCHEMAS[name]).replace("'", '"')


def words_of(name: str, *way: str) -> set[str | None]:
    """The words that the schema ``name`` allows at ``way``."""
    at: Any = SCHEMAS[f"kongip.{name}/v1"]
    for step in way:
        at = at[step]
    return set(at["enum"])


_SIGHTING = ("$defs", "sighting", "properties")
_ANSWER = ("properties", "answers", "items", "properties")
_STATE = ("properties", "states", "items", "properties", "state")
_SINCE = (*_SIGHTING, "since_the_one_before", "properties", "connection")


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (words_of("probe", *_ANSWER, "proxy_header"), Preamble),
        (words_of("probe", *_STATE), (state.name.lower().replace("_", "-") for state in State)),
        (words_of("traffic", "$defs", "kind"), Kind),
        (words_of("trace", "properties", "load_balancer"), Balancer),
        (words_of("capture", *_SIGHTING, "layer"), (*Layer, None)),
        (words_of("capture", *_SIGHTING, "carries"), (*Carries, None)),
        (words_of("capture", *_SINCE), Between),
    ],
)
def test_the_words_of_a_schema_are_those_of_the_code(allowed: set[str | None], words: Iterable[str | None]) -> None:
    assert allowed == set(words)


MADE: dict[str, dict[str, Any]] = {
    "kongip.probe/v1": {
        "schema": "kongip.probe/v1",
        "target": {"address": "192.0.2.80", "port": 80, "scheme": "http", "host": "kong.test", "not_asked": []},
        "answers": [],
        "states": [],
    },
    "kongip.comparison/v1": {"schema": "kongip.comparison/v1", "same": True, "changes": []},
    "kongip.capture/v1": {"schema": "kongip.capture/v1", "ways": [], "left_out": 0},
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made.update(schema="kongip.report/v1"),
        lambda made: made.popitem(),
        lambda made: made.update({list(made)[1]: "a text"}),
    ],
    ids=["another schema", "a key less", "a text instead"],
)
def test_a_schema_refuses_what_is_no_such_document(name: str, spoil: Callable[[dict[str, Any]], Any]) -> None:
    made = copy.deepcopy(MADE[name])
    Draft202012Validator(SCHEMAS[name]).validate(made)
    spoil(made)
    assert not Draft202012Validator(SCHEMAS[name]).is_valid(made)
