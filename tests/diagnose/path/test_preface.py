"""PROXY headers as nginx reads them: the limits, and what is let through."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.preface import (
    BROKEN,
    PLAIN_LIMIT,
    TLS_LIMIT,
    TLS_LIMIT_BEFORE_3_6,
    TOO_LARGE,
    UNKNOWN_VERSION,
    Accepted,
    Refused,
    read_preface,
)
from probes.wire.proxy_protocol import SIGNATURE

INET = bytes([203, 0, 113, 7, 198, 51, 100, 1]) + struct.pack("!HH", 40001, 443)


def v2(command: int = 0x21, family: int = 0x11, block: bytes = INET, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


@pytest.mark.parametrize("limit", [PLAIN_LIMIT, TLS_LIMIT, TLS_LIMIT_BEFORE_3_6])
def test_a_header_as_long_as_one_read_is_the_longest(limit: int) -> None:
    whole = v2(block=INET + bytes(limit - 16 - len(INET)))
    assert len(whole) == limit
    assert read_preface(whole, limit) == Accepted("203.0.113.7", b"")
    assert read_preface(v2(block=INET + bytes(limit - 15 - len(INET))), limit) == Refused(TOO_LARGE)


def test_what_follows_the_header_is_kept_even_beyond_the_first_read() -> None:
    rest = bytes(2000)
    assert read_preface(v2() + rest, PLAIN_LIMIT) == Accepted("203.0.113.7", rest)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (v2(command=0x20), Accepted(None, b"")),
        (v2(command=0x2F), Accepted(None, b"")),
        (v2(command=0x31), Refused(UNKNOWN_VERSION)),
        (v2(family=0x12), Accepted(None, b"")),
        (v2(family=0x31, block=bytes(216)), Accepted(None, b"")),
        (v2(block=INET[:11]), Refused(None)),
        (v2(family=0x21, block=bytes(35)), Refused(None)),
        (v2(block=INET + bytes(24)), Accepted("203.0.113.7", b"")),
        (v2(length=13), Refused(TOO_LARGE)),
        (v2()[:15], Refused(BROKEN)),
        (v2()[:16], Refused(TOO_LARGE)),
    ],
)
def test_version_2(data: bytes, outcome: Accepted | Refused) -> None:
    assert read_preface(data, PLAIN_LIMIT) == outcome


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\nGET", Accepted("203.0.113.7", b"GET")),
        (b"PROXY TCP4 203.0.113.777  1 2\r\n", Accepted("203.0.113.777", b"")),
        (b"PROXY TCP6  ::1 1 2\r\n", Accepted("", b"")),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 000000000000000080 00065535\r\n", Accepted("1.2.3.4", b"")),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 000000000000000080 00000000000065536\r\n", Refused(BROKEN)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", Refused(BROKEN)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", Refused(BROKEN)),
        (b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", Refused(BROKEN)),
        (b"PROXY UNKNOWN\r\n", Accepted(None, b"")),
        (b"PROXY UNKNOWNX anything\n at all\r\nGET", Accepted(None, b"GET")),
        (b"PROXY UNKNOWN\n", Refused(BROKEN)),
        (b"GET / HTTP/1.1\r\n", Refused(BROKEN)),
        (b"", Refused(BROKEN)),
    ],
)
def test_version_1(data: bytes, outcome: Accepted | Refused) -> None:
    assert read_preface(data, PLAIN_LIMIT) == outcome


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda rest: SIGNATURE + rest), st.sampled_from([108, 1024]))
def test_any_bytes_are_accepted_or_refused(data: bytes, limit: int) -> None:
    read = read_preface(data, limit)
    assert isinstance(read, Accepted | Refused)
    if isinstance(read, Accepted):
        assert data.endswith(read.rest)
