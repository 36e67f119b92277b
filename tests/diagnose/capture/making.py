"""Segments and connections, made by hand."""

from __future__ import annotations

from ipaddress import ip_address

from diagnose.capture.connections import Connection, Opening, Point
from diagnose.capture.head import Head, read_head
from diagnose.path.traffic import Layer
from probes.wire.frames import ACK, PSH, SYN, Segment

CLIENT, KONG = ("198.51.100.9", 40000), ("10.3.2.5", 8000)
NONCE = "0123456789abcdef"
REQUEST = f"GET /kongip-echo/{NONCE} HTTP/1.1\r\nHost: kong.test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n".encode()
HERE = Point("here.pcap", Layer.GATEWAY)


def stamp(value: int) -> bytes:
    """TCP's timestamp among options."""
    return bytes([1, 1, 8, 10]) + value.to_bytes(4, "big") + bytes(4)


def segment(
    payload: bytes = b"",
    sequence: int = 1001,
    flags: int = PSH | ACK,
    source: tuple[str, int] = CLIENT,
    destination: tuple[str, int] = KONG,
    time: float = 0.0,
) -> Segment:
    ends = ip_address(source[0]).packed, source[1], ip_address(destination[0]).packed, destination[1]
    return Segment(time, *ends, flags, sequence, 502, 61, 7, stamp(5), payload)


def syn(sequence: int = 1000, **more: object) -> Segment:
    return segment(b"", sequence, SYN, **more)  # type: ignore[arg-type]


def opening(sequence: int = 1000, value: int | None = 5) -> Opening:
    return Opening(sequence, value, 502, 61, 7, b"")


def connection(
    layer: Layer | None,
    source: tuple[str, int] = CLIENT,
    data: bytes | Head = REQUEST,
    began: Opening | None = None,
    time: float = 0.0,
    destination: tuple[str, int] = KONG,
    answer: Opening | None = None,
) -> Connection:
    head = read_head(data) if isinstance(data, bytes) else data
    return Connection(Point(f"{layer}.pcap", layer), time, *source, *destination, began, answer, head)
