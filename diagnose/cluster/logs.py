"""The logs of all Kong pods, read through the API: what they say of our probes, and nothing else is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor

from diagnose.cluster.api import Api, Query
from diagnose.cluster.log_lines import (
    Complaints,
    Wanted,
    is_error_line,
    parse_access,
    parse_refused_preamble,
    split_stamp,
)
from diagnose.cluster.log_sieve import Sieve
from diagnose.cluster.pods import KongPod, log_lines_of
from diagnose.errors import Stop
from diagnose.site import PREAMBLE_AS_REQUEST, AccessLine, Complaint, Logs
from probes.probe import Preamble, Probe

MARGIN = 2.0
"""Seconds read before the first probe: the log's seconds are whole, and its reader's request takes its time."""

LAG = 3.0
"""Seconds that a line may take from Kong to the API server."""

QUIET = 1.0
"""Seconds without a new line after which no more is expected of probes that Kong may never have seen."""

POLL = 0.3
AT_ONCE = 8
STAMP_BYTES = 64
"""More than the API server's stamp in front of a line takes."""

BEGINS_AMID = (
    "it begins amid the run, as where it was rotated or the container started anew: the API server gives no older "
    "lines, so that some of probes may be missing"
)


def read_logs(api: Api, pods: Sequence[KongPod], probes: Sequence[Probe], since: float) -> Logs:
    """What the logs of ``pods`` say of ``probes``, sent at or after ``since`` (seconds since the epoch, our clock).

    A log may lag: it is read again until every probe was found or nothing new came for a while. What was read once
    stays, though the log be rotated before the next time.
    """
    readings = [Reading(api, pod, probes, since) for pod in pods]
    plain, quoted, wanted = (_nonces(probes, *preambles) for preambles in (PLAIN, QUOTED, Preamble))
    start = changed = time.monotonic()
    seen = -1
    while True:
        _side_by_side(Reading.read, readings)
        logs = merge(readings)
        now = time.monotonic()
        size = sum(map(len, logs.access.values())) + len(logs.complaints)
        changed = now if size != seen else changed
        seen = size
        if _all_told(wanted, plain, logs) or now - start > LAG or not pods:
            break
        # What came with a PROXY header may have been refused without a word of its nonce: one more reading will do.
        if now - changed > (POLL if plain <= set(logs.access) else QUIET):
            break
        time.sleep(POLL)
    if quoted <= set(logs.access):
        return logs
    _side_by_side(Reading.check_beginning, readings)
    return merge(readings)


PLAIN = (Preamble.NONE,)
QUOTED = (Preamble.NONE, Preamble.V1)
"""Kong writes a line of these that names the probe, whether it takes the PROXY header for one or for a request."""


def _all_told(wanted: Set[str], plain: Set[str], logs: Logs) -> bool:
    """Whether there is a line for every probe. A refused PROXY header may leave one that does not tell which it was."""
    missing = wanted - set(logs.access)
    refused = sum(one.kind == PREAMBLE_AS_REQUEST for one in logs.complaints)
    return plain.isdisjoint(missing) and refused >= len(missing)


def _nonces(probes: Sequence[Probe], *preambles: Preamble) -> set[str]:
    return {probe.nonce for probe in probes if probe.preamble in preambles}


def _side_by_side(step: Callable[[Reading], None], readings: Sequence[Reading]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(step, readings):
            pass  # what a thread raises is raised here


class Reading:
    """One pod's log, read again and again, each time from a little before the last reading on.

    ``access`` and ``complaints`` are what it said so far, in order, ``foreign`` the nonces in lines of unknown form;
    ``unread`` is why it could not be read or understood, or not from the run's start on. It goes by the clock of the
    pod's node, so that clocks need not agree.
    """

    def __init__(self, api: Api, pod: KongPod, probes: Sequence[Probe], since: float) -> None:
        self.kong = pod.kong.name
        self.access: dict[str, dict[AccessLine, None]] = {}
        self.complaints: dict[Complaint, None] = {}
        self.foreign: dict[str, None] = {}
        self.unread: str | None = None
        self._api, self._pod, self._probes = api, pod, probes
        self._wanted = Wanted.of(probes)
        self._since = since
        self._first: float | None = None

    def read(self) -> None:
        """Read what came since the last time; where that failed the next time reaches back as far."""
        began = time.time()
        seconds = max(1, round(began - self._since + MARGIN + 0.5))
        sieve, complaints = Sieve(self._probes), Complaints(self.kong, self._wanted)

        def take(raw: bytes) -> None:
            if self._first is None:
                self._first = _stamp_of(raw)
            if next(sieve.lines(raw), None) is not None:
                self._take(raw, complaints)

        self.unread = self._lines([("sinceSeconds", str(seconds))], take)
        self.complaints |= dict.fromkeys(complaints.found)
        if self.unread is not None:
            return
        self._since = began
        if self.foreign and not self.access:
            self.unread = "its access log is in a format that kongip does not know"

    def check_beginning(self) -> None:
        """Tell where the log holds nothing older than the run: lines of the run may have been before its first one."""
        if self.unread is not None:
            return
        oldest: list[float | None] = []
        why = self._lines([("limitBytes", str(STAMP_BYTES))], lambda raw: oldest.append(_stamp_of(raw)))
        begins = next(iter(oldest), None)
        if why is None and (begins is None or (self._first is not None and begins >= self._first)):
            self.unread = BEGINS_AMID

    def _lines(self, query: Query, take: Callable[[bytes], None]) -> str | None:
        """Hand the log's lines to ``take``; why it could not be read, None where it was."""
        try:
            reply = log_lines_of(self._api, self._pod, [*query, ("timestamps", "true")], take)
        except Stop as stop:
            return stop.what
        return None if reply.ok else reply.message

    def _take(self, raw: bytes, complaints: Complaints) -> None:
        stamp, line = split_stamp(raw.decode("utf-8", "replace"))
        complaints.take(line, stamp)
        if found := parse_access(self.kong, line, self._wanted):
            self.access.setdefault(found[0], {})[found[1]] = None
        elif refused := parse_refused_preamble(self.kong, line, stamp):
            self.complaints[refused] = None
        elif (nonce := self._wanted.nonce_in(line)) and not is_error_line(line):
            self.foreign[nonce] = None


def _stamp_of(raw: bytes) -> float | None:
    return split_stamp(raw[:STAMP_BYTES].decode("utf-8", "replace"))[0]


def merge(readings: Sequence[Reading]) -> Logs:
    """All pods' logs as one."""
    access: dict[str, tuple[AccessLine, ...]] = {}
    for one in readings:
        for nonce, lines in one.access.items():
            access[nonce] = (*access.get(nonce, ()), *lines)
    complaints = tuple(complaint for one in readings for complaint in one.complaints)
    foreign = {nonce: one.kong for one in readings for nonce in one.foreign if nonce not in access}
    return Logs(access, complaints, {one.kong: one.unread for one in readings if one.unread}, foreign)
