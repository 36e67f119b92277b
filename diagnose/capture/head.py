"""Head: what the first bytes of a connection say - PROXY headers, then TLS or a request in clear text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from probes.wire import proxy_protocol
from probes.wire.proxy_protocol import SIGNATURE, V1_LIMIT, Header

MOST = 16 * 1024
"""How many bytes of a connection are looked at: more than a proxy lets a request's headers have."""

_FIELDS = frozenset(
    {"x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "x-client-ip", "via"}
)
_REQUEST = re.compile(rb"[A-Z]{3,16} (\S+) HTTP/1\.[01]\r?\n")
_KONGS = re.compile(rb"^x-forwarded-path:", re.IGNORECASE | re.MULTILINE)  # no other proxy writes it
_BEGINNINGS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"PATCH ", b"OPTIONS ", b"CONNECT ", b"TRACE ")
_HELLO = 6 + 3 + 2  # a record's head, a message's, and the version stand before ClientHello.random (RFC 8446, 4.1.2)


class Carries(StrEnum):
    """What follows the PROXY headers, if any."""

    HTTP = "http"
    TLS = "tls"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Head:
    """What was read of a connection's beginning.

    ``proxies`` are its PROXY headers, the first one first. ``carries`` is None where nothing followed them that was
    captured. ``fields`` are the request's headers that name addresses, as (name, value), a line each. ``hello`` is the
    random of a ClientHello, which a proxy that does not end TLS hands on. ``broken`` says what is wrong with a PROXY
    header, ``of_kong`` that a Kong sent the request, ``whole`` that nothing further can be learned from later bytes.
    """

    proxies: tuple[Header, ...] = ()
    carries: Carries | None = None
    request: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    hello: bytes | None = None
    broken: str | None = None
    of_kong: bool = False
    whole: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that the PROXY headers and the header fields name, as they are written."""
        named = (header.source for header in self.proxies if header.source is not None)
        listed = (part.strip() for _, value in self.fields for part in value.split(","))
        return (*named, *listed)


def begins(data: bytes) -> bool:
    """Whether ``data`` looks like the beginning of a connection of the kind that is followed here."""
    hello = data[:2] == b"\x16\x03" and data[5:6] == b"\x01"  # a server's begins with a record of the same kind
    return hello or data.startswith((SIGNATURE, b"PROXY ", *_BEGINNINGS))


def read_head(data: bytes) -> Head:
    """What the first bytes of a connection say, as far as they were captured."""
    proxies: list[Header] = []
    while data.startswith((SIGNATURE, b"PROXY ")) and len(data) < MOST:
        try:
            header, end = proxy_protocol.parse(data)
        except ValueError as error:
            cut = _may_be_cut(data)
            return Head(tuple(proxies), broken=None if cut else str(error), whole=not cut)
        proxies.append(header)
        data = data[end:]
    return _behind(tuple(proxies), data)


def _may_be_cut(data: bytes) -> bool:
    """Whether a PROXY header that could not be read may only lack its end."""
    if data.startswith(SIGNATURE):
        return len(data) < 16 or len(data) < 16 + int.from_bytes(data[14:16], "big")
    return len(data) < V1_LIMIT and b"\r\n" not in data


def _behind(proxies: tuple[Header, ...], data: bytes) -> Head:
    if data[:2] == b"\x16\x03":
        random = data[_HELLO : _HELLO + 32]
        whole = len(random) == 32
        return Head(proxies, Carries.TLS, hello=random if whole and data[5] == 1 else None, whole=whole)
    if data.startswith(_BEGINNINGS):
        return _http(proxies, data)
    other = len(data) >= len(SIGNATURE)
    return Head(proxies, Carries.OTHER if other else None, whole=other)


def _http(proxies: tuple[Header, ...], data: bytes) -> Head:
    first = _REQUEST.match(data)
    if first is None:
        return Head(proxies, Carries.HTTP if len(data) < MOST else Carries.OTHER, whole=b"\n" in data)
    head, end, _ = data.partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    fields = tuple((name, value.strip()) for name, _, value in lines if name.lower() in _FIELDS)
    request = first[0].decode("latin-1").strip().rpartition(" ")[0]
    return Head(proxies, Carries.HTTP, request, fields, of_kong=_KONGS.search(head) is not None, whole=bool(end))
