"""What the lab's Kong decides of a request: whose it is, and which headers go on with it.

By code of its own, not by the path model's. Source: nginx's realip module, kong/runloop/handler.lua.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address

from diagnose.lab.client_address import Trusted, client_of, text_of
from diagnose.lab.http_head import Headers, Request
from diagnose.path.settings import Settings

HEADERS_READ = 100  # lua_max_req_headers

_SET_BY_KONG = frozenset(
    {"connection", "host", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    | {"x-forwarded-port", "x-forwarded-path", "x-forwarded-prefix"}
)


@dataclass(frozen=True, slots=True)
class Version:
    """A Kong's version and what depends on it."""

    text: str

    def since(self, major: int, minor: int) -> bool:
        """Whether it is that version or a later one."""
        first, second = self.text.split(".")[:2]
        return (int(first), int(second)) >= (major, minor)

    @property
    def via(self) -> str:
        """What it calls itself in Via."""
        return f"1.1 kong/{self.text}" if self.since(3, 8) else f"kong/{self.text}"


@dataclass(frozen=True, slots=True)
class Caught:
    """A connection as a listener has accepted it: ``named`` is the source that its PROXY header names, if any."""

    peer: str
    port: int
    tls: bool
    named: str | None


def client_address(settings: Settings, caught: Caught, headers: Headers) -> str:
    """The address that counts as the client's: $remote_addr after realip."""
    name = settings.real_ip_header
    if name == "proxy_protocol":
        lines = [caught.named] if caught.named is not None else []
    else:
        lines = _values(headers, name)
        if name != "X-Forwarded-For":
            lines = lines[:1]  # nginx collects the lines of this one alone, and only in this spelling
    trusted = Trusted(settings.trusted_ips)
    return text_of(client_of(ip_address(caught.peer), lines, trusted, settings.real_ip_recursive))


def upstream_headers(settings: Settings, version: Version, caught: Caught, request: Request) -> Headers:
    """The headers that Kong sends on, Host first."""
    client = client_address(settings, caught, request.headers)
    visible = request.headers[:HEADERS_READ] if version.since(3, 6) else request.headers
    host = next(iter(_values(request.headers, "Host")), "")
    own = {
        "X-Forwarded-Proto": "https" if caught.tls else "http",
        "X-Forwarded-Host": re.sub(r":[0-9]*$", "", host).lower(),
        "X-Forwarded-Port": str(caught.port),
        "X-Forwarded-Path": request.path.partition("?")[0],
    }
    if ip_address(caught.peer) in Trusted(settings.trusted_ips):
        own = {name: next(iter(_spelled(visible, name)), value) for name, value in own.items()}
    own["X-Forwarded-For"] = _chain(visible, caught.peer, client, version)
    own["X-Real-IP"] = client
    via = _values(request.headers, "Via")
    if version.since(3, 8):
        via = [", ".join([*via, version.via])]
    if version.since(3, 5):
        own["X-Kong-Request-Id"] = secrets.token_hex(16)
    theirs = [(name, value) for name, value in request.headers if name.lower() not in _SET_BY_KONG]
    return (
        ("Host", host),
        ("Connection", "close"),
        *((name, value) for name, value in own.items() if value),
        *(("Via", value) for value in via),
        *theirs,
    )


def _chain(headers: Headers, peer: str, client: str, version: Version) -> str:
    """The peer is added to what a client sent, trusted or not; the client's address stands where it sent none."""
    lines = _spelled(headers, "X-Forwarded-For")[:1] if version.since(3, 6) else _values(headers, "X-Forwarded-For")
    return f"{', '.join(lines)}, {peer}" if lines else client


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name.lower()]


def _spelled(headers: Headers, name: str) -> list[str]:
    """The values of header ``name``, an underscore in its place of a hyphen or not: Kong's Lua knows no difference."""
    return [value for key, value in headers if key.lower().replace("_", "-") == name.lower()]
