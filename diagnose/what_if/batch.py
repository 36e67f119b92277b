"""Batch: lines of JSON in, a line of JSON out for each, in order, as soon as they come."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Protocol, TextIO

from diagnose.errors import Stop
from diagnose.path.gateway import receive
from diagnose.what_if.answer import in_words
from diagnose.what_if.rows import question_of

LONGEST = 1 << 20
"""Bytes of a line, beyond which it is refused: Kong takes no request of a size that would need them."""

_AT_ONCE = 1 << 16
_SENTENCE = 300  # characters of an error


class Source(Protocol):
    """Where lines come from: what is there is read at once, and only where nothing is, read1 waits."""

    def read1(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""
        ...


def answer_lines(source: Source, sink: TextIO) -> tuple[int, int]:
    """Write the answers to ``sink``, flushed before each wait for more.

    Returns how many lines there were, blank ones left out, and how many of them could not be answered.
    """
    number = asked = failed = 0
    for lines in _lines(source):
        answers = []
        for line in lines:
            number += 1
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if not line.strip():
                continue
            said = _answer(line, number)
            asked += 1
            failed += "error" in said
            answers.append(json.dumps(said, separators=(",", ":")) + "\n")
        if answers:
            sink.write("".join(answers))
            sink.flush()
    return asked, failed


def _answer(line: bytes, number: int) -> dict[str, object]:
    try:
        if len(line) > LONGEST:
            raise ValueError(f"the line is longer than {LONGEST} bytes")
        asked = question_of(line)
        return in_words(receive(asked.settings, asked.listener, asked.traffic))
    except ValueError as error:
        text = f"line {number}: {error}"
        return {"error": text if len(text) <= _SENTENCE else text[:_SENTENCE] + "..."}


def _lines(source: Source) -> Iterator[list[bytes]]:
    """The lines that are whole, as many at once as have come; the last one need not end."""
    left = b""
    while chunk := _read(source):
        *lines, left = (left + chunk).split(b"\n")
        left = left[: LONGEST + 1]  # enough to tell that it is too long
        yield lines
    yield [left]


def _read(source: Source) -> bytes:
    try:
        return source.read1(_AT_ONCE)
    except OSError as error:
        raise Stop(f"Reading the lines failed: {error.strerror}.", "Give a file, or - for standard input.") from error
