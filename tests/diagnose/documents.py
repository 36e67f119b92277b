"""The schemas in docs, and whether a document is what the one that it names says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS: dict[str, dict[str, Any]] = {
    f"kongip.{path.name.removesuffix('.schema.json')}/v1": json.loads(path.read_text("utf-8"))
    for path in (Path(__file__).parents[2] / "docs").glob("*.schema.json")
}
"""Each by the name that a document has it by."""


def hold(document: dict[str, Any]) -> None:
    """Hold ``document`` to its schema, and its schema to naming every key: one that it lacks is promised to nobody."""
    read = json.loads(json.dumps(document))
    schema = SCHEMAS[read["schema"]]
    Draft202012Validator(schema).validate(read)
    Draft202012Validator(json.loads(json.dumps(schema), object_hook=closed)).validate(read)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with further keys forbidden."""
    if "additionalProperties" in schema or schema.get("type") not in ("object", ["object", "null"]):
        return schema
    return {**schema, "additionalProperties": False}
