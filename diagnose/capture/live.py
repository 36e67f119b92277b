"""A live interface: the connections that pass this machine for some seconds."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from diagnose.capture.connections import Connection, Point, connections
from diagnose.capture.files import Kept
from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Layer

if TYPE_CHECKING:
    from probes.sniffing import Listener
    from probes.wire.frames import Segment

ANY = "any"
POLL = 0.3
"""Seconds between looks whether what is done meanwhile is over."""


def listen(interface: str, ports: Sequence[int], seconds: float, layer: Layer | None) -> tuple[list[Connection], int]:
    """The connections of ``seconds``, and how many were left out. Stop where packets may not be captured here."""
    kept = Kept()
    with open_listener(interface, ports) as listener:
        kept.add(connections(_segments(listener.frames(seconds)), Point(interface, layer)))
    return kept.connections, kept.left_out


@contextlib.contextmanager
def beside(interface: str, ports: Sequence[int], layer: Layer) -> Iterator[Kept]:
    """What is heard while something else is done; it is whole once that is over. Stop as with ``listen``."""
    kept, over = Kept(), threading.Event()

    def frames(listener: Listener) -> Iterator[tuple[float, bytes]]:
        while not over.is_set():
            yield from listener.frames(POLL)

    with open_listener(interface, ports) as listener, ThreadPoolExecutor(1) as pool:
        hearing = pool.submit(kept.add, connections(_segments(frames(listener)), Point(interface, layer)))
        try:
            yield kept
        finally:
            over.set()
            hearing.result()


def open_listener(interface: str, ports: Sequence[int]) -> Listener:
    """What hears packets of an interface, or of all (``any``). Stop where it may not, or where there is none such."""
    from probes.sniffing import Listener

    if not hasattr(socket, "AF_PACKET"):
        raise Stop(
            "Packets can be captured live on Linux alone.", "Capture with tcpdump and name the file with --read."
        )
    try:
        return Listener(None if interface == ANY else interface, ports)
    except PermissionError as error:
        raise Stop(
            "Capturing packets needs CAP_NET_RAW, which this process does not have.",
            "Run it as root, or capture with: sudo tcpdump -U -i any -w FILE tcp - and name the file with --read.",
        ) from error
    except OSError as error:
        there = ", ".join(name for _, name in socket.if_nameindex())
        raise Stop(
            f"There is no interface {interface!r} ({error.strerror}).", f"It may be any, {there}.", USAGE
        ) from error


def _segments(frames: Iterable[tuple[float, bytes]]) -> Iterator[Segment]:
    from probes.sniffing import LINUX_SLL2
    from probes.wire.frames import Decoder

    decoder = Decoder()
    for time, frame in frames:
        segment = decoder.segment(LINUX_SLL2, frame, time)
        if segment is not None:
            yield segment
