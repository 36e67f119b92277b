"""The accuracy report: what kongip says of every scenario, and what is so: ``python -m tests.lab.accuracy``."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue

from tests.lab.network import Network, network
from tests.lab.playing import Run, play
from tests.lab.scenario import Scenario, scenarios

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
NOBODY = "nobody"


class Mark(StrEnum):
    """How good an answer is."""

    RIGHT = "right"  # the verdict is so, and exactly what is broken is blamed
    OPEN = "undetermined"  # what is broken is among what is said to be possible, and nothing else is proven
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario and what was said of it; ``blamed`` are layers, ``probes`` those sent, ``seconds`` the run's."""

    scenario: Scenario
    verdict: str
    blamed: frozenset[str]
    mark: Mark
    probes: int
    seconds: float


def judge(scenario: Scenario, run: Run) -> Mark:
    """How good what ``run`` says of ``scenario`` is."""
    broken = scenario.expected.broken
    blamed, proven = _layers(run.culprits), _layers(one for one in run.culprits if one.endswith(" proven"))
    if run.verdict == "undetermined" or run.verdict == scenario.expected.verdict:
        if run.verdict != "undetermined" and blamed == broken:
            return Mark.RIGHT
        if proven <= broken <= blamed or not blamed:
            return Mark.OPEN
    return Mark.WRONG


def _layers(culprits: Iterable[str]) -> frozenset[str]:
    return frozenset(one.partition(" ")[0] for one in culprits)


def measured() -> Iterator[Row]:
    """Every scenario, played; as many at a time as there are processors, each in a network of its own."""
    lanes = os.cpu_count() or 1
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        free: SimpleQueue[Network] = SimpleQueue()
        for _ in range(lanes):
            free.put(stack.enter_context(network()))

        def row(scenario: Scenario) -> Row:
            ground = free.get()
            try:
                run = play(ground, scenario, folder / scenario.name)
            finally:
                free.put(ground)
            probes = len(run.report["probes"]) if run.report is not None else 0
            return Row(scenario, run.verdict, _layers(run.culprits), judge(scenario, run), probes, run.seconds)

        yield from stack.enter_context(ThreadPoolExecutor(lanes)).map(row, scenarios())


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as Markdown."""
    yield "| scenario | broken | said | mark | probes | seconds |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        said = f"{row.verdict}: {_shown(row.blamed)}" if row.blamed else row.verdict
        cells = (
            row.scenario.about,
            _shown(row.scenario.expected.broken),
            said,
            row.mark,
            row.probes,
            f"{row.seconds:.1f}",
        )
        yield f"| {' | '.join(map(str, cells))} |"


def confusion(rows: Iterable[Row]) -> Iterator[str]:
    """What is broken against what is blamed, by layers, as Markdown."""
    counted = Counter((_shown(row.scenario.expected.broken), _shown(row.blamed)) for row in rows)
    said = sorted({blamed for _, blamed in counted})
    yield f"| broken \\ blamed | {' | '.join(said)} |"
    yield f"|---|{'---|' * len(said)}"
    for broken in sorted({one for one, _ in counted}):
        yield f"| {broken} | {' | '.join(str(counted[broken, blamed] or '') for blamed in said)} |"


def page(rows: list[Row]) -> str:
    """The report."""
    marks = Counter(row.mark for row in rows)
    summary = ", ".join(f"{marks[mark]} {mark}" for mark in Mark)
    lines = (
        "# Accuracy",
        "",
        "Made by `make accuracy`: every scenario of tests/lab/scenarios, on real parts in network namespaces (HAProxy,",
        "nginx, the kernel's NAT, the gateway stand-in), outside Kubernetes, where no object tells what stands in",
        "front. *Right*: the verdict is so, and exactly what is broken is blamed. *Undetermined*: what is broken is",
        "among what is said to be possible, and nothing else is called proven. *Wrong*: anything else; there must be",
        "none.",
        "",
        f"{len(rows)} scenarios: {summary}.",
        "",
        *table(rows),
        "",
        "## What is broken, and what is blamed",
        "",
        "Where a balancer and Kong disagree on the PROXY protocol, either may be changed: both are broken.",
        "",
        *confusion(rows),
        "",
    )
    return "\n".join(lines)


def _shown(layers: frozenset[str]) -> str:
    return ", ".join(sorted(layers)).replace("_", " ") or NOBODY


def main() -> int:
    """Write the page and print it; exit status 1 if something is wrong."""
    rows = []
    for row in measured():
        rows.append(row)
        sys.stderr.write(f"{row.mark:14}{row.scenario.name}\n")
    PAGE.write_text(page(rows), "utf-8")
    sys.stdout.write(page(rows))
    return int(any(row.mark is Mark.WRONG for row in rows))


if __name__ == "__main__":
    sys.exit(main())
