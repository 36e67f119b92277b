"""Captures read from files: pcap and pcapng, also compressed by gzip, a frame at a time."""

from __future__ import annotations

import contextlib
import errno
import gzip
import logging
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapNgReader, RawPcapReader

from probes.wire.frames import KNOWN_LINKS, Decoder, Segment

MOST_AT_ONCE = 16 * 1024 * 1024
"""How many bytes a block of a capture may have: one that says it has more is broken, or is to fill the memory."""


class _Bounded:
    """A file of which no more is read at once than a block may have, and which is read but once, from its beginning."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > MOST_AT_ONCE:
            raise EOFError
        data: bytes = self._file.read(size)
        return data

    def seek(self, _: int) -> int:
        raise OSError(errno.ESPIPE, "Illegal seek")  # scapy would begin anew, to unpack what is packed twice


def read(path: Path) -> Iterator[Segment]:
    """The TCP segments of the capture ``path``, in its order. A file that ends within a frame just ends there.

    OSError where it cannot be read, ValueError where it is no capture or holds nothing but frames of link types that
    are not understood.
    """
    logging.getLogger("scapy").setLevel(logging.ERROR)  # it would tell of every file that ends within a frame
    with path.open("rb") as file:
        plain: Any = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file
        try:
            reader = RawPcapReader(_Bounded(plain))  # scapy makes it the reader of the format that it finds
        except (Scapy_Exception, EOFError, OSError, zlib.error, struct.error) as error:
            raise ValueError(f"{path} is no capture: neither pcap nor pcapng") from error
        yield from _segments(reader, path)


def _segments(reader: RawPcapReader | RawPcapNgReader, path: Path) -> Iterator[Segment]:
    decoder, frames = Decoder(), _frames_ng(reader) if isinstance(reader, RawPcapNgReader) else _frames(reader)
    links: set[int] = set()
    for link, stamp, frame in frames:
        links.add(link)
        segment = decoder.segment(link, frame, stamp)
        if segment is not None:
            yield segment
    if links and not links & KNOWN_LINKS:
        told = f"{path} holds frames of link type {min(links)}"
        raise ValueError(f"{told}, which is none of those that are understood")


def _frames(reader: RawPcapReader) -> Iterator[tuple[int, float, bytes]]:
    """Each frame of a pcap file, behind its link type and its time."""
    link, fine = reader.linktype & 0xFFFF, 1e9 if reader.nano else 1e6  # above it there are flags
    for frame, about in _packets(reader):
        yield link, about.sec + about.usec / fine, frame


def _frames_ng(reader: RawPcapNgReader) -> Iterator[tuple[int, float, bytes]]:
    """The same of a pcapng file, each section of which has interfaces of its own."""
    begin = reader._read_block_shb

    def section() -> None:
        reader.interfaces.clear()
        begin()

    reader._read_block_shb = section
    for frame, about in _packets(reader):
        stamp = (about.tshigh or 0) << 32 | (about.tslow or 0)
        yield about.linktype, stamp / (about.tsresol or 1_000_000), frame


def _packets(reader: Any) -> Iterator[tuple[bytes, Any]]:
    with contextlib.suppress(EOFError, Scapy_Exception, struct.error, IndexError):
        while True:
            yield reader._read_packet()
