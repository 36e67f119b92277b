"""What a rule has to say: an entry of the catalogue, the objects and fields it was read from, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from diagnose import catalogue
from diagnose.report.report import Finding, Remedy, RemedyStep, Severity

LONGEST = 500
"""Characters of one line of evidence."""


@dataclass(frozen=True, slots=True)
class Found:
    """One fault, found in some objects. ``because`` names each object and field; ``summary`` is what to do."""

    code: str
    because: tuple[str, ...]
    summary: str
    steps: tuple[RemedyStep, ...] = ()
    effects: tuple[str, ...] = ()


def manifest_step(content: Mapping[str, Any], *path: str) -> RemedyStep:
    """What is to stand below ``path`` in the manifest of the object that the finding names, as YAML."""
    for key in reversed(path):
        content = {key: content}
    return RemedyStep("manifest", yaml.safe_dump(content, sort_keys=False).rstrip())


def note(text: str) -> RemedyStep:
    """Something to look up or to decide, in prose."""
    return RemedyStep("note", text)


def _short(line: str) -> str:
    """Evidence that quotes a value, however long that is."""
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def findings_of(found: Iterable[Found]) -> tuple[Finding, ...]:
    """The findings, the gravest first; what is to be cured by the same change is told together."""
    together: dict[tuple[str, str, tuple[RemedyStep, ...]], list[Found]] = {}
    for one in found:
        together.setdefault((one.code, one.summary, one.steps), []).append(one)
    told = [_finding(ones) for ones in together.values()]
    return tuple(sorted(told, key=lambda one: (list(Severity).index(one.severity), one.code)))


def _finding(ones: list[Found]) -> Finding:
    first = ones[0]
    fault = catalogue.fault(first.code)
    because = tuple(dict.fromkeys(_short(line) for one in ones for line in one.because))
    effects = tuple(dict.fromkeys(effect for one in ones for effect in one.effects))
    remedy = Remedy(first.summary, None, first.steps, effects)
    return Finding(first.code, fault.name, fault.layer, fault.severity, fault.title, because, remedy)
