"""The logs of all Kong pods, read through the API: what they say of our probes, and nothing else is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from diagnose.cluster.api import Api
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


@dataclass(slots=True)
class PodLog:
    """What one pod's log said: ``unread`` is why it could not be read or understood."""

    access: dict[str, list[AccessLine]] = field(default_factory=dict)
    complaints: Sequence[Complaint] = ()
    unread: str | None = None


def read_logs(api: Api, pods: Sequence[KongPod], probes: Sequence[Probe], since: float) -> Logs:
    """What the logs of ``pods`` say of ``probes``, sent at or after ``since`` (seconds since the epoch, our clock).

    A log may lag: it is read again until every probe was found or nothing new came for a while.
    """
    wanted = Wanted.of(probes)
    plain = {probe.nonce for probe in probes if probe.preamble is Preamble.NONE}
    start = changed = time.monotonic()
    seen = -1
    while True:
        seconds = time.time() - since + MARGIN
        logs = merge(read_once(api, pods, probes, seconds))
        now = time.monotonic()
        size = sum(map(len, logs.access.values())) + len(logs.complaints)
        changed = now if size != seen else changed
        seen = size
        if _all_told(wanted, plain, logs) or now - start > LAG or not pods:
            return logs
        # What came with a PROXY header may have been refused without a word of its nonce: one more reading will do.
        if now - changed > (POLL if plain <= set(logs.access) else QUIET):
            return logs
        time.sleep(POLL)


def _all_told(wanted: Wanted, plain: Set[str], logs: Logs) -> bool:
    """Whether there is a line for every probe. A refused PROXY header may leave one that does not tell which it was."""
    missing = set(wanted.paths) - set(logs.access)
    refused = sum(one.kind == PREAMBLE_AS_REQUEST for one in logs.complaints)
    return plain.isdisjoint(missing) and refused >= len(missing)


def read_once(api: Api, pods: Sequence[KongPod], probes: Sequence[Probe], seconds: float) -> dict[str, PodLog]:
    """One reading of each pod's log, all at once, by the pod's name."""
    if not pods:
        return {}
    with ThreadPoolExecutor(min(8, len(pods))) as pool:
        logs = pool.map(lambda pod: read_pod(api, pod, probes, seconds), pods)
        return dict(zip((pod.kong.name for pod in pods), logs, strict=True))


def read_pod(api: Api, pod: KongPod, probes: Sequence[Probe], seconds: float) -> PodLog:
    """The last ``seconds`` of one pod's log, by its node's clock, so that clocks need not agree."""
    kong, log = pod.kong.name, PodLog()
    wanted, sieve = Wanted.of(probes), Sieve(probes)
    complaints = Complaints(kong, wanted)
    foreign = 0

    def take(raw: bytes) -> None:
        nonlocal foreign
        if next(sieve.lines(raw), None) is None:
            return
        stamp, line = split_stamp(raw.decode("utf-8", "replace"))
        complaints.take(line, stamp)
        if found := parse_access(kong, line, wanted):
            log.access.setdefault(found[0], []).append(found[1])
        elif refused := parse_refused_preamble(kong, line, stamp):
            complaints.found.append(refused)
        elif wanted.nonce_in(line) and not is_error_line(line):
            foreign += 1

    query = [("sinceSeconds", str(max(1, round(seconds + 0.5)))), ("timestamps", "true")]
    try:
        reply = log_lines_of(api, pod, query, take)
    except Stop as stop:
        log.unread = stop.what
        return log
    log.complaints = complaints.found
    if not reply.ok:
        log.unread = reply.message
    elif foreign and not log.access:
        log.unread = "its access log is in a format that kongip does not know"
    return log


def merge(logs: Mapping[str, PodLog]) -> Logs:
    """All pods' logs as one."""
    access: dict[str, tuple[AccessLine, ...]] = {}
    for log in logs.values():
        for nonce, lines in log.access.items():
            access[nonce] = (*access.get(nonce, ()), *lines)
    complaints = tuple(complaint for log in logs.values() for complaint in log.complaints)
    return Logs(access, complaints, {name: log.unread for name, log in logs.items() if log.unread})
