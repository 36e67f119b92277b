"""Evidence in a file: one JSON document, ``kongip.evidence/v1``. Its schema is docs/evidence.schema.json."""

from __future__ import annotations

import json
import os
from typing import Any

from diagnose.errors import USAGE, Stop
from diagnose.evidence.codec import decode, encode, schema_of
from diagnose.evidence.record import Record

SCHEMA = "kongip.evidence/v1"


def document(record: Record) -> dict[str, Any]:
    """``record`` as what json.dumps takes. It is to be without secrets already."""
    return {"schema": SCHEMA, **encode(Record, record)}


def record_in(document: Any) -> Record:
    """The record that a document holds. ValueError, which says where, for anything but what a run saves."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        told = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise ValueError(f"its schema is {told!r}, not {SCHEMA}")
    record: Record = decode(Record, document, "evidence")
    if any(not 0 <= shot.way < len(record.ways) for shot in record.shots):
        raise ValueError("a probe's way is none of its ways")
    return record


def json_schema() -> dict[str, Any]:
    """The schema of the document, made of the types that it is written from."""
    definitions: dict[str, Any] = {}
    whole = schema_of(Record, definitions)
    record = definitions.pop(whole["$ref"].removeprefix("#/$defs/"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "The evidence of a run of kongip",
        "description": (
            "What kongip diagnose --save FILE writes and --from FILE explains again. Keys may be added. null is "
            "unknown, never false or zero."
        ),
        "type": "object",
        "properties": {"schema": {"const": SCHEMA}, **record["properties"]},
        "required": ["schema", *record["required"]],
        "$defs": dict(sorted(definitions.items())),
    }


def save(record: Record, path: str) -> None:
    """Write ``record`` to a file that its owner alone may read. Stop where that cannot be done."""
    text = json.dumps(document(record), indent=1)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise Stop(f"The evidence could not be saved to {path}: {error.strerror}.", "Make room for it.") from error


def load(path: str) -> Record:
    """The record in a file. Stop with status 2 where it holds none."""
    try:
        return record_in(read_json(path))
    except ValueError as error:
        raise Stop(f"{path} holds no evidence of a run: {error}.", "Name what --save wrote.", USAGE) from error


def read_json(path: str) -> Any:
    """What a JSON file holds; ValueError where it is none. Stop with status 2 where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise Stop(
            f"{path or repr(path)} cannot be read: {error.strerror}.", "Name a file that is there.", USAGE
        ) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
