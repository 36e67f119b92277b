"""A watch while it goes on: redrawn in place on a terminal, elsewhere a line for each round; a summary at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from diagnose.counting import count_of
from diagnose.report.blocks import has_colour, signs_for
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.watch_frame import blocks, text
from diagnose.site import Progress
from diagnose.watch.document import round_document, summary_document
from diagnose.watch.history import History, shares
from diagnose.watch.rounds import Round


@dataclass(frozen=True, slots=True)
class Shown:
    """How a watch is shown: ``awaited`` takes what is waited for, ``round`` is called after each, ``end`` at last."""

    awaited: Progress
    round: Callable[[], None]
    end: Callable[[bool], None]


@contextmanager
def watching(history: History, out: TextIO, err: TextIO, *, lines_of_json: bool, quiet: bool) -> Iterator[Shown]:
    """Show ``history`` as it grows, as ``out`` can: in place on a terminal, else a line for each round.

    ``end`` is to be called once the context is left; it takes whether the watch was interrupted.
    """
    if not lines_of_json and out.isatty() and os.environ.get("TERM") != "dumb":
        with _in_place(history, out) as shown:
            yield shown
    else:
        yield _line_by_line(history, out, err, lines_of_json=lines_of_json, quiet=quiet)


@contextmanager
def _in_place(history: History, out: TextIO) -> Iterator[Shown]:
    from rich.console import Console, Group
    from rich.live import Live

    signs = signs_for(out.encoding or "utf-8")
    console = Console(file=out, highlight=False, color_system="auto" if has_colour(out) else None)
    awaited = ""

    def draw() -> None:
        width = min(console.width, 160)
        display.update(Group(*blocks(history, width, signs, awaited)), refresh=True)

    def wait(line: str) -> None:
        nonlocal awaited
        awaited = line
        draw()

    def end(interrupted: bool) -> None:
        shown = text(history, console.width, coloured=has_colour(out), signs=signs)
        _write(out, f"{shown}\n{summary(history, interrupted=interrupted)}\n" if history.report else "")

    with Live(console=console, auto_refresh=False, screen=True) as display:
        yield Shown(wait, draw, end)


def _line_by_line(history: History, out: TextIO, err: TextIO, *, lines_of_json: bool, quiet: bool) -> Shown:
    def wait(line: str) -> None:
        if history.latest is None and not quiet:  # until the first round: pods start, routes are picked up
            _write(err, f"{harmless(line)}\n")

    def one_round() -> None:
        assert history.latest is not None
        _write(out, f"{json.dumps(round_document(history.latest)) if lines_of_json else line_of(history.latest)}\n")

    def end(interrupted: bool) -> None:
        if lines_of_json:
            _write(out, f"{json.dumps(summary_document(history, interrupted=interrupted))}\n")
        elif history.report is not None:
            _write(out, f"{summary(history, interrupted=interrupted)}\n")

    return Shown(wait, one_round, end)


def line_of(one: Round) -> str:
    """One round in one line."""
    pods = [*(f"-{name}" for name in one.went), *(f"+{name}" for name in one.came)]
    changes = f"; pods: {' '.join(pods)}" if pods else ""
    if one.report is None:
        return harmless(f"{one.at:6.1f} s  no answer: {one.trouble}{changes}")
    own, whole = shares(one.report.groups)
    at_fault = ", ".join(
        dict.fromkeys(f"{culprit.code} {culprit.layer.replace('_', ' ')}" for culprit in one.report.culprits)
    )
    blamed = f"; at fault: {at_fault}" if at_fault else ""
    keep = "keeps its" if own == 1 else "keep their"
    return harmless(f"{one.at:6.1f} s  {one.report.verdict}: {own} of {whole} {keep} address{blamed}{changes}")


def summary(history: History, *, interrupted: bool) -> str:
    """How the watch went, in one line or two."""
    latest = history.latest
    if latest is None:
        return "no round was finished"
    counted = ", ".join(f"{number} {verdict}" for verdict, number in history.counted.items())
    ended = "interrupted after" if interrupted else "watched for"
    first = f"{ended} {latest.at:.0f} s: {count_of(history.counted.total(), 'round')}, {counted}"
    now = latest.report.verdict if latest.report is not None else "without an answer"
    return harmless_lines(f"{first}\nat the end {now}, since second {history.since:.0f}")


def _write(stream: TextIO, shown: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
