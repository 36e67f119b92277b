"""Upstream: the client headers that Kong sends on, which is where the echo behind it reads its two addresses.

Source: Kong, kong/runloop/handler.lua (access before) and kong/tools/http.lua; held to the recorded rows as gateway.py
is.
"""

from __future__ import annotations

from diagnose.path.addresses import text_of
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Headers, Traffic

HEADERS_IN_FRONT = 3
"""Host, User-Agent and Connection, which every request has and ``Traffic.headers`` leaves out."""

HEADERS_READ = 100
"""How many request headers Kong's Lua code looks at since 3.6 (lua_max_req_headers)."""

Upstream = tuple[tuple[str, str], ...]


def sent_on(settings: Settings, listener: Listener, traffic: Traffic, client: str) -> Upstream:
    """The client headers of the request to the upstream, for a connection whose client Kong calls ``client``."""
    peer = text_of(traffic.source)
    first = _first_values(settings, traffic.headers)
    chain = _joined(traffic.headers, "x-forwarded-for") if settings.before_3_6 else first.get("x-forwarded-for")
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
    if not settings.before_3_6:
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
