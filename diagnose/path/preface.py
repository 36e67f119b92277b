"""What nginx makes of the bytes before the request: a PROXY header where one is expected, or the end.

Source: nginx, src/core/ngx_proxy_protocol.c, and the buffers it is read into (src/http/ngx_http_request.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from diagnose.path.addresses import read_number, text_of
from probes.wire.proxy_protocol import SIGNATURE

BROKEN = "broken header"
TOO_LARGE = "header is too large while reading PROXY"
UNKNOWN_VERSION = "unknown PROXY protocol version"

PLAIN_LIMIT = 1024
"""Bytes that a plain listener reads at once: client_header_buffer_size."""

TLS_LIMIT = 4097
"""Bytes that a TLS listener peeks at since nginx 1.23.2: NGX_PROXY_PROTOCOL_MAX_HEADER and one."""

TLS_LIMIT_BEFORE_3_6 = 108

_UNKNOWN = b"PROXY UNKNOWN"
_V1 = re.compile(rb"PROXY TCP[46] ([0-9A-Fa-f:.]*) [0-9A-Fa-f:.]* ([0-9]+) ([0-9]+)\r\n")
_V2_HEAD = 16
_ADDRESS_SIZE = {1: 4, 2: 16}  # bytes of one address: AF_INET, AF_INET6


@dataclass(frozen=True, slots=True)
class Accepted:
    """A header was read: the source it names as text, None if it names none, and the bytes that follow it."""

    source: str | None
    rest: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection is closed; ``complaint`` is the kind of line in the error log, None if nothing is logged."""

    complaint: str | None


def read_preface(first: bytes, limit: int) -> Accepted | Refused:
    """What a listener with proxy_protocol makes of the first segment, of which one read takes ``limit`` bytes."""
    data = first[:limit]
    if len(data) >= _V2_HEAD and data.startswith(SIGNATURE):
        return _read_v2(data, first)
    if data.startswith(_UNKNOWN):
        end = data.find(b"\r\n", len(_UNKNOWN))
        return Accepted(None, first[end + 2 :]) if end >= 0 else Refused(BROKEN)
    match = _V1.match(data)
    if match is None or any(read_number(match[group].decode("ascii"), 65535) is None for group in (2, 3)):
        return Refused(BROKEN)
    return Accepted(match[1].decode("ascii"), first[match.end() :])


def _read_v2(data: bytes, first: bytes) -> Accepted | Refused:
    version, command = data[12] >> 4, data[12] & 0xF
    if version != 2:
        return Refused(UNKNOWN_VERSION)
    end = _V2_HEAD + int.from_bytes(data[14:16], "big")
    if len(data) < end:
        return Refused(TOO_LARGE)
    family, transport = data[13] >> 4, data[13] & 0xF
    size = _ADDRESS_SIZE.get(family)
    if command != 1 or transport != 1 or size is None:
        return Accepted(None, first[end:])
    if end - _V2_HEAD < 2 * size + 4:
        return Refused(None)
    return Accepted(text_of(ip_address(data[_V2_HEAD : _V2_HEAD + size])), first[end:])
