"""Gateway: what Kong concludes from a connection, and what it sends on.

Sources: nginx's realip module and PROXY protocol reader (see realip.py and preface.py), Kong's runloop/handler.lua; held
to the rows recorded on real gateways in tests/data/kong-truth.jsonl.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from diagnose.path import preface, realip
from diagnose.path.addresses import text_of
from diagnose.path.preface import Accepted, Refused
from diagnose.path.realip import PEER
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Headers, Traffic

HEADERS_IN_FRONT = 3
"""Host, User-Agent and Connection, which every request has and ``Traffic.headers`` leaves out."""

HEADERS_READ = 100
"""How many request headers Kong's Lua code looks at since 3.6 (lua_max_req_headers)."""

Upstream = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What came of a connection at the gateway.

    ``status`` is 200 where the request was passed on, 400 where it was refused, None where no answer was given.
    ``address`` is what the access log and the log plugins call the client, None where no line is written; ``channel``
    tells where it was taken from. ``upstream`` are the client headers sent on, None where nothing is.
    ``complaints`` are the kinds of line in the error log.
    """

    status: int | None
    address: str | None
    upstream: Upstream | None = None
    complaints: tuple[str, ...] = ()
    tls_failed: bool = False
    channel: str = PEER


def receive(settings: Settings, listener: Listener, traffic: Traffic) -> Conclusion:
    """What Kong concludes from ``traffic`` on ``listener``. Whether a route matches is not its question."""
    accepted: Accepted | None = None
    segments = traffic.preface
    if listener.proxy_protocol:
        # A ClientHello or a request in the place of the header is as broken as any other.
        first = segments[0] if segments else (b"\x16\x03\x01" if traffic.tls else b"GET / HTTP/1.1\r\n")
        read = preface.read_preface(first, _limit(settings, listener))
        if isinstance(read, Refused):
            complaints = (read.complaint,) if read.complaint else ()
            return Conclusion(None, None, complaints=complaints, tls_failed=traffic.tls)
        accepted, segments = read, (read.rest, *segments[1:])
    left = b"".join(segments)
    if listener.tls and left and (left[0] == 0x16 or left[0] & 0x80):
        return Conclusion(None, None, tls_failed=True)  # taken for a ClientHello, which it is not
    if listener.tls and not traffic.tls and _may_begin_request(left):
        # Clear text on a TLS port: nginx's own page, whose address realip never replaces (error 497).
        return Conclusion(400, text_of(traffic.source))
    if not _may_begin_request(left) or (traffic.tls and (left or not listener.tls)):
        taken = realip.take(settings, traffic.source, accepted, ())
        return Conclusion(400, text_of(taken.address), tls_failed=traffic.tls, channel=taken.channel)
    headers = tuple((name, value.strip(" ")) for name, value in traffic.headers)
    taken = realip.take(settings, traffic.source, accepted, headers)
    upstream = _sent_on(settings, listener, replace(traffic, headers=headers), taken.address)
    return Conclusion(200, text_of(taken.address), upstream, channel=taken.channel)


def _limit(settings: Settings, listener: Listener) -> int:
    if not listener.tls:
        return preface.PLAIN_LIMIT
    return preface.TLS_LIMIT_BEFORE_3_6 if _before_3_6(settings) else preface.TLS_LIMIT


def _before_3_6(settings: Settings) -> bool:
    return settings.version is not None and settings.version < (3, 6)


def _may_begin_request(left: bytes) -> bool:
    """Whether a request line still is one with ``left`` in front: blank lines are skipped, letters join the method."""
    rest = left.lstrip(b"\r\n")
    return all(byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_-" for byte in rest)


def _sent_on(settings: Settings, listener: Listener, traffic: Traffic, client: Address) -> Upstream:
    """The client headers of the request to the upstream (Kong: runloop/handler.lua, access before)."""
    headers = traffic.headers
    if not _before_3_6(settings):
        headers = headers[: max(0, HEADERS_READ - HEADERS_IN_FRONT)]
    own = {
        "X-Forwarded-Proto": "https" if traffic.tls else "http",
        "X-Forwarded-Port": str(listener.port),
        "X-Forwarded-Host": traffic.host,
    }
    kept = own
    if believes(settings, traffic.source):
        kept = {name: value if (came := _first(headers, name)) is None else came for name, value in own.items()}
    return (
        ("X-Real-IP", text_of(client)),
        ("X-Forwarded-For", _forwarded_for(settings, headers, traffic.source, client)),
        *((name, value) for name, value in kept.items() if value),
    )


def _forwarded_for(settings: Settings, headers: Headers, peer: Address, client: Address) -> str:
    """The incoming chain with the TCP peer appended, or Kong's client where there is none; trust does not matter."""
    lines = [value for name, value in headers if _same(name, "X-Forwarded-For", settings)]
    if not lines:
        return text_of(client)
    chain = ", ".join(lines) if _before_3_6(settings) else lines[0]
    return f"{chain}, {text_of(peer)}"


def _same(name: str, wanted: str, settings: Settings) -> bool:
    if name.lower() == wanted.lower():
        return True
    return not _before_3_6(settings) and name.lower().replace("_", "-") == wanted.lower()


def _first(headers: Headers, wanted: str) -> str | None:
    """The first line of a header, in either spelling: Kong's Lua reads underscores as dashes."""
    return next((value for name, value in headers if name.lower().replace("_", "-") == wanted.lower()), None)


def believes(settings: Settings, peer: Address) -> bool:
    """Whether Kong's Lua code takes over the peer's X-Forwarded-Proto, -Port and -Host (kong.ip.is_trusted).

    Its matcher, unlike nginx's, does not see the IPv4 address within an IPv4-mapped one.
    """
    if {"0.0.0.0/0", "::/0"} <= set(settings.trusted_ips):
        return True
    same = isinstance(peer, IPv4Address)
    return any((net.version == 4) is same and peer in net for net in settings.trusted)
