"""Which address nginx takes for the client's: what its realip module does with a peer, a header and trusted ranges.

Source: nginx, src/http/modules/ngx_http_realip_module.c, ngx_http_get_forwarded_addr and ngx_parse_addr_port.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NOBODY = IPv4Address("255.255.255.255")  # what nginx takes for "no address" as well


class Trusted:
    """The ranges whose word is taken; an IPv4-mapped address counts as the IPv4 address within."""

    def __init__(self, ranges: Iterable[str]) -> None:
        self._ranges = [ip_network(text, strict=False) for text in ranges if text != "unix:"]

    def __contains__(self, address: Address) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        asked = mapped or address
        return any(asked.version == net.version and asked in net for net in self._ranges)


def client_of(peer: Address, lines: Sequence[str], trusted: Trusted, recursive: bool) -> Address:
    """The client that ``lines``, the values of the header that counts, name to somebody who sees ``peer``.

    The last element of the last line is taken if the peer is trusted; with ``recursive`` the one before it as well if
    that one is trusted, and so on. What is no address ends the search.
    """
    taken = peer
    for line in reversed(lines):
        for element in _elements(line):
            named = parse(element) if taken in trusted else None
            if named is None:
                return taken
            taken = named
            if not recursive:
                return taken
    return taken


def text_of(address: Address) -> str:
    """``address`` as nginx logs it: an IPv4-mapped one keeps its dots."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(address)


def _elements(line: str) -> list[str]:
    """The elements of one line, last first. Commas and spaces part them, but one that leads the line clings."""
    found = []
    end = len(line)
    while True:
        while end > 1 and line[end - 1] in " ,":
            end -= 1
        start = end - 1
        while start > 0 and line[start] not in " ,":
            start -= 1
        begin = start + 1 if start > 0 else 0
        found.append(line[begin:end])
        if begin == 0:
            return found
        end = begin - 1


def parse(text: str) -> Address | None:
    """The address that nginx reads in an element, with or without a port; None for anything else."""
    if (bare := _parse_bare(text)) is not None:
        return bare
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]:")
    else:
        host, bracket, port = text.partition(":")
    if not bracket or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        return None
    return _parse_bare(host)


def _parse_bare(text: str) -> Address | None:
    parts = text.split(".")
    if len(parts) == 4 and all(not part or (part.isascii() and part.isdigit()) for part in parts):
        octets = [int(part or "0") for part in parts]  # nginx counts dots and digits, and misses no empty octet
        address = IPv4Address(bytes(octets)) if max(octets) <= 255 else _NOBODY
        return None if address == _NOBODY else address
    if ":" not in text or "%" in text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None
