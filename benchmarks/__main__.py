"""All benchmarks, side by side with their peers: ``make bench`` writes docs/benchmarks.md. Names choose among them."""

from __future__ import annotations

import gc
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import discovering, explaining, finding, headers, probing, serving, starting, traffic, whole_run
from benchmarks.measuring import HEADING, Row
from diagnose.__main__ import SELDOM

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

COMPARED: Mapping[str, Callable[[], Sequence[Row]]] = {
    "starting": starting.rows,
    "probing": probing.rows,
    "headers": headers.rows,
    "finding": finding.rows,
    "traffic": traffic.rows,
    "whole_run": whole_run.rows,
    "discovering": discovering.rows,
}
ALONE: Mapping[str, Callable[[], Iterator[str]]] = {
    "explaining": explaining.lines,
    "serving": serving.lines,
    "memory": traffic.lines,
}

INTRODUCTION = """\
# How fast it is

Written by `make bench`, which measures each beside its peer: in the same run, in turns, so that what else the machine
does falls on both. Seconds are those of one machine ({machine}, {cores} cores, Python {python}); what counts are the
ratios, with the lowest and the highest of some turns. "At most" compares our time with the peer's, "at least" says how
many times as fast as the peer we are.
"""


def main(names: Sequence[str]) -> None:
    """Run those that are named, or all, and write the page if it was all."""
    unknown = set(names) - {*COMPARED, *ALONE}
    if unknown:
        raise SystemExit(
            f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join([*COMPARED, *ALONE])}"
        )
    gc.set_threshold(SELDOM)  # as the command does
    table, rest = [HEADING], list[str]()
    for name, rows in COMPARED.items():
        if not names or name in names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            table += [_printed(row.line()) for row in rows()]
    for name, lines in ALONE.items():
        if not names or name in names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rest += ["", *map(_printed, lines())]
    if not names:
        machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        PAGE.write_text("\n".join([INTRODUCTION.format(**machine), *table, *rest, ""]), "utf-8")


def _printed(line: str) -> str:
    print(line, flush=True)
    return line


if __name__ == "__main__":
    main(sys.argv[1:])
