"""Words that kongip says itself: such a word is a name only where it stands as one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib import resources

from diagnose.catalogue import FAULTS

_WORD = re.compile(r"[a-z]+")

COMMANDS = (
    *("kubectl", "helm", "kongip", "patch", "merge", "upgrade", "install", "apply", "set", "env", "get", "list"),
    *("watch", "create", "delete", "logs", "exec", "head", "context", "namespace", "values", "reuse", "type", "json"),
    "yaml",
)
"""Words of the commands that remedies give."""


@cache
def vocabulary() -> frozenset[str]:
    """The words of the catalogue, of what is known of providers, and of commands."""
    return frozenset(word for text in _texts() for word in _WORD.findall(text.lower()))


def _texts() -> Iterator[str]:
    yield from COMMANDS
    for fault in FAULTS.values():
        yield from (str(getattr(fault, field.name)) for field in fields(fault))
    for file in resources.files("diagnose.providers").joinpath("data").iterdir():
        if file.name.endswith(".toml"):
            yield file.read_text("utf-8")
