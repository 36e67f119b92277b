"""Captures read from files: pcap and pcapng, also compressed by gzip, a frame at a time."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapNgReader, RawPcapReader

from probes.wire.frames import KNOWN_LINKS, Decoder, Segment


def read(path: Path) -> Iterator[Segment]:
    """The TCP segments of the capture ``path``, in its order. A file that ends within a frame just ends there.

    OSError where it cannot be read, ValueError where it is no capture or is of a link type that is not understood.
    """
    logging.getLogger("scapy").setLevel(logging.ERROR)  # it would tell of every file that ends within a frame
    with path.open("rb") as file:
        try:
            reader = RawPcapReader(file)  # a metaclass of scapy's makes it the reader of the format that it finds
        except (Scapy_Exception, EOFError, OSError, zlib.error, struct.error) as error:
            raise ValueError(f"{path} is no capture: neither pcap nor pcapng") from error
        yield from _segments(reader, path)


def _segments(reader: RawPcapReader | RawPcapNgReader, path: Path) -> Iterator[Segment]:
    decoder, ng = Decoder(), isinstance(reader, RawPcapNgReader)
    nano = getattr(reader, "nano", False)
    while True:
        try:
            frame, about = reader._read_packet()
        except (EOFError, Scapy_Exception, struct.error, IndexError):
            return
        if ng:
            link = about.linktype
            stamp = ((about.tshigh or 0) << 32 | (about.tslow or 0)) / (about.tsresol or 1_000_000)
        else:
            link, stamp = reader.linktype, about.sec + about.usec / (1e9 if nano else 1e6)
        if link not in KNOWN_LINKS:
            raise ValueError(f"{path} holds frames of link type {link}, which is none of those that are understood")
        segment = decoder.segment(link, frame, stamp)
        if segment is not None:
            yield segment
