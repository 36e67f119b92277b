"""History: what the rounds of a watch were, a mark for each layer and round, and what changed when."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diagnose.path.traffic import Layer
from diagnose.report.report import Group, Report, Status, Verdict
from diagnose.watch.rounds import Round

KEPT = 400
"""Rounds whose marks are kept: more than a line of a terminal shows."""

CHANGES = 100
"""Changes that are kept, the latest."""


class Mark(StrEnum):
    """What a layer did to the caller's address in one round."""

    WELL = "well"
    RESTORES = "restores"
    AT_FAULT = "at fault"
    UNKNOWN = "unknown"
    NOT_SEEN = "not seen"  # the path of that round has no such hop, or there was no path


@dataclass(frozen=True, slots=True)
class Tick:
    """One round in short. ``verdict`` is None where there was no report, ``share`` where no connection counts."""

    verdict: Verdict | None
    marks: Mapping[Layer, Mark]
    share: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was otherwise in the round before; ``at`` is seconds since the watch began."""

    at: float
    what: str


class History:
    """All rounds so far, the latest last."""

    def __init__(self) -> None:
        self.ticks: deque[Tick] = deque(maxlen=KEPT)
        self.changes: deque[Change] = deque(maxlen=CHANGES)
        self.counted: Counter[str] = Counter()
        self.latest: Round | None = None
        self.report: Report | None = None  # the latest one that there is
        self.holding = 0  # rounds in a row, up to the latest, in which the address was preserved
        self.since = 0.0  # seconds since the watch began, when the latest verdict came up

    def take(self, one: Round) -> None:
        """Add the next round."""
        tick = tick_of(one.report)
        before = self.ticks[-1] if self.ticks else None
        if before is None or before.verdict is not tick.verdict:
            self.since = one.at
        self.changes.extend(Change(one.at, what) for what in changed(self.latest, one))
        self.ticks.append(tick)
        self.counted[tick.verdict or NO_REPORT] += 1
        self.holding = self.holding + 1 if tick.verdict is Verdict.PRESERVED else 0
        self.latest = one
        self.report = one.report or self.report

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that were seen in any round, in path order."""
        return tuple(layer for layer in Layer if any(layer in tick.marks for tick in self.ticks))


NO_REPORT = "without an answer"


def tick_of(report: Report | None) -> Tick:
    """A round in short."""
    if report is None:
        return Tick(None, {}, None)
    seen = dict.fromkeys(rung.layer for rung in report.path)
    own, whole = shares(report.groups)
    return Tick(report.verdict, {layer: mark(report, layer) for layer in seen}, own / whole if whole else None)


def mark(report: Report, layer: Layer) -> Mark:
    """What the layer did, by its worst hop on the path that is drawn."""
    certainties = {culprit.certainty for culprit in report.culprits if culprit.layer is layer}
    if certainties:
        return Mark.AT_FAULT if "proven" in certainties else Mark.UNKNOWN
    marks = [_OF_STATUS[rung.status] for rung in report.path if rung.layer is layer]
    return min(marks, key=_WORST_FIRST.index)


_OF_STATUS = {
    Status.KEEPS: Mark.WELL,
    Status.RESTORES: Mark.RESTORES,
    Status.REWRITES: Mark.AT_FAULT,
    Status.DROPS: Mark.AT_FAULT,
    Status.REFUSES: Mark.AT_FAULT,
    Status.UNKNOWN: Mark.UNKNOWN,
}
_WORST_FIRST = (Mark.AT_FAULT, Mark.UNKNOWN, Mark.RESTORES, Mark.WELL)


def shares(groups: Sequence[Group]) -> tuple[int, int]:
    """How many connections of callers kept their address, and of how many."""
    counting = [group for group in groups if group.vantage == "outside" and not group.beside]
    own = sum(group.connections for group in counting if group.verdict is Verdict.PRESERVED)
    return own, sum(group.connections for group in counting)


def changed(before: Round | None, now: Round) -> list[str]:
    """What is otherwise than in the round before, a line each."""
    if before is None:
        return [f"began as {_said(now)}"]
    lines = [f"Kong pod {name} is no longer ready" for name in now.went]
    lines += [f"Kong pod {name} is ready" for name in now.came]
    if _said(before) != _said(now):
        lines.append(f"{_said(before)} -> {_said(now)}")
    return lines


def _said(one: Round) -> str:
    """The verdict with the codes of those at fault, or why there is none."""
    if one.report is None:
        return f"no answer ({one.trouble})"
    own, whole = shares(one.report.groups)
    some = " for some" if 0 < own < whole and one.report.verdict is not Verdict.UNDETERMINED else ""
    codes = ", ".join(dict.fromkeys(culprit.code for culprit in one.report.culprits))
    return f"{one.report.verdict}{some}{f' ({codes})' if codes else ''}"
