"""Request heads, as they come from a socket."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.lab.http_head import NoRequest, Request, read_request, write_head

GET = b"GET /x HTTP/1.1\r\n"


def read(*segments: bytes, already: bytes = b"") -> Request | NoRequest | None:
    """What is read of a connection on which ``segments`` come before its end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for segment in segments:
            ours.sendall(segment)
        ours.shutdown(socket.SHUT_WR)
        theirs.settimeout(10.0)
        return read_request(theirs, already)


def test_a_head_is_read_whole_and_in_order() -> None:
    expected = Request("GET /x HTTP/1.1", "GET", "/x", (("Host", "a"), ("B", "2"), ("b", "3")))
    assert read(GET, b"Host: a\r\nB:2\r\nb:  3 \r\n\r\n") == expected
    assert read(b"Host: a\r\nB: 2\r\nb: 3\r\n\r\n", already=b"\r\n" + GET) == expected


def test_a_line_may_end_without_a_carriage_return() -> None:
    assert read(b"GET /x HTTP/1.1\nHost: a\n\n") == Request("GET /x HTTP/1.1", "GET", "/x", (("Host", "a"),))


def test_a_head_without_headers_is_one() -> None:
    assert read(b"GET /x HTTP/1.0\r\n\r\n") == Request("GET /x HTTP/1.0", "GET", "/x", ())


@pytest.mark.parametrize("byte", [b"\x85", b"\xa0", b"\xff"])
def test_bytes_beyond_ascii_belong_to_a_path(byte: bytes) -> None:
    request = read(b"GET /a" + byte + b"b HTTP/1.1\r\n\r\n")
    assert isinstance(request, Request)
    assert request.path == f"/a{byte.decode('latin-1')}b"


@pytest.mark.parametrize("byte", [b"\x00", b"\t", b"\x0b", b"\r", b"\x7f", b" "])
def test_control_characters_and_blanks_do_not(byte: bytes) -> None:
    assert isinstance(read(b"GET /a" + byte + b"b HTTP/1.1\r\n\r\n"), NoRequest)


@pytest.mark.parametrize(
    ("data", "quoted"),
    [
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 40001 443\r\n", "PROXY TCP4 203.0.113.7 198.51.100.1 40001 443"),
        (b"\x00\r\nQUIT", "\x00"),
        (b"\x16\x03\x01", "\x16\x03\x01"),
        (GET + b"no colon\r\n\r\n", "GET /x HTTP/1.1"),
    ],
)
def test_what_is_no_request_is_quoted_as_far_as_it_was_read(data: bytes, quoted: str) -> None:
    assert read(data) == NoRequest(quoted)


def test_a_head_that_is_not_finished_is_none() -> None:
    assert read(GET, b"Host: a\r\n") is None
    assert read() is None


def test_a_head_without_end_is_given_up() -> None:
    assert read(b"A: b\r\n" * 10, already=GET + b"A: b\r\n" * 20_000) == NoRequest("GET /x HTTP/1.1")


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: GET + tail + b"\r\n\r\n"))
def test_any_bytes_are_read_as_something(data: bytes) -> None:
    read(data)


@given(
    st.text("/ab\x85\xa0\xff%?=", max_size=20),
    st.lists(st.tuples(st.text("aB_-", min_size=1, max_size=5), st.text("x,.:\t\xa0", max_size=9)), max_size=4),
)
def test_what_is_written_is_read_again(path: str, headers: list[tuple[str, str]]) -> None:
    request = read(write_head(f"GET /{path} HTTP/1.1", headers))
    assert request == Request(f"GET /{path} HTTP/1.1", "GET", f"/{path}", tuple(headers))
