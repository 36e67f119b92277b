"""Access logs in files: plain or gzipped, and standard input. A large one is counted in parts, side by side."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from diagnose.errors import USAGE, Stop
from diagnose.traffic.chunks import BUFFER, Readable, chunks
from diagnose.traffic.formats import Format
from diagnose.traffic.kinds import Kinds
from diagnose.traffic.tally import Tally

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

STANDARD_INPUT = "-"
GZIP = b"\x1f\x8b"

PART = 8 * 1024 * 1024
"""Bytes of a file that are counted in one go, unless it has too many of them."""

MOST_PARTS = 255
AT_ONCE = min(4, os.cpu_count() or 1)
"""Processes that count."""


def count_file(name: str, form: Format | None, kinds: Kinds) -> Tally:
    """The tally of one log. Stop where it cannot be read."""
    if name == STANDARD_INPUT and sys.stdin is None:
        raise Stop("Standard input is closed.", "Give a file, or open it.", USAGE)
    try:
        with open(0 if name == STANDARD_INPUT else name, "rb", closefd=name != STANDARD_INPUT) as file:
            if file.peek(len(GZIP)).startswith(GZIP):
                import gzip

                with gzip.open(file) as unpacked:
                    return _count(unpacked, form, kinds)
            if name == STANDARD_INPUT:
                return _count(file, form, kinds)
            parts = _parts(os.fstat(file.fileno()))
            return _count(file, form, kinds) if len(parts) < 2 else _count_parts(name, parts, form, kinds)
    except FileNotFoundError:
        raise Stop(
            f"--file {name or repr(name)}: there is no such file.", "Name a log that Kong has written.", USAGE
        ) from None
    except IsADirectoryError:
        raise Stop(f"--file {name} is a folder.", "Name a log within it.", USAGE) from None
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Stop(f"--file {name} cannot be read: {reason}.", "Check the file, and the right to read it.") from error


def _count(file: Readable, form: Format | None, kinds: Kinds) -> Tally:
    tally = Tally.of(form)
    for chunk in chunks(file):
        tally.take(chunk, kinds)
    return tally


def _parts(told: os.stat_result) -> Sequence[tuple[int, int]]:
    """Where each part of a file begins and ends, in bytes; one part where more would not pay."""
    number = min(MOST_PARTS, told.st_size // PART)
    if not stat.S_ISREG(told.st_mode) or sys.platform != "linux" or AT_ONCE < 2 or number < 2:
        return ((0, told.st_size),)
    edges = [told.st_size * index // number for index in range(number + 1)]
    return tuple(pairwise(edges))


def _count_parts(name: str, parts: Sequence[tuple[int, int]], form: Format | None, kinds: Kinds) -> Tally:
    """The tally of a file whose parts are counted by several processes; none but this one outlives the call.

    Each takes the next part once it is done with one, so that a process that is held up is left fewer of them. What
    they take them from is a pipe: of those that read a byte from it at once, each gets another.
    """
    import multiprocessing

    context = multiprocessing.get_context("fork")
    left, filled = os.pipe()
    os.write(filled, bytes(range(len(parts))))
    os.close(filled)
    workers = []
    try:
        for _ in range(min(AT_ONCE, len(parts)) - 1):
            theirs, ours = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(ours, left, name, parts, form, kinds), daemon=True)
            worker.start()
            ours.close()
            workers.append((worker, theirs))
        whole = _count_left(left, name, parts, form, kinds)
        for _, theirs in workers:
            whole.merge(_received(theirs))
        return whole
    finally:
        os.close(left)
        for worker, theirs in workers:
            theirs.close()
            worker.terminate()
            worker.join()


def _received(theirs: Connection) -> Tally:
    try:
        said = theirs.recv()
    except EOFError:
        raise OSError("a process that counted parts of it was ended") from None
    if isinstance(said, OSError):
        raise said
    assert isinstance(said, Tally)
    return said


def _work(
    ours: Connection, left: int, name: str, parts: Sequence[tuple[int, int]], form: Format | None, kinds: Kinds
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # those of the command raise what nobody here would catch
        signal.signal(number, signal.SIG_DFL)
    try:
        ours.send(_count_left(left, name, parts, form, kinds))
    except OSError as error:
        ours.send(error)


def _count_left(left: int, name: str, parts: Sequence[tuple[int, int]], form: Format | None, kinds: Kinds) -> Tally:
    """The tally of those parts of a file whose numbers this process gets to read from ``left``, a pipe's end."""
    tally = Tally.of(form)
    while taken := os.read(left, 1):
        begin, end = parts[taken[0]]
        with open(name, "rb") as file:
            if begin:
                file.seek(begin - 1)
                while (read := file.readline(BUFFER)) and not read.endswith(b"\n") and file.tell() < end:
                    pass
                begin = file.tell()
            if begin < end:  # or else one line is longer than all of the part
                file.raw.seek(begin, os.SEEK_SET)
                for chunk in chunks(file.raw, begin, end):
                    tally.take(chunk, kinds)
    return tally


def count_files(names: Sequence[str], form: Format | None, kinds: Kinds) -> Iterator[tuple[str, Tally]]:
    """The tally of each log, by its name; one that is named twice, by whichever path, is counted once."""
    files: dict[str, str] = {}
    for name in names:
        files.setdefault(name if name == STANDARD_INPUT else os.path.realpath(name), name)
    for name in files.values():
        yield ("standard input" if name == STANDARD_INPUT else name), count_file(name, form, kinds)
