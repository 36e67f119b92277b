"""Progress on standard error: what is awaited now."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from diagnose.report.harmless import harmless
from diagnose.site import Progress


@contextmanager
def progress_to(stream: TextIO, *, quiet: bool) -> Iterator[Progress]:
    """Yield what takes progress lines: on a terminal one line, elsewhere a line for each.

    The terminal's line tells the time since the run began, what is awaited, and for how many seconds already.

    Nothing of it stays on a terminal, however the context is left; nothing at all is written if ``quiet``.
    """
    if quiet:
        yield lambda line: None
    elif _takes_spinners(stream):
        with _spinning(stream) as tell:
            tell("", "")
            yield lambda line: tell("", line)
    else:
        yield lambda line: _plain(line, stream)


Tell = Callable[[str, str | None], None]
"""Takes whose progress it is, and what is awaited there; None where nothing is any more."""


@contextmanager
def progress_of_several(stream: TextIO, whole: int, *, quiet: bool) -> Iterator[Tell]:
    """As ``progress_to``, for ``whole`` runs side by side: a line for each that goes on, and how many have ended."""
    if quiet:
        yield lambda name, line: None
    elif _takes_spinners(stream):
        with _spinning(stream) as tell:
            yield _counting(tell, whole)
    else:
        yield lambda name, line: _plain(f"{name}: {'ended' if line is None else line}", stream)


def _counting(tell: Tell, whole: int) -> Tell:
    """``tell``, with a line before all others that tells how many have ended."""
    ended: set[str] = set()

    def counted(name: str, line: str | None) -> None:
        if line is None:
            ended.add(name)
            tell("", f"{len(ended)} of {whole} ended")
        tell(f"{name}: ", line if name not in ended else None)

    tell("", f"0 of {whole} ended")
    return counted


def _takes_spinners(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _plain(line: str, stream: TextIO) -> None:
    stream.write(f"{_encodable(harmless(line), stream)}\n")  # in one go: threads may write lines at the same time
    stream.flush()


@contextmanager
def _spinning(stream: TextIO) -> Iterator[Tell]:
    """Yield what shows a line behind each name, from whatever thread it is told."""
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
    from rich.table import Column
    from rich.text import Text

    from diagnose.report.blocks import has_colour

    class Waiting(ProgressColumn):
        """Since when the line that is shown has been awaited."""

        def render(self, task: Task) -> Text:
            seconds = int(time.monotonic() - task.fields["since"])
            return Text(f"(for {seconds} s)" if seconds else "", style="dim")

    console = Console(file=stream, color_system="auto" if has_colour(stream) else None)
    spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
    said = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    # Standard output is not this line's business: it may lead into a file while the terminal is standard error's.
    columns = (spinner, TimeElapsedColumn(), said, Waiting())
    with Display(*columns, console=console, transient=True, redirect_stdout=False) as display:
        tasks: dict[str, TaskID] = {}
        one_by_one = threading.Lock()

        def tell(name: str, line: str | None) -> None:
            shown = _encodable(harmless(f"{name}{line}"), stream)
            with one_by_one:
                if line is not None and name in tasks:
                    display.update(tasks[name], description=shown, since=time.monotonic())
                elif line is None and name in tasks:
                    display.remove_task(tasks.pop(name))
                elif line is not None:
                    tasks[name] = display.add_task(shown, total=None, since=time.monotonic())

        yield tell


def _encodable(line: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
