"""Connections: segments of one capture, folded into what each connection began with. Holds little, whatever comes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from diagnose.capture.head import MOST, Head, begins, read_head
from diagnose.path.traffic import Layer
from probes.wire.frames import ACK, RST, SYN, Segment

MOST_OPEN = 2048
"""How many connections are waited for at once, until their heads are whole; the quietest one goes first."""

MOST_DONE = 16384
"""How many connections that have been read are remembered, so that their later segments are not taken for new ones."""

_Key = tuple[bytes, int, bytes, int]


@dataclass(frozen=True, slots=True)
class Point:
    """Where a capture was made: the file or interface, and before which layer, None where nobody said."""

    name: str
    layer: Layer | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A SYN, or its answer: what of it tells who sent it. ``stamp`` is TCP's timestamp, None without that option."""

    sequence: int
    stamp: int | None
    window: int
    ttl: int
    ident: int | None
    options: bytes


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP connection as it passed a point. ``opening`` and ``answer`` are None where they were not captured.

    ``left`` tells that it was first seen as it left there, not as it came.
    """

    point: Point
    time: float
    source: str
    source_port: int
    destination: str
    destination_port: int
    opening: Opening | None
    answer: Opening | None
    head: Head
    left: bool = False


@dataclass(slots=True)
class _Open:
    """A connection that is still being read. ``base`` is the sequence number of its first byte."""

    time: float
    base: int
    opening: Opening | None = None
    answer: Opening | None = None
    left: bool = False
    pieces: dict[int, bytes] = field(default_factory=dict)

    def add(self, segment: Segment) -> Head | None:
        """The head so far, None where the segment brought nothing new."""
        at = (segment.sequence + bool(segment.flags & SYN) - self.base) & 0xFFFFFFFF  # a SYN may bring data
        if at >= MOST or len(self.pieces.get(at, b"")) >= len(segment.payload):
            return None
        self.pieces[at] = segment.payload[: MOST - at]
        return read_head(self.data)

    @property
    def data(self) -> bytes:
        """The bytes from the beginning on, up to the first gap."""
        data = b""
        for at, piece in sorted(self.pieces.items()):
            if at > len(data):
                break
            data += piece[len(data) - at :]
        return data


def connections(segments: Iterable[Segment], point: Point) -> Iterator[Connection]:
    """Each connection of a capture, as soon as what it began with is known; the rest when the capture ends."""
    open_ones: OrderedDict[_Key, _Open] = OrderedDict()
    done: OrderedDict[_Key, int | None] = OrderedDict()  # by the sequence number of the SYN, None where none was seen
    for segment in segments:
        yield from _fold(segment, point, open_ones, done)
        while len(open_ones) > MOST_OPEN:
            key, oldest = open_ones.popitem(last=False)
            yield _closed(key, oldest, point)
        while len(done) > MOST_DONE:
            done.popitem(last=False)
    for key, left in open_ones.items():
        yield _closed(key, left, point)


def _fold(
    segment: Segment, point: Point, open_ones: OrderedDict[_Key, _Open], done: OrderedDict[_Key, int | None]
) -> Iterator[Connection]:
    key = segment.source, segment.source_port, segment.destination, segment.destination_port
    if segment.flags & SYN and segment.flags & ACK:
        asked = open_ones.get((key[2], key[3], key[0], key[1]))
        if asked is not None and (asked.answer is None or segment.ttl < asked.answer.ttl):
            asked.answer = _opening(segment)  # the same at another interface, as it was forwarded
        return
    if segment.flags & SYN:
        yield from _begin(segment, key, point, open_ones, done)
    if segment.flags & RST or not segment.payload:
        return
    found = open_ones.get(key)
    if found is None:
        if key in done or not begins(segment.payload):
            return
        found = open_ones[key] = _Open(segment.time, segment.sequence)
    open_ones.move_to_end(key)
    head = found.add(segment)
    if head is not None and head.whole:
        del open_ones[key]
        done[key] = found.opening.sequence if found.opening is not None else None
        yield _closed(key, found, point, head)


def _begin(
    segment: Segment,
    key: _Key,
    point: Point,
    open_ones: OrderedDict[_Key, _Open],
    done: OrderedDict[_Key, int | None],
) -> Iterator[Connection]:
    """A SYN: of a connection that is new, unless it was sent again, or seen again at another interface."""
    before = open_ones.get(key)
    if before is not None and before.opening is not None and before.opening.sequence == segment.sequence:
        return
    if done.get(key) == segment.sequence:
        return
    if before is not None:
        yield _closed(key, open_ones.pop(key), point)
    done.pop(key, None)
    open_ones[key] = _Open(segment.time, (segment.sequence + 1) & 0xFFFFFFFF, _opening(segment), left=segment.leaves)


def _closed(key: _Key, found: _Open, point: Point, head: Head | None = None) -> Connection:
    source, source_port, destination, destination_port = key
    return Connection(
        point,
        found.time,
        _address(source),
        source_port,
        _address(destination),
        destination_port,
        found.opening,
        found.answer,
        head if head is not None else read_head(found.data),
        found.left,
    )


def _address(packed: bytes) -> str:
    return str(ip_address(packed))


def _opening(segment: Segment) -> Opening:
    return Opening(
        segment.sequence, stamp_in(segment.options), segment.window, segment.ttl, segment.ident, segment.options
    )


def stamp_in(options: bytes) -> int | None:
    """The sender's timestamp among TCP options (RFC 7323, section 3.2), None where there is none."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2:
            return None
        if options[at] == 8 and length == 10 and at + 6 <= len(options):
            return int.from_bytes(options[at + 2 : at + 6], "big")
        at += length
    return None
