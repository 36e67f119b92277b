"""Gateway: what Kong concludes from a connection.

Sources: nginx's realip module and PROXY protocol reader (see realip.py and preface.py), Kong's error pages; held to
the rows recorded on real gateways in tests/data/kong-truth.jsonl and kong-truth-wide.jsonl.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from diagnose.path import preface, realip
from diagnose.path.addresses import text_of
from diagnose.path.preface import Accepted, Refused
from diagnose.path.realip import PEER
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Traffic
from diagnose.path.upstream import Upstream, sent_on

_CLIENT_HELLO = b"\x16\x03\x01"
_REQUEST_LINE = b"GET / HTTP/1.1\r\n"
_MAY_BEGIN_REQUEST = re.compile(rb"[\r\n]*[A-Z_-]*")  # blank lines are skipped, letters join the method


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What came of a connection at the gateway.

    ``status`` is 200 where the request was passed on, 400 where it was refused, None where no answer was given.
    ``address`` is what the access log calls the client, None where no line is written; ``channel`` tells where it was
    taken from. ``upstream`` are the client headers sent on, None where nothing is. ``complaints`` are the kinds of line
    in the error log. ``read`` tells whether the request line was read, so that the log can bear it.
    """

    status: int | None
    address: str | None
    upstream: Upstream | None = None
    complaints: tuple[str, ...] = ()
    tls_failed: bool = False
    channel: str = PEER
    read: bool = True

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
        return Conclusion(400, text_of(taken.address), tls_failed=traffic.tls, channel=taken.channel, read=False)
    traffic = _as_read(traffic)
    taken = realip.take(settings, traffic.source, accepted, traffic.headers)
    client = text_of(taken.address)
    return Conclusion(200, client, sent_on(settings, listener, traffic, client), channel=taken.channel)


_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _as_read(traffic: Traffic) -> Traffic:
    """``traffic`` without the headers that nginx drops for their names (ignore_invalid_headers)."""
    if all(_NAME.fullmatch(name) for name, _ in traffic.headers):
        return traffic
    return replace(traffic, headers=tuple(line for line in traffic.headers if _NAME.fullmatch(line[0])))


def _limit(settings: Settings, listener: Listener) -> int:
    if not listener.tls:
        return preface.PLAIN_LIMIT
    return preface.TLS_LIMIT_BEFORE_3_6 if settings.before_3_6 else preface.TLS_LIMIT
