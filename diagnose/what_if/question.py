"""A question to the model, and the values that may stand in one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Headers, Traffic

HERE = IPv4Address("192.0.2.1")
"""Kong's own address, which decides nothing: one that is reserved for documentation."""

HOST = "kong.test"
"""What the request asks for, which decides nothing but X-Forwarded-Host."""

LONGEST_HEADER, LONGEST_HEADERS = 8192, 4 * 8192
"""Bytes of one header and of all: nginx answers longer ones with 400, of which the model knows nothing."""

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:[.+-][0-9A-Za-z.+-]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


@dataclass(frozen=True, slots=True)
class Question:
    """What would Kong, told ``settings``, conclude from ``traffic`` on ``listener``? ``stream`` if that is layer 4."""

    settings: Settings
    listener: Listener
    traffic: Traffic
    stream: bool = False


@lru_cache(maxsize=4096)
def read_peer(text: str) -> Address:
    """The address that ``text`` spells, an IPv4-mapped one left as it is; ValueError if none, or if it has a zone."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is no IP address") from error
    if "%" in text:
        raise ValueError(f"{shown(text)} has a zone, which Kong does not know; leave it out")
    return address


def read_version(text: str) -> tuple[int, int]:
    """The (major, minor) of a Kong's version; ValueError if ``text`` does not begin with them."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is no version of Kong such as 3.9 or 2.8.5")
    return int(match[1]), int(match[2])


def read_hex(text: str) -> bytes:
    """The bytes of one TCP segment; ValueError if ``text`` is not two hexadecimal digits a byte."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not hexadecimal, two digits a byte") from error


def checked_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """The headers as they are; ValueError where HTTP cannot carry them, or the model knows nothing about them.

    That is so of a second Host, and of more than nginx takes by default (large_client_header_buffers).
    """
    headers = tuple(_checked(name, value) for name, value in pairs)
    if sum(map(_size, headers)) > LONGEST_HEADERS:
        raise ValueError(f"the headers are more than the {LONGEST_HEADERS} bytes that nginx takes")
    return headers


def _checked(name: str, value: str) -> tuple[str, str]:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{shown(name)} is no header name")
    if name.lower() == "host":
        raise ValueError("the request has a Host already, and of a second one the model knows nothing")
    if "\r" in value or "\n" in value:
        raise ValueError(f"the value of {shown(name)} holds a line break, which no header can carry")
    header = name, encodable(value)
    if _size(header) > LONGEST_HEADER:
        raise ValueError(f"the header {shown(name)} is longer than the {LONGEST_HEADER} bytes that nginx takes")
    return header


def _size(header: tuple[str, str]) -> int:
    """Its bytes in a request, with the colon, a blank and the end of the line."""
    name, value = header
    return len(name) + len(value if value.isascii() else value.encode()) + 4


def encodable(text: str) -> str:
    """``text`` if a setting or a header can hold it; ValueError for a NUL and for half a character."""
    if "\0" in text:
        raise ValueError(f"{shown(text)} holds a NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{shown(text)} holds a lone surrogate, which is no character") from error
    return text


def shown(value: object) -> str:
    """``value`` for an error message: quoted, without control characters, and short."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value)) or _short(value)


_SHOWN = 60


def _short(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"the number {value}" if not isinstance(value, int) or abs(value) < 1e15 else "a number"
