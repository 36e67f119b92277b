"""realip: which address nginx puts in the place of the TCP peer's.

Source: nginx, src/http/modules/ngx_http_realip_module.c, and ngx_http_get_forwarded_addr in
src/http/ngx_http_core_module.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from diagnose.path.addresses import read_address_port
from diagnose.path.preface import Accepted
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Headers

PEER = "peer"
PROXY = "PROXY"

Trusts = Callable[[Address], bool]


class Taken(NamedTuple):
    """The address that was taken, and the channel it came from: ``PEER``, ``PROXY``, or a header's name."""

    address: Address
    channel: str


def take(settings: Settings, peer: Address, preface: Accepted | None, headers: Headers) -> Taken:
    """The address that Kong logs for a connection of ``peer``, its accepted PROXY header and its request headers.

    real_ip_header is compared letter by letter with the three names that nginx knows; any other is a header of which
    the first line counts.
    """
    nobody = Taken(peer, PEER)
    trusts = settings.trust.of_nginx
    if not trusts(peer):
        return nobody
    name = settings.real_ip_header
    if name == "proxy_protocol":
        source = read_address_port(preface.source) if preface is not None and preface.source else None
        return Taken(source, PROXY) if source is not None else nobody
    wanted = name.lower()
    # Of the blanks around a value nginx takes away spaces alone.
    lines = [value.strip(" ") for key, value in headers if key.lower() == wanted]
    if not lines:
        return nobody
    chain = lines if name == "X-Forwarded-For" else lines[:1]
    taken = _from_lines(chain, peer, trusts, recursive=settings.real_ip_recursive)
    return Taken(taken, name) if taken is not None else nobody


def _from_lines(lines: Sequence[str], peer: Address, trusts: Trusts, *, recursive: bool) -> Address | None:
    """The address that the lines lead to, the last line first, or None where they lead nowhere."""
    taken: Address | None = None
    for line in reversed(lines):
        found, whole = _from_line(line, taken or peer, trusts, recursive=recursive)
        if found is None:
            return taken
        taken = found
        if not recursive or not whole:
            return taken
    return taken


def _from_line(line: str, before: Address, trusts: Trusts, *, recursive: bool) -> tuple[Address | None, bool]:
    """The address that one line leads to from ``before``, and whether it was walked to its first element."""
    taken: Address | None = None
    rest = line
    while trusts(taken or before):
        element, rest = _last(rest)
        address = read_address_port(element)
        if address is None:
            return taken, False
        taken = address
        if not recursive:
            return taken, False
        if not rest:
            return taken, True
    return taken, False


def _last(text: str) -> tuple[str, str]:
    """The last element of a list, and what stands before it. Only commas and spaces separate.

    A separator in the first place of all is part of the element, which it spoils: that is how the loop in nginx ends.
    """
    text = text.rstrip(" ,")
    at = max(text.rfind(" "), text.rfind(","))
    return (text[at + 1 :], text[:at]) if at > 0 else (text, "")
