"""How nginx reads an address out of text: laxer than the standards in places, stricter in others.

Source: nginx, src/core/ngx_inet.c (ngx_inet_addr, ngx_inet6_addr, ngx_parse_addr, ngx_parse_addr_port), read and put
into other words; the odd cases are rows of tests/data/kong-truth-wide.jsonl.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from diagnose.path.traffic import Address

_V4 = re.compile(r"[0-9]*(?:\.[0-9]*){3}")
_NOBODY = 0xFFFFFFFF  # 255.255.255.255 is nginx's own mark for "no address", so that it cannot be one
_HEX = frozenset("0123456789abcdefABCDEF")


@lru_cache(maxsize=65536)
def read_address(text: str) -> Address | None:
    """The address that ``text`` is to nginx, or None. Empty octets count as 0, leading zeros as decimal."""
    four = _read_v4(text)
    return four if four is not None else _read_v6(text)


@lru_cache(maxsize=65536)
def read_address_port(text: str) -> Address | None:
    """As ``read_address``; a port from 1 to 65535 may follow, behind brackets for IPv6."""
    bare = read_address(text)
    if bare is not None:
        return bare
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        if not bracket or not port.startswith(":"):
            return None
        port = port[1:]
    else:
        inner, colon, port = text.partition(":")
        if not colon:
            return None
    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:8]) <= 65535 or len(port) > 8:
        return None
    return read_address(inner)


def _read_v4(text: str) -> IPv4Address | None:
    if _V4.fullmatch(text) is None:
        return None
    octets = [int(octet or "0") if len(octet) < 16 else 256 for octet in text.split(".")]
    if any(octet > 255 for octet in octets):
        return None
    value = int.from_bytes(bytes(octets), "big")
    return None if value == _NOBODY else IPv4Address(value)


def _read_v6(text: str) -> IPv6Address | None:
    """Word by word, as ngx_inet6_addr does: one leading colon is passed over, and a trailing one ends a word."""
    words: list[int] = []
    gap: int | None = None
    word = start = 0
    at = 1 if text.startswith(":") else 0
    nibbles = ""
    for index in range(at, len(text)):
        char = text[index]
        if char == ":":
            if nibbles:
                words.append(word)
                if len(words) == 8:
                    return None
            elif gap is None:
                gap = len(words)
            else:
                return None
            nibbles, word, start = "", 0, index + 1
        elif char == "." and nibbles:
            last = _read_v4(text[start:]) if start else None
            if last is None or len(words) > 6:
                return None
            words.append(int(last) >> 16)
            nibbles, word = ".", int(last) & 0xFFFF
            break
        elif char in _HEX and len(nibbles) < 4:
            nibbles += char
            word = int(nibbles, 16)
        else:
            return None
    if not nibbles and gap is None:
        return None
    words.append(word)
    if len(words) == 8:
        return None if gap is not None else _of_words(words)
    if gap is None or len(words) > 8:
        return None
    return _of_words([*words[:gap], *[0] * (8 - len(words)), *words[gap:]])


def _of_words(words: list[int]) -> IPv6Address:
    return IPv6Address(b"".join(word.to_bytes(2, "big") for word in words))


def text_of(address: Address) -> str:
    """``address`` as nginx writes it: the last four bytes in decimal where six words of zeros, or a mapping, precede."""
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"
    if 0x1_0000 <= int(address) <= 0xFFFF_FFFF:
        return f"::{IPv4Address(int(address))}"
    return str(address)
