"""How nginx reads an address out of text, laxer than the standards in places and stricter in others, and writes it.

Source: nginx, src/core/ngx_inet.c (ngx_inet_addr, ngx_inet6_addr, ngx_parse_addr_port, ngx_inet6_ntop), the same in
1.19, 1.21 and 1.25; the odd cases are rows of tests/data/kong-truth-wide.jsonl.
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
    number = read_number(port, 65535)
    return read_address(inner) if number else None


def read_number(text: str, largest: int) -> int | None:
    """The decimal number that ``text`` is, or None: nothing but digits, at least one, and not above ``largest``.

    Zeros in front are passed over, however many.
    """
    if not text.isascii() or not text.isdigit():
        return None
    digits = text.lstrip("0")
    if len(digits) > len(str(largest)):
        return None
    number = int(digits or "0")
    return number if number <= largest else None


def _read_v4(text: str) -> IPv4Address | None:
    if _V4.fullmatch(text) is None:
        return None
    value = 0
    for octet in text.split("."):
        number = read_number(octet or "0", 255)
        if number is None:
            return None
        value = value << 8 | number
    return None if value == _NOBODY else IPv4Address(value)


def _read_v6(text: str) -> IPv6Address | None:
    """Word by word, as ngx_inet6_addr does: one leading colon is passed over, and a trailing one ends a word."""
    words: list[int] = []
    gap: int | None = None
    word = start = 0
    nibbles = ""
    for index in range(1 if text.startswith(":") else 0, len(text)):
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
    if gap is None:
        return None
    return _of_words([*words[:gap], *[0] * (8 - len(words)), *words[gap:]])


def _of_words(words: list[int]) -> IPv6Address:
    return IPv6Address(b"".join(word.to_bytes(2, "big") for word in words))


@lru_cache(maxsize=65536)
def text_of(address: Address) -> str:
    """``address`` as nginx writes it, which differs from RFC 5952 where the last four bytes are written in decimal.

    That is so behind five words of zeros and ffff, behind six words of zeros, and behind seven if the last word's
    upper byte is not 0 and its lower byte not 1.
    """
    if isinstance(address, IPv4Address):
        return str(address)
    number = int(address)
    if number >> 32 == 0xFFFF:
        return f"::ffff:{IPv4Address(number & 0xFFFFFFFF)}"
    if 0xFFFF < number <= 0xFFFFFFFF or (0xFF < number <= 0xFFFF and number & 0xFF != 1):
        return f"::{IPv4Address(number)}"
    return str(address)
