"""The command ``kongip``, as a process of its own."""

from __future__ import annotations

import gc
import io
import signal
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from diagnose import cli

SELDOM = 100_000
"""Containers made, less those let go, between two looks for cycles.

What is imported and what is read from a cluster has none, and is looked through again and again otherwise: that was a
tenth of a short run.
"""


class _Patient(io.FileIO):
    """Takes whatever is written, even where nobody reads it any more: progress and complaints change no exit status."""

    def write(self, data: Any, /) -> int:
        """Write ``data``, or let it go."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _patient(stream: TextIO) -> TextIO:
    """Standard error as it is, but that it may fail."""
    stream.flush()
    buffered = io.BufferedWriter(_Patient(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffered, stream.encoding, stream.errors, line_buffering=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, which nothing changes any more: the process is to end."""
    gc.set_threshold(SELDOM)
    if sys.stderr is not None:
        sys.stderr = _patient(sys.stderr)
    try:
        return cli.main(arguments)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # all is removed and told by now
        gc.freeze()  # the interpreter would look through all of it once more as it ends


if __name__ == "__main__":
    sys.exit(main())
