"""Which address nginx takes for the client's: what its realip module does with a peer, a header and trusted ranges.

Source: nginx, src/http/modules/ngx_http_realip_module.c, and src/core/ngx_inet.c for addresses as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from string import hexdigits

Address = IPv4Address | IPv6Address

_WORDS = 8  # of 16 bits, in an IPv6 address
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
    """``address`` as nginx logs it (ngx_inet6_ntop): an IPv6 one that may hold an IPv4 one is written with dots."""
    if isinstance(address, IPv4Address):
        return str(address)
    before, last = divmod(int(address), 1 << 32)
    if before == 0xFFFF:
        return f"::ffff:{IPv4Address(last)}"
    third, fourth = last >> 8 & 0xFF, last & 0xFF
    dotted = before == 0 and (last > 0xFFFF or (third != 0 and fourth != 1))
    return f"::{IPv4Address(last)}" if dotted else str(address)


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
    if not bracket or _number(port, 65535) < 1:
        return None
    return _parse_bare(host)


def _parse_bare(text: str) -> Address | None:
    return _parse_v4(text) or _parse_v6(text)


def _parse_v4(text: str) -> IPv4Address | None:
    """What ngx_inet_addr reads: it counts dots, and an octet without a digit is 0."""
    octets = [_number(part or "0", 255) for part in text.split(".")]
    if len(octets) != 4 or min(octets) < 0:
        return None
    address = IPv4Address(bytes(octets))
    return None if address == _NOBODY else address


def _parse_v6(text: str) -> IPv6Address | None:
    """What ngx_inet6_addr reads: one colon too many at the start is skipped, one at the end is followed by a 0."""
    words: list[int] = []
    gap: int | None = None
    digits = ""
    group = 0
    rest = text.removeprefix(":")
    for at, character in enumerate(rest):
        if character == ":":
            if digits:
                words.append(int(digits, 16))
            elif gap is None:
                gap = len(words)
            else:
                return None
            digits, group = "", at + 1
        elif character == "." and digits:
            last = _parse_v4(rest[group:])
            if last is None:
                return None
            words.append(int(last) >> 16)
            digits = f"{int(last) & 0xFFFF:x}"
            break
        elif character in hexdigits and len(digits) < 4:
            digits += character
        else:
            return None
    if not digits and gap is None:
        return None
    words.append(int(digits or "0", 16))
    if gap is not None and len(words) < _WORDS:
        words[gap:gap] = [0] * (_WORDS - len(words))
    elif gap is not None or len(words) != _WORDS:
        return None
    return IPv6Address(b"".join(word.to_bytes(2, "big") for word in words))


def _number(text: str, most: int) -> int:
    """The number that ``text`` spells in decimal digits, -1 if it spells none or one beyond ``most``."""
    if not (text.isascii() and text.isdigit()):
        return -1
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(most)) and int(digits) <= most else -1
