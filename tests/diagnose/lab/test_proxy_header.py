"""PROXY headers as the lab's balancers write them and its Kongs read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.lab.proxy_header import BROKEN, TOO_LARGE, UNKNOWN_VERSION, Refused, Taken, read, write

PORTS = st.integers(0, 65535)
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@given(st.sampled_from([1, 2]), st.sampled_from([4, 6]), st.data(), PORTS, PORTS)
def test_what_is_written_names_its_source(version: int, family: int, data: st.DataObject, of: int, to: int) -> None:
    addresses = st.ip_addresses(v=family).map(str)
    source, destination = data.draw(addresses), data.draw(addresses)
    header = write(version, (source, of), (destination, to))
    assert read(header + REQUEST) == Taken(len(header), source)


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
