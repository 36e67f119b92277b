"""Kong's log files: what is written to them from the start of a run, also where they are rotated meanwhile."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Self

from diagnose.cluster.log_lines import (
    LONGEST_LINE,
    Complaints,
    Wanted,
    is_error_line,
    parse_access,
    parse_refused_preamble,
    split_stamp,
)
from diagnose.cluster.log_sieve import Sieve
from diagnose.errors import USAGE, Stop
from diagnose.site import AccessLine, Complaint, Logs
from probes.probe import Preamble, Probe

LAG = 3.0
"""Seconds that a line may take to be written: nginx writes at once unless it is told to buffer."""

QUIET = 1.0
"""Seconds without a further line of ours after which no more is expected of probes that Kong may never have seen."""

POLL = 0.1
PIECE = 1024 * 1024


class LogFile:
    """One log file, followed from its end at the time of opening.

    Where another file takes its name, that one is read from its start, and the old one as well: Kong writes to it until
    it is told to open its logs anew. A file that was cut is read from its start. ``unread`` says why the file cannot be
    read (any more), None while it can.
    """

    def __init__(self, path: str, flag: str) -> None:
        """Open it. Stop with status 2 where there is no such file, or it is none that keeps what was written."""
        self.path = path
        self.unread: str | None = None
        self._tails: list[_Tail] = []
        try:
            self._tails.append(tail := _Tail(path))
        except FileNotFoundError:
            raise Stop(f"{flag} {path}: there is no such file.", "Name the file that Kong writes.", USAGE) from None
        except (OSError, ValueError) as error:
            self.unread = _reason(error)
            return
        if not stat.S_ISREG(tail.stat().st_mode):
            self.close()
            remedy = "What goes to a pipe or a terminal has to be written to a file first."
            raise Stop(f"{flag} {path} is no ordinary file.", remedy, USAGE)
        tail.position = tail.stat().st_size

    def close(self) -> None:
        """Close it."""
        for tail in self._tails:
            tail.close()
        self._tails.clear()

    def fresh(self, sieve: Sieve | None = None) -> Iterator[str]:
        """The whole lines written since the last call, without those that are too long to be ours.

        ``sieve`` leaves out what nobody has to look at.
        """
        try:
            if self._tails and not os.path.samestat(os.stat(self.path), self._tails[-1].stat()):
                self._tails.append(_Tail(self.path))
            for tail in self._tails:
                yield from tail.fresh(sieve)
        except FileNotFoundError:
            return  # between two names: the next call finds it
        except OSError as error:
            self.unread = _reason(error)


class _Tail:
    """One file as it grows, whatever its name is by now; it is read from ``position`` on."""

    def __init__(self, path: str) -> None:
        # Neither to wait for a pipe's other end, nor to be left to children.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.position = 0
        self._rest = b""

    def stat(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def fresh(self, sieve: Sieve | None) -> Iterator[str]:
        size = self.stat().st_size
        if size < self.position:
            self.position, self._rest = 0, b""
        while self.position < size and (piece := os.pread(self._descriptor, PIECE, self.position)):
            self.position += len(piece)
            whole, feed, rest = (self._rest + piece).rpartition(b"\n")
            self._rest = rest[: LONGEST_LINE + 1]
            if not feed:
                continue
            kept = sieve.lines(whole) if sieve is not None else whole.split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in kept if len(line) <= LONGEST_LINE)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class KongLogs:
    """The log files of one Kong, open until ``close``: its access log, its error log, or one that holds both."""

    def __init__(self, access: str | None, errors: str | None) -> None:
        self._files: list[LogFile] = []
        self._access = access
        named = {path: flag for path, flag in ((errors, "--kong-error-log"), (access, "--kong-log")) if path}
        try:
            for path, flag in named.items():
                self._files.append(LogFile(path, flag))
        except Stop:
            self.close()
            raise

    def __enter__(self) -> Self:
        """The logs themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def read(self, kong: str, probes: Sequence[Probe]) -> Logs:
        """What the files say of ``probes`` and whom Kong refused, as the logs of ``kong``.

        A line may lag: the files are read until every probe was found, or for a while after nothing new came.
        """
        reading = [_Reading(kong, file, probes) for file in self._files]
        access: dict[str, tuple[AccessLine, ...]] = {}
        began = changed = time.monotonic()
        while True:
            for one in reading:
                found = one.more()
                changed = time.monotonic() if found else changed
                for nonce, line in found:
                    access[nonce] = (*access.get(nonce, ()), line)
            now = time.monotonic()
            found_all = {probe.nonce for probe in probes} <= set(access)
            came = access or any(one.complaints for one in reading)
            if found_all or not reading or now - began > LAG or (came and now - changed > QUIET):
                break
            time.sleep(POLL)
        whys = ((one.path, one.unread(told=bool(access), asked=one.path == self._access)) for one in reading)
        unread = "; ".join(f"{path}: {why}" for path, why in whys if why)
        foreign = {nonce: kong for one in reading for nonce in sorted(one.foreign - access.keys())}
        complaints = tuple(c for one in reading for c in one.complaints)
        return Logs(access, complaints, {kong: unread} if unread else {}, foreign)


class _Reading:
    """What is read of one file: entries of the error log stretch over lines, and files know nothing of each other.

    ``foreign`` are the nonces in lines of unknown form.
    """

    def __init__(self, kong: str, file: LogFile, probes: Sequence[Probe]) -> None:
        self.path = file.path
        self.foreign: set[str] = set()
        self._kong = kong
        self._file = file
        self._wanted = Wanted.of(probes)
        self._sieve = Sieve(probes)
        self._complaints = Complaints(kong, self._wanted)

    @property
    def complaints(self) -> Sequence[Complaint]:
        """The connections that Kong refused, as far as was read."""
        return self._complaints.found

    def more(self) -> list[tuple[str, AccessLine]]:
        """What the lines since the last time say of requests of ours, each with its nonce."""
        found = []
        for raw in self._file.fresh(self._sieve):
            stamp, line = split_stamp(raw)  # docker logs --timestamps writes them
            self._complaints.take(line, stamp)
            if ours := parse_access(self._kong, line, self._wanted):
                found.append(ours)
            elif refused := parse_refused_preamble(self._kong, line, stamp):
                self._complaints.found.append(refused)
            elif not is_error_line(line) and (nonce := self._wanted.nonce_in(line)):
                self.foreign.add(nonce)
        return found

    def unread(self, *, told: bool, asked: bool) -> str | None:
        """Why the file tells nothing, None where it does.

        ``told`` says that requests of ours were found in some file, ``asked`` that this one should hold them.
        """
        if self._file.unread is not None:
            return self._file.unread
        if told:
            return None
        if self.foreign:
            return "its lines are in a format that kongip does not know"
        return "none of the requests stands in it" if asked and not self._complaints.found else None


def holds_all(logs: Logs, probes: Sequence[Probe]) -> bool:
    """Whether ``logs`` hold every ordinary request: then they are those of the one Kong that all requests come to."""
    plain = {probe.nonce for probe in probes if not probe.claims and probe.preamble is Preamble.NONE}
    return bool(plain) and plain <= set(logs.access)
