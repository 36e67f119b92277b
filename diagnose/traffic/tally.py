"""The tally of a log: how many requests carry which address and kind, and when. Memory does not grow with the log."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from diagnose.traffic.formats import NO_ADDRESS, Chunk, Format, of_chunk, time_in
from diagnose.traffic.kinds import Kind, Kinds

KEPT = 50_000
"""Addresses that are counted one by one for certain; with twice as many the rarest give way."""

MOMENTS = 480
"""Spans of time that are told apart at most; with more, each becomes twice as long."""


class Addresses:
    """How often each address was seen.

    Where there are too many, the rarest are dropped and the rest lowered by as much as those had at most (Misra and
    Gries' summary, as Agarwal and others merge it): a count is then too low by at most ``short``.
    """

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}
        self.short = 0

    def add(self, counts: Iterable[tuple[bytes, int]], short: int = 0) -> None:
        """Count these addresses, each of which is there once."""
        if not self.counts:
            self.counts = dict(counts)
        else:
            mine = self.counts
            for address, number in counts:
                mine[address] = mine.get(address, 0) + number
        self.short += short
        if len(self.counts) > 2 * KEPT:
            lower = heapq.nlargest(KEPT + 1, self.counts.values())[-1]
            self.short += lower
            self.counts = {address: number - lower for address, number in self.counts.items() if number > lower}


class Timeline:
    """How many requests of each kind fell into each span of time; ``width`` is its length in seconds."""

    def __init__(self) -> None:
        self.width = 1
        self.spans: dict[int, Counter[Kind]] = {}

    def add(self, time: float, counts: Counter[Kind]) -> None:
        """Count these at ``time`` (seconds since the epoch)."""
        self.spans.setdefault(int(time // self.width), Counter()).update(counts)
        while len(self.spans) > MOMENTS:
            self.widen(self.width * 2)

    def widen(self, width: int) -> None:
        """Make spans ``width`` long, which is a multiple of what they were."""
        ratio, spans = width // self.width, self.spans
        self.width, self.spans = width, {}
        for number, counts in spans.items():
            self.spans.setdefault(number // ratio, Counter()).update(counts)


@dataclass(slots=True)
class Tally:
    """What was counted: ``requests`` are lines with an address, ``others`` the rest, such as an error log's.

    ``given`` tells that the user named the ``format``; else it is found anew where no line is a request.
    """

    requests: int = 0
    others: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    addresses: Addresses = field(default_factory=Addresses)
    timeline: Timeline = field(default_factory=Timeline)
    format: Format | None = None
    given: bool = False

    @classmethod
    def of(cls, form: Format | None) -> Tally:
        """An empty tally of a log in a given format, None for the one that its lines are found to be in."""
        return cls(format=form, given=form is not None)

    def take(self, chunk: Chunk, kinds: Kinds) -> None:
        """Count the lines of a chunk, taken to be of about one time; an empty one is a line too long to read."""
        if not chunk:
            self.others += 1
            return
        form = self.format or of_chunk(chunk)
        counts, told, others = _counted(form, chunk, kinds)
        if not told and not self.given:
            form = of_chunk(chunk)
            counts, told, others = _counted(form, chunk, kinds)
        self.others += others
        if not told:
            return
        self.format = form
        self.requests += told.total()
        self.kinds.update(told)
        self.addresses.add(counts.items())
        if (time := time_in(chunk)) is not None:
            self.timeline.add(time, told)

    def merge(self, other: Tally) -> None:
        """Count what another tally has counted."""
        self.requests += other.requests
        self.others += other.others
        self.kinds.update(other.kinds)
        self.addresses.add(other.addresses.counts.items(), other.addresses.short)
        width = max(self.timeline.width, other.timeline.width)
        for timeline in (self.timeline, other.timeline):
            timeline.widen(width)
        for number, counts in other.timeline.spans.items():
            self.timeline.add(number * width, counts)


def _counted(form: Format, chunk: Chunk, kinds: Kinds) -> tuple[Counter[bytes], Counter[Kind], int]:
    """The requests of a chunk by address and by kind, and how many lines are none."""
    counts = Counter(form.fields(chunk))
    told: Counter[Kind] = Counter()
    others = 0
    for address in list(counts):
        kind = kinds.of(address)
        if kind is None and (address == NO_ADDRESS or not form.strict):
            kind = Kind.UNKNOWN
        if kind is None:
            others += counts.pop(address)
        else:
            told[kind] += counts[address]
    return counts, told, others
