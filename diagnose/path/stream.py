"""Stream: what Kong concludes from a connection to a layer 4 listener (stream_listen), which carries no HTTP.

Sources: Kong, kong/templates/nginx_kong_stream.lua and kong/conf_loader/listeners.lua; nginx,
src/stream/ngx_stream_realip_module.c, ngx_stream_handler.c and the reader of PROXY headers (see preface.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.path import preface
from diagnose.path.addresses import read_address, text_of
from diagnose.path.preface import BROKEN, Accepted, Refused
from diagnose.path.realip import PEER, PROXY, Taken
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Traffic

LIMIT = 4096
"""Bytes of a PROXY header that a stream listener peeks at since nginx 1.23.2: NGX_PROXY_PROTOCOL_MAX_HEADER."""

LIMIT_BEFORE_3_6 = 107

_HTTP_ONLY = ("http2", "deferred")


@dataclass(frozen=True, slots=True)
class StreamConclusion:
    """What came of a connection at a stream listener.

    ``status`` is 200 where the connection was passed on, 400 where it was closed for its PROXY header: the access log
    has a line of that as well, unlike that of HTTP. ``address`` is what the log calls the client, in each of its
    ``lines`` lines: two for a TLS port, whose connections Kong hands on to another listener, on a unix socket.
    ``complaints`` are the kinds of line in the error log. ``channel`` tells where the address was taken from. What the
    upstream sees is no part of this: it is Kong's own address, always, since Kong sends no PROXY header on.
    """

    status: int
    address: str
    complaints: tuple[str, ...] = ()
    channel: str = PEER
    lines: int = 1


def receive_stream(settings: Settings, listener: Listener, traffic: Traffic) -> StreamConclusion:
    """What Kong concludes from ``traffic`` on ``listener``, for a caller that says something first.

    Headers count for nothing, and neither does real_ip_header: realip means the PROXY header of this listener.
    """
    accepted: Accepted | None = None
    if listener.proxy_protocol:
        segments = [segment for segment in traffic.preface if segment]
        limit = LIMIT_BEFORE_3_6 if settings.before_3_6 else LIMIT
        # What the caller itself says, in the place of the header, is as broken as any other.
        read = preface.read_preface(segments[0], limit) if segments else Refused(BROKEN)
        if isinstance(read, Refused):
            return StreamConclusion(400, text_of(traffic.source), (read.complaint,) if read.complaint else ())
        accepted = read
    taken = _take(settings, traffic.source, accepted)
    return StreamConclusion(200, text_of(taken.address), channel=taken.channel, lines=2 if listener.tls else 1)


def _take(settings: Settings, peer: Address, accepted: Accepted | None) -> Taken:
    """The address and its channel. Unlike realip of HTTP, that of stream reads no port behind an address."""
    if accepted is None or not accepted.source or not settings.trusts(peer):
        return Taken(peer, PEER)
    source = read_address(accepted.source)
    return Taken(source, PROXY) if source is not None else Taken(peer, PEER)


def stream_listeners(text: str, version: tuple[int, int] | None = None) -> tuple[Listener, ...]:
    """The TCP ports of stream_listen. ValueError, with the reason, where Kong would not start, and for UDP."""
    words = text.replace(",", " ").split()
    alien = next((flag for flag in _HTTP_ONLY if flag in words), None)
    if alien is not None:
        raise ValueError(f"stream_listen takes no flag {alien!r}; Kong does not start with {text.strip()!r}")
    if "udp" in words:
        raise ValueError("a UDP entry of stream_listen has no connections, and no PROXY header; leave it out")
    try:
        return Settings.from_environment({"KONG_PROXY_LISTEN": text}, version).listeners
    except ValueError as error:  # the same form, by another name
        raise ValueError(str(error).replace("proxy_listen", "stream_listen", 1)) from error
