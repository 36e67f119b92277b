"""Progress on standard error: what is awaited now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from diagnose.report.harmless import harmless
from diagnose.site import Progress


@contextmanager
def progress_to(stream: TextIO, *, quiet: bool) -> Iterator[Progress]:
    """Yield what takes progress lines: a line that replaces itself on a terminal, plain lines elsewhere.

    Nothing of it stays on a terminal, and nothing is written at all if ``quiet``.
    """
    if quiet:
        yield lambda line: None
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _spinning(stream) as progress:
            yield progress
    else:
        yield lambda line: print(f"{harmless(line)} ...", file=stream, flush=True)


@contextmanager
def _spinning(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream)
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    with console.status("", spinner=spinner) as status:
        yield lambda line: status.update(Text(harmless(line), no_wrap=True, overflow="ellipsis"))
