"""Changes: what is other in one run than in another, without what is other in any two runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.compare.run import Kept
from diagnose.report.ladder import spoken


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: ``what`` is verdict, path, connections, finding or known. None is not there."""

    what: str
    name: str
    before: str | None
    after: str | None


def changes(before: Kept, after: Kept) -> list[Change]:
    """What changed, the most telling first.

    Addresses and shares are not compared, nor is what each run has anew: they differ between runs of one and the same.
    """
    old, new = before.report, after.report
    found = list(_differing("verdict", {"": old["verdict"]}, {"": new["verdict"]}))
    found += _differing("connections", _groups(old), _groups(new))
    found += _differing("finding", _findings(old), _findings(new))
    if old["path"] and new["path"]:
        found += _differing("path", _path(old), _path(new))
    if before.known is not None and after.known is not None:
        found += _differing("known", _each(before.known), _each(after.known))
    return found


def told(change: Change) -> str:
    """A change in one line."""
    name = f"{change.what} {change.name}".strip()
    if change.what == "known":
        return f"no longer: {change.name}" if change.after is None else f"now: {change.name}"
    if change.before is None:
        return f"{name}: new, {change.after}"
    if change.after is None:
        return f"{name}: gone, was {change.before}"
    return f"{name}: {change.before} -> {change.after}"


def _differing(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Change(what, name, before.get(name), after.get(name))


def _findings(report: Mapping[str, Any]) -> dict[str, str]:
    return {f"{one['code']} {one['name']}": f"{one['severity']}: {one['title']}" for one in report["findings"]}


def _path(report: Mapping[str, Any]) -> dict[str, str]:
    """What each hop does, by its layer and how many of that layer come before it."""
    path: dict[str, str] = {}
    for rung in report["path"]:
        name = str(rung["layer"]).replace("_", " ")
        number = sum(one.rpartition(" #")[0] == name or one == name for one in path)
        does = rung.get("behaviour")
        path[f"{name} #{number + 1}" if number else name] = (
            f"{rung['status']} ({spoken(str(does)) if does is not None else 'what it does is not known'})"
        )
    return path


def _groups(report: Mapping[str, Any]) -> dict[str, str]:
    """What became of the connections to each entry: every verdict with the codes that explain it."""
    entries: dict[str, list[str]] = {}
    for group in report["groups"]:
        if group.get("vantage", "outside") == "outside" and not group.get("beside"):
            codes = ", ".join(dict.fromkeys(one["code"] for one in group["culprits"]))
            became = f"{group['verdict']} ({codes})" if codes else str(group["verdict"])
            entries.setdefault(f"to {group['entry']} ({group['scheme']})", []).append(became)
    return {entry: " and ".join(sorted(set(became))) for entry, became in entries.items()}


def _each(lines: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(lines, "so")
