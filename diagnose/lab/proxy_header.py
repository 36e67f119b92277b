"""PROXY headers as nginx reads them (src/core/ngx_proxy_protocol.c), and as a load balancer writes them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V2_HEAD = 16

BROKEN = "broken header"
TOO_LARGE = "header is too large"
UNKNOWN_VERSION = "unknown PROXY protocol version"

# Addresses are checked for their letters only: whether one can be used is found out later, or never.
_V1 = re.compile(rb"PROXY TCP[46] ([0-9A-Fa-f:.]*) ([0-9A-Fa-f:.]*) ([0-9]+) ([0-9]+)\r\n")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN.*?\r\n", re.DOTALL)
_LAST_PORT = 65535

_PROXY_COMMAND, _STREAM = 1, 1
_BLOCKS = {1: (4, 12), 2: (16, 36)}  # address family: bytes of one address, and of the whole block


@dataclass(frozen=True, slots=True)
class Taken:
    """A header that was accepted: its ``length`` in bytes, and the source that it names, None if it names none."""

    length: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A header for which nginx closes the connection; ``kind`` is what its error log calls it, None if nothing."""

    kind: str | None
    detail: str = ""


def read(data: bytes) -> Taken | Refused:
    """What nginx makes of ``data``, the first that it read from a connection. There is no second look."""
    if len(data) >= V2_HEAD and data.startswith(SIGNATURE):
        return _read_v2(data)
    if unknown := _V1_UNKNOWN.match(data):
        return Taken(unknown.end())
    known = _V1.match(data)
    if known and int(known[3]) <= _LAST_PORT and int(known[4]) <= _LAST_PORT:
        return Taken(known.end(), known[1].decode("ascii"))
    return Refused(BROKEN)


def _read_v2(data: bytes) -> Taken | Refused:
    version, command = data[12] >> 4, data[12] & 15
    family, transport = data[13] >> 4, data[13] & 15
    if version != 2:
        return Refused(UNKNOWN_VERSION, f": {version}")
    length = V2_HEAD + int.from_bytes(data[14:16], "big")
    if length > len(data):
        return Refused(TOO_LARGE)
    if command != _PROXY_COMMAND or transport != _STREAM or family not in _BLOCKS:
        return Taken(length)
    size, block = _BLOCKS[family]
    if length < V2_HEAD + block:
        return Refused(None)
    return Taken(length, str(ip_address(data[V2_HEAD : V2_HEAD + size])))


def write(version: int, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """The header of that version for a TCP connection (PROXY protocol, 2.1 and 2.2)."""
    of, to = ip_address(source[0]), ip_address(destination[0])
    is_v4 = isinstance(of, IPv4Address)
    if version == 1:
        return f"PROXY TCP{4 if is_v4 else 6} {of} {to} {source[1]} {destination[1]}\r\n".encode("ascii")
    block = of.packed + to.packed + struct.pack("!HH", source[1], destination[1])
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if is_v4 else 0x21, len(block)) + block
