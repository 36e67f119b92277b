"""Segments folded into connections, whatever comes in between."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from diagnose.capture.connections import MOST_OPEN, Connection, connections, stamp_in
from diagnose.capture.head import Carries
from probes.wire.frames import ACK, RST, SYN, Segment
from probes.wire.proxy_protocol import Header, encode
from tests.diagnose.capture.making import CLIENT, HERE, KONG, NONCE, REQUEST, segment, stamp, syn

PROXY = encode(Header(2, "PROXY", "203.0.113.7", 40001, "198.51.100.1", 443))


def read(*segments: Segment) -> list[Connection]:
    return list(connections(segments, HERE))


def test_a_connection_is_its_ends_its_syn_and_its_beginning() -> None:
    answer = segment(b"", 77, SYN | ACK, source=KONG, destination=CLIENT)
    [found] = read(syn(time=1.5), answer, segment(REQUEST))

    assert (found.source, found.source_port, found.destination, found.destination_port) == (*CLIENT, *KONG)
    assert found.opening is not None
    assert (found.opening.sequence, found.opening.stamp, found.opening.ttl, found.time) == (1000, 5, 61, 1.5)
    assert found.answer is not None
    assert found.answer.sequence == 77
    assert (found.head.carries, found.head.request) == (Carries.HTTP, f"GET /kongip-echo/{NONCE}")
    assert found.head.fields == (("X-Forwarded-For", "192.0.2.1"),)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[:12])
def test_pieces_are_put_in_order_and_those_that_came_twice_count_once(order: tuple[int, ...]) -> None:
    whole = PROXY + REQUEST
    pieces = [segment(whole[at : at + 30], 1001 + at) for at in range(0, len(whole), 30)]
    pieces = [pieces[number] for number in order] + pieces[4:] + pieces[:2]
    [found] = read(syn(), *pieces)
    assert [one.source for one in found.head.proxies] == ["203.0.113.7"]
    assert found.head.request == f"GET /kongip-echo/{NONCE}"


def test_sequence_numbers_may_wrap() -> None:
    [found] = read(syn(0xFFFFFFFF), segment(REQUEST[:20], 0), segment(REQUEST[20:], 20))
    assert found.head.whole


@pytest.mark.parametrize("size", [20, len(PROXY + REQUEST)])
def test_a_syn_may_bring_the_beginning_itself(size: int) -> None:
    whole = PROXY + REQUEST
    first = segment(whole[:size], 1000, SYN)
    rest = segment(whole[size:], 1001 + size)
    for again in ((), (first,), (segment(whole[:size], 1001),)):  # TCP Fast Open, refused or not (RFC 7413)
        [found] = read(first, *again, rest)
        assert (found.head.whole, found.opening is not None) == (True, True)
        assert [one.source for one in found.head.proxies] == ["203.0.113.7"]


def test_a_beginning_without_its_syn_is_followed_and_a_middle_is_not() -> None:
    assert [one.opening for one in read(segment(REQUEST))] == [None]
    assert read(segment(b"some middle"), segment(b"", 5, RST), segment(b"HTTP/1.1 200 OK\r\n")) == []


def test_a_servers_side_of_tls_is_no_connection_of_its_own() -> None:
    server_hello = bytes.fromhex("16030300310200002d0303") + bytes(40)
    assert read(segment(server_hello, source=KONG, destination=CLIENT)) == []


def test_later_requests_and_repeated_syns_make_no_further_connections() -> None:
    assert len(read(syn(), syn(), segment(REQUEST), segment(REQUEST, 1001 + len(REQUEST)), syn())) == 1


def test_the_same_ends_with_another_syn_are_another_connection() -> None:
    assert len(read(syn(), segment(REQUEST), syn(9000), segment(REQUEST, 9001))) == 2
    assert len(read(syn(), syn(9000), segment(REQUEST, 9001))) == 2


def test_what_never_said_anything_is_told_at_the_end() -> None:
    [found] = read(syn())
    assert (found.head.carries, found.head.proxies) == (None, ())


def test_a_header_that_is_broken_is_told() -> None:
    [found] = read(syn(), segment(b"PROXY TCP4 not an address\r\n"))
    assert found.head.broken == "malformed version 1 header"


def test_many_connections_at_once_are_all_told() -> None:
    many = [syn(source=(f"10.0.{number // 250}.{number % 250}", 1000 + number)) for number in range(MOST_OPEN + 500)]
    assert len(read(*many)) == MOST_OPEN + 500


@pytest.mark.parametrize(
    ("options", "found"),
    [(stamp(9), 9), (b"", None), (b"\x08", None), (b"\x08\x00", None), (b"\x02\x04\x05\xb4\x00", None)],
)
def test_the_timestamp_among_options(options: bytes, found: int | None) -> None:
    assert stamp_in(options) == found


def test_of_an_answer_that_is_forwarded_the_last_sight_counts() -> None:
    answer = segment(b"", 5000, SYN | ACK, source=KONG, destination=CLIENT)
    [found] = connections([syn(), replace(answer, ttl=64), replace(answer, ttl=63), segment(REQUEST)], HERE)
    assert found.answer is not None
    assert found.answer.ttl == 63


@pytest.mark.parametrize("leaves", [False, True])
def test_whether_it_was_first_seen_as_it_left(leaves: bool) -> None:
    [found] = read(replace(syn(), leaves=leaves), replace(syn(), leaves=not leaves), segment(REQUEST))
    assert found.left is leaves
