"""The controller's mirror of the API: a list, then events, then a list again when its version has become too old."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.controller import Api, Mirror, write


def thing(name: str, version: int = 1) -> dict[str, Any]:
    """Return an object of the API."""
    return {"metadata": {"namespace": "demo", "name": name, "resourceVersion": str(version)}}


class End(Exception):
    """The script is over."""


@dataclass(frozen=True, slots=True)
class Scripted(Api):
    """An API server that answers each list, and the watch after it, from a script."""

    script: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = field(default_factory=list)

    def list(self, path: str) -> dict[str, Any]:
        """Return the next list, with the place in the script as its version."""
        if not self.script:
            raise End
        return {"items": self.script[0][0], "metadata": {"resourceVersion": "7"}}

    def watch(self, path: str, version: str) -> Iterator[dict[str, Any]]:
        """Yield the events that follow it."""
        assert version == "7"
        yield from self.script.pop(0)[1]


def followed(*script: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Mirror:
    """Return a mirror that has followed a script to its end."""
    mirror = Mirror(Scripted("", script=[*script]), "/things", threading.Event())
    with pytest.raises(End):
        mirror.follow()
    return mirror


def test_events_change_what_was_listed() -> None:
    events = [
        {"type": "ADDED", "object": thing("new")},
        {"type": "MODIFIED", "object": thing("kept", 2)},
        {"type": "DELETED", "object": thing("gone")},
    ]
    mirror = followed(([thing("kept"), thing("gone")], events))
    assert mirror.objects == {("demo", "kept"): thing("kept", 2), ("demo", "new"): thing("new")}
    assert mirror.changed.is_set()


def test_a_watch_that_is_too_old_leads_to_a_new_list() -> None:
    expired = {"type": "ERROR", "object": {"code": 410}}
    mirror = followed(([thing("first")], [expired]), ([thing("second")], []))
    assert set(mirror.objects) == {("demo", "second")}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "routes.lua"
    write(target, "one")
    write(target, "two")
    assert target.read_text() == "two"
    assert [file.name for file in tmp_path.iterdir()] == ["routes.lua"]
