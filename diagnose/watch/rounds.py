"""Rounds: probe at an interval, over pods that come and go, until the time is up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from diagnose.errors import Stop
from diagnose.one_round import one_round
from diagnose.report.report import Report
from diagnose.run import Options
from diagnose.site import Backend, Progress, Site


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a watch. ``at`` is seconds since the watch began.

    ``report`` is None where there was none, and ``trouble`` then says why. ``came`` and ``went`` are Kong pods that are
    ready, or are no longer, since the round before.
    """

    number: int
    at: float
    report: Report | None
    trouble: str | None = None
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How a watch goes on: seconds from the start of one round to that of the next, and in all (None: no end)."""

    interval: float = 2.0
    duration: float | None = None


def rounds(site: Site, options: Options, pace: Pace, progress: Progress) -> Iterator[Round]:
    """Each round as it ends. The first has to come about; of later ones, what cannot be asked is told as trouble.

    The echo is deployed first, and anew where it is gone or a host of the entries has no route to it.
    """
    watch = _Watch(site, options, progress)
    began = time.monotonic()
    for number in count(1):
        started = time.monotonic()
        try:
            if number > 1:
                watch.refresh()
            report, trouble = watch.look(), None
        except Stop as stop:
            if number == 1:
                raise
            report, trouble = None, str(stop)
        came, went = watch.changes()
        yield Round(number, round(time.monotonic() - began, 1), report, trouble, came, went)
        pause = started + pace.interval - time.monotonic()
        if pace.duration is not None and time.monotonic() + max(pause, 0.0) - began >= pace.duration:
            return
        if pause > 0:
            progress(f"the next round is due in {pause:.0f} s" if pause >= 1 else "the next round is due")
            time.sleep(pause)


class _Watch:
    """A site between two rounds: its echo, the hosts that have a route to that, and the pods that were ready."""

    def __init__(self, site: Site, options: Options, progress: Progress) -> None:
        self._site = site
        self._options = options
        self._progress = progress
        self._backend: Backend | None = None
        self._routed: frozenset[str | None] = frozenset()
        self._ready = self._ready_now()

    def refresh(self) -> None:
        """Read again what may have changed; an echo that is gone is deployed anew by the next look."""
        if not self._site.refresh():
            self._backend = None

    def look(self) -> Report:
        """Send the probes of one round and judge them."""
        began = time.monotonic()
        hosts = frozenset(entry.host for entry in self._site.entries)
        fresh = self._backend is None or not self._routed.issuperset(hosts)
        if self._backend is None or fresh:
            self._backend = self._site.deploy(self._progress)
            self._routed = hosts
        # Each ready pod has to be seen, or nothing is preserved.
        options = replace(self._options, connections=max(self._options.connections, len(self._ready_now())))
        return one_round(self._site, self._backend, options, self._progress, began=began, inside=fresh, last=False)[1]

    def changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The pods that are ready since the last call, and those that are no longer."""
        before, self._ready = self._ready, self._ready_now()
        return tuple(sorted(self._ready - before)), tuple(sorted(before - self._ready))

    def _ready_now(self) -> frozenset[str]:
        return frozenset(kong.name for kong in self._site.kongs if kong.ready)
