"""Formats of access logs: where in a line the client's address stands, and when the request was.

The formats are nginx's ``combined``, which Kong's default begins with, with or without the stamp that Kubernetes or
Docker puts in front; JSON with nginx's name for the address or that of Kong's log plugins; and whatever an nginx
``log_format`` says. Kong's log plugins also write the names of headers, which a client chooses: JSON is therefore
parsed, and only what stands at its top counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from diagnose.errors import USAGE, Stop

Chunk = memoryview | bytes
Fields = Callable[[Chunk], Sequence[bytes]]
"""The first thing in each line that may be the address; of a line that has none, anything that is no address."""

STAMP = rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?)"
"""What Kubernetes (--timestamps), containerd (CRI) or Docker put in front of a line."""

_PLAIN = re.compile(rb"\n(\S+)")
_STAMPED = re.compile(rb"\n" + STAMP + rb"?(\S+)")
_BEGINS_STAMPED = re.compile(rb"\n" + STAMP)
_LOCAL = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]")
_ISO = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?")
_EPOCH = re.compile(rb'"(?:started_at|msec|timestamp|ts|time)" ?: ?"?(\d{10})(?:\.\d+|\d{3})?\b')

NAMES = ("remote_addr", "client_ip")
"""Keys of JSON that hold the address: nginx's name for it, and that of Kong's log plugins (kong/pdk/log.lua)."""

WRAPPED = "log"
"""The key under which Docker's json-file driver keeps the line itself."""

NO_ADDRESS = b"-"
"""What nginx writes in an address' place where there is none."""


@dataclass(frozen=True, slots=True)
class Format:
    """How lines are read. ``name`` is for people.

    ``strict`` tells that a line without an address is no request, as with the error log's between those of the access
    log.
    """

    name: str
    fields: Fields
    strict: bool = True


def of_chunk(chunk: Chunk) -> Format:
    """The format that the first lines of a log are in."""
    lines = bytes(chunk).split(b"\n")
    if any(line.startswith(b"{") for line in lines):
        return Format("JSON", of_json)
    if _BEGINS_STAMPED.match(chunk):
        return Format("default, stamped", _STAMPED.findall)
    return Format("default", _PLAIN.findall)


def of_json(chunk: Chunk) -> list[bytes]:
    """The address of each line that is a JSON object; of another, such as the error log's, its first word."""
    return [_of_json(line) for line in bytes(chunk).split(b"\n")[1:] if line]


def _of_json(line: bytes) -> bytes:
    try:
        told = json.loads(line) if line.startswith(b"{") else None
    except (ValueError, RecursionError):  # RecursionError: brackets without end
        told = None
    if not isinstance(told, dict):
        return line.partition(b" ")[0]
    if isinstance(wrapped := told.get(WRAPPED), str):
        return _of_json(wrapped.encode("utf-8", "replace"))
    found = next((told[name] for name in NAMES if isinstance(told.get(name), str)), None)
    return found.encode("utf-8", "replace") if found is not None else NO_ADDRESS


_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def of_log_format(text: str) -> Format:
    """The format that nginx's ``log_format`` directive describes. Stop with status 2 where it names no $remote_addr.

    A variable before the address ends where the next character of the format begins, which it therefore must not hold.
    """
    pieces = _VARIABLE.split(text)
    pattern, number = re.escape(pieces[0]), 0
    while number * 3 + 1 < len(pieces):
        name, literal = pieces[number * 3 + 1] or pieces[number * 3 + 2], pieces[number * 3 + 3]
        if name == "remote_addr":
            compiled = re.compile(rf"\n{pattern}([^{_within(literal)}\n]+)".encode())
            return Format("as --log-format says", compiled.findall, strict=False)
        if not literal:
            break
        pattern += f"[^{_within(literal)}\n]*{re.escape(literal)}"
        number += 1
    raise Stop(
        f"--log-format {text!r} does not tell where the address stands.",
        "It needs $remote_addr, and something between the variables before it.",
        USAGE,
    )


def _within(literal: str) -> str:
    """The character at which a variable ends, for a class of a pattern."""
    return re.escape(literal[:1]) if literal else r"\s"


def time_in(chunk: Chunk) -> float | None:
    """When the first request in ``chunk`` that tells it was, in seconds since the epoch; None where none does."""
    try:
        if match := _LOCAL.search(chunk):
            day, month, year, clock, zone = (part.decode("ascii") for part in match.groups())
            text = f"{year}-{_MONTHS.index(month) // 3 + 1:02}-{day}T{clock}{zone}"
        elif match := _EPOCH.search(chunk):
            return float(match[1])
        elif match := _ISO.search(chunk):
            text = f"{match[1].decode('ascii')}T{match[2].decode('ascii')}{(match[3] or b'Z').decode('ascii')}"
        else:
            return None
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
