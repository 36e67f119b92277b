"""A log as chunks of whole lines: small ones at first, so that a short log has many, and never more than a buffer.

A chunk is what lies between two line feeds, the first of them included: ``\\nline\\nline``. So a pattern that begins
with a line feed finds the beginning of every line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

LARGEST = 128 * 1024
SHARE = 128
"""A chunk is about this part of what is before it in the log, a line at least: what is told over time is as fine."""

BUFFER = 1024 * 1024
"""Bytes; of a line that is longer nothing is kept."""

TOO_LONG = memoryview(b"")
"""What comes in the place of such a line: an empty chunk."""


class Readable(Protocol):
    """A binary file, of which as much is read as there is."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into ``buffer``, and return how many bytes; 0 at the end."""
        ...


def chunks(file: Readable, begin: int = 0, end: int | None = None) -> Iterator[memoryview]:
    """The chunks of ``file`` from where it stands, a line's ``begin``; with ``end``, of lines that begin before it.

    Both are bytes from the start of the log. A chunk is good until the next one is asked for.
    """
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    buffer[0] = 0x0A
    have, read, too_long = 1, begin, False
    while True:
        got = file.readinto(view[have:]) or 0
        start, have, ended = 0, have + got, not got
        if ended and have > 1:
            buffer[have : have + 1] = b"\n"
            have += 1
        while (stop := _end(buffer, start, have, 1 if too_long else _size(read, end))) > start:
            if not too_long:
                yield view[start:stop]
            too_long = False
            read += stop - start
            start = stop
            if end is not None and read >= end:
                return
        if ended:
            return
        view[: have - start] = view[start:have]
        have -= start
        if have == BUFFER:
            if not too_long:
                yield TOO_LONG
            read += have - 1
            have, too_long = 1, True  # what is left of that line is no line of its own


def _size(read: int, end: int | None) -> int:
    size = min(LARGEST, max(1, read // SHARE))
    return size if end is None else max(1, min(size, end - read))


def _end(buffer: bytearray, start: int, have: int, size: int) -> int:
    """Where the chunk that begins at ``start`` ends: about ``size`` bytes on, at a line feed; ``start`` if nowhere."""
    end = buffer.rfind(b"\n", start + 1, min(have, start + size))
    return max(start, end if end >= 0 else buffer.find(b"\n", start + 1, have))


def of_lines(lines: Iterable[bytes]) -> memoryview:
    """A chunk of these lines."""
    return memoryview(b"\n" + b"\n".join(lines))
