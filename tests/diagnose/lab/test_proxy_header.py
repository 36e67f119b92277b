"""PROXY headers as the lab's balancers write them and its Kongs read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.lab.proxy_header import BROKEN, TOO_LARGE, UNKNOWN_VERSION, Refused, Taken, read, write

PORTS = st.integers(0, 65535)
V4, V6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
PAIRS = st.tuples(V4, V4) | st.tuples(V6, V6)
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@given(st.sampled_from([1, 2]), PAIRS, PORTS, PORTS)
def test_what_is_written_names_its_source(version: int, pair: tuple[str, str], of: int, to: int) -> None:
    header = write(version, (pair[0], of), (pair[1], to))
    assert read(header + REQUEST) == Taken(len(header), pair[0])


@given(st.binary(max_size=60), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", b"\r\n\r\n\x00\r\nQUIT\n"]))
def test_any_bytes_are_taken_or_refused(data: bytes, begun: bytes) -> None:
    taken = read(begun + data)
    assert isinstance(taken, Refused) or 0 < taken.length <= len(begun + data)


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (REQUEST, Refused(BROKEN)),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 40001 443\n", Refused(BROKEN)),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 65536 443\r\n", Refused(BROKEN)),
        (b"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x00", Refused(UNKNOWN_VERSION, ": 3")),
        (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", Refused(TOO_LARGE)),
        (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x02ab", Refused(None)),
    ],
)
def test_a_refusal_is_called_what_nginx_calls_it(data: bytes, refused: Refused) -> None:
    assert read(data) == refused
