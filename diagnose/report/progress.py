"""Progress on standard error: what is awaited now."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
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
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _spinning(stream) as progress:
            yield progress
    else:
        yield lambda line: print(_encodable(harmless(line), stream), file=stream, flush=True)


@contextmanager
def _spinning(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
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
        task = display.add_task("", total=None, since=time.monotonic())

        def tell(line: str) -> None:
            display.update(task, description=_encodable(harmless(line), stream), since=time.monotonic())

        yield tell


def _encodable(line: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
