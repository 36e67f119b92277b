"""Gateway: what Kong concludes from a connection, and what it sends on.

Sources: nginx's realip module and PROXY protocol reader (see realip.py and preface.py), Kong's runloop/handler.lua;
held to the rows recorded on real gateways in tests/data/kong-truth.jsonl and kong-truth-wide.jsonl.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnose.path import preface, realip
from diagnose.path.addresses import text_of
from diagnose.path.preface import Accepted, Refused
from diagnose.path.realip import PEER
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Headers, Traffic

HEADERS_IN_FRONT = 3
"""Host, User-Agent and Connection, which every request has and ``Traffic.headers`` leaves out."""

HEADERS_READ = 100
"""How many request headers Kong's Lua code looks at since 3.6 (lua_max_req_headers)."""

Upstream = tuple[tuple[str, str], ...]

_CLIENT_HELLO = b"\x16\x03\x01"
_REQUEST_LINE = b"GET / HTTP/1.1\r\n"
_MAY_BEGIN_REQUEST = re.compile(rb"[\r\n]*[A-Z_-]*")  # blank lines are skipped, letters join the method


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What came of a connection at the gateway.

    ``status`` is 200 where the request was passed on, 400 where it was refused, None where no answer was given.
    ``address`` is what the access log calls the client, None where no line is written; ``channel`` tells where it was
    taken from. ``upstream`` are the client headers sent on, None where nothing is. ``complaints`` are the kinds of line
    in the error log.
    """

    status: int | None
    address: str | None
    upstream: Upstream | None = None
    complaints: tuple[str, ...] = ()
    tls_failed: bool = False
    channel: str = PEER

    @property
    def client_ip(self) -> str | None:
        """What the log plugins say: they take the same $remote_addr as the access log (kong/pdk/log.lua)."""
        return self.address


def receive(settings: Settings, listener: Listener, traffic: Traffic) -> Conclusion:
    """What Kong concludes from ``traffic`` on ``listener``. Whether a route matches is not its question."""
    accepted: Accepted | None = None
    left = b""
    segments = [segment for segment in traffic.preface if segment]
    if listener.proxy_protocol:
        # A ClientHello or a request in the place of the header is as broken as any other.
        first = segments[0] if segments else (_CLIENT_HELLO if traffic.tls else _REQUEST_LINE)
        read = preface.read_preface(first, _limit(settings, listener))
        if isinstance(read, Refused):
            complaints = (read.complaint,) if read.complaint else ()
            return Conclusion(None, None, complaints=complaints, tls_failed=traffic.tls)
        accepted = read
        left = b"".join((read.rest, *segments[1:]))
    elif segments:
        left = b"".join(segments)
    if listener.tls and left and (left[0] == 0x16 or left[0] & 0x80):
        return Conclusion(None, None, tls_failed=True)  # taken for a ClientHello, which it is not
    begins = not left or _MAY_BEGIN_REQUEST.fullmatch(left) is not None
    if listener.tls and not traffic.tls and begins:
        # Clear text on a TLS port: nginx's own page, whose address realip never replaces (error 497).
        return Conclusion(400, text_of(traffic.source))
    if not begins or (traffic.tls and (left or not listener.tls)):
        # Refused before any header was read.
        taken = realip.take(settings, traffic.source, accepted, ())
        return Conclusion(400, text_of(taken.address), tls_failed=traffic.tls, channel=taken.channel)
    taken = realip.take(settings, traffic.source, accepted, traffic.headers)
    client = text_of(taken.address)
    return Conclusion(200, client, _sent_on(settings, listener, traffic, client), channel=taken.channel)


def _limit(settings: Settings, listener: Listener) -> int:
    if not listener.tls:
        return preface.PLAIN_LIMIT
    return preface.TLS_LIMIT_BEFORE_3_6 if _before_3_6(settings) else preface.TLS_LIMIT


def _before_3_6(settings: Settings) -> bool:
    return settings.version is not None and settings.version < (3, 6)


def _sent_on(settings: Settings, listener: Listener, traffic: Traffic, client: str) -> Upstream:
    """The client headers of the request to the upstream (Kong: runloop/handler.lua, access before)."""
    peer = text_of(traffic.source)
    first = _first_values(settings, traffic.headers)
    chain = _joined(traffic.headers, "x-forwarded-for") if _before_3_6(settings) else first.get("x-forwarded-for")
    proto: str | None = "https" if traffic.tls else "http"
    port: str | None = str(listener.port)
    host: str | None = _host(traffic.host)
    if first and settings.trust.of_kong(traffic.source):
        proto = first.get("x-forwarded-proto", proto)
        port = first.get("x-forwarded-port", port)
        host = first.get("x-forwarded-host", host)
    sent = [
        ("X-Real-IP", client),
        # The TCP peer is appended whether it is trusted or not.
        ("X-Forwarded-For", client if chain is None else f"{chain}, {peer}"),
    ]
    for name, value in (("X-Forwarded-Proto", proto), ("X-Forwarded-Port", port), ("X-Forwarded-Host", host)):
        if value:  # nginx sends no header that is empty
            sent.append((name, value))
    return tuple(sent)


def _first_values(settings: Settings, headers: Headers) -> dict[str, str]:
    """The first line of each header that Kong's Lua code sees, by its name with dashes for underscores."""
    if not _before_3_6(settings):
        headers = headers[: HEADERS_READ - HEADERS_IN_FRONT]
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.lower().replace("_", "-"), value.strip(" "))
    return first


def _joined(headers: Headers, wanted: str) -> str | None:
    """All lines of a header, underscores told from dashes: $http_x_forwarded_for before nginx 1.23."""
    lines = [value.strip(" ") for name, value in headers if name.lower() == wanted]
    return ", ".join(lines) if lines else None


def _host(host: str) -> str:
    """nginx's $host: in lower case, without port and closing dot."""
    if host.startswith("["):
        name, bracket, _ = host.partition("]")
        return (name + bracket).lower()
    return host.partition(":")[0].lower().removesuffix(".")
