"""Capture files: which, made where, and the connections in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.capture.connections import Connection, Point, connections
from diagnose.capture.ways import nonce_of
from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Layer

if TYPE_CHECKING:
    from probes.wire.frames import Segment

POINTS = {
    "client": Layer.EGRESS,
    "edge": Layer.EDGE,
    "load_balancer": Layer.LOAD_BALANCER,
    "node": Layer.NODE,
    "gateway": Layer.GATEWAY,
}
"""What a capture may be said to be made at; the packets are those that come in there."""

MOST_KEPT = 5000
"""How many connections are kept; of more, those of probes go first."""


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A file, and the point that it was captured at."""

    path: Path
    layer: Layer | None

    @property
    def point(self) -> Point:
        """The point, by the file's name."""
        return Point(self.path.name, self.layer)


def parse_file(text: str) -> CaptureFile:
    """FILE or FILE@POINT. ValueError for a point that there is none of."""
    name, at, point = text.rpartition("@")
    if not at:
        return CaptureFile(Path(text), None)
    if point not in POINTS:
        if Path(text).exists():  # a file with an @ in its name
            return CaptureFile(Path(text), None)
        raise ValueError(f"{text!r} does not end in @{', @'.join(POINTS)}")
    return CaptureFile(Path(name), POINTS[point])


def read_all(files: Sequence[CaptureFile]) -> tuple[list[Connection], int]:
    """The connections of all files, and how many were left out. Stop with status 2 for one that cannot be read."""
    kept = Kept()
    for file in files:
        kept.add(connections(_segments(file), file.point))
    return kept.connections, kept.left_out


def check_all(files: Sequence[CaptureFile]) -> None:
    """Stop with status 2 where one of them is none that can be read, also while it is still being written."""
    for file in files:
        if file.path.exists() and not file.path.is_file():
            raise Stop(f"The capture {file.path} is no file, which alone can be read while it grows.", _NAME, USAGE)
        next(_segments(file), None)


class Kept:
    """Connections up to a number; those of probes push others out."""

    def __init__(self) -> None:
        self._probes: list[Connection] = []
        self._others: list[Connection] = []
        self.left_out = 0

    def add(self, found: Iterable[Connection]) -> None:
        """Keep what fits in."""
        for connection in found:
            if nonce_of(connection) is not None and len(self._probes) < MOST_KEPT:
                self._probes.append(connection)
            elif len(self._probes) + len(self._others) < MOST_KEPT:
                self._others.append(connection)
            else:
                self.left_out += 1

    @property
    def connections(self) -> list[Connection]:
        """What was kept."""
        return [*self._probes, *self._others]


_NAME = "Name a pcap or pcapng file that you may read."


def _segments(file: CaptureFile) -> Iterator[Segment]:
    from probes.packets.reading import read

    try:
        yield from read(file.path)
    except OSError as error:
        told = f"The capture {file.path} cannot be read: {error.strerror or error}."
        raise Stop(told, _NAME, USAGE) from error
    except ValueError as error:
        raise Stop(f"{error}.", "Capture with: tcpdump -U -i any -w FILE tcp", USAGE) from error
