"""Stream listeners: whose address is logged, and what a broken PROXY header leaves in the logs."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.preface import BROKEN, TOO_LARGE, UNKNOWN_VERSION
from diagnose.path.settings import Listener, Settings
from diagnose.path.stream import StreamConclusion, receive_stream, stream_listeners
from diagnose.path.traffic import Traffic
from probes.wire.proxy_protocol import SIGNATURE, Header, encode

PEER = IPv4Address("10.0.0.5")
HERE = IPv4Address("192.0.2.1")
TRUSTING = Settings(trusted_ips=("10.0.0.0/8",))
PLAIN, WITH_PROXY = Listener(9000), Listener(9000, proxy_protocol=True)


def connection(*preface: bytes, **more: Any) -> Traffic:
    return Traffic(**{"source": PEER, "destination": HERE, "port": 9000, "preface": preface, **more})


def v1(source: str = "203.0.113.7") -> bytes:
    return f"PROXY TCP4 {source} 198.51.100.1 40001 9000\r\n".encode()


def v2(size: int) -> bytes:
    """A header of ``size`` bytes."""
    bare = encode(Header(2, "PROXY", "203.0.113.7", 40001, "198.51.100.1", 9000))
    filling = ((0x04, bytes(size - len(bare) - 3)),) if size > len(bare) else ()
    return encode(Header(2, "PROXY", "203.0.113.7", 40001, "198.51.100.1", 9000, filling))


@pytest.mark.parametrize("name", ["X-Real-IP", "X-Forwarded-For", "proxy_protocol"])
def test_the_proxy_header_of_a_trusted_peer_counts_whatever_real_ip_header_is(name: str) -> None:
    settings = Settings(trusted_ips=("10.0.0.0/8",), real_ip_header=name)
    assert receive_stream(settings, WITH_PROXY, connection(v1())) == StreamConclusion(200, "203.0.113.7", (), "PROXY")


@pytest.mark.parametrize("trusted", [(), ("10.0.0.6",), ("unix:",)])
def test_that_of_another_peer_does_not(trusted: tuple[str, ...]) -> None:
    settings = Settings(trusted_ips=trusted, real_ip_header="proxy_protocol")
    assert receive_stream(settings, WITH_PROXY, connection(v1())) == StreamConclusion(200, "10.0.0.5")


def test_headers_count_for_nothing() -> None:
    settings = Settings(trusted_ips=("10.0.0.5",))
    heard = receive_stream(settings, PLAIN, connection(headers=(("X-Real-IP", "203.0.113.7"),)))
    assert heard == StreamConclusion(200, "10.0.0.5")


def test_without_the_flag_a_proxy_header_is_passed_on_like_all_else() -> None:
    assert receive_stream(TRUSTING, PLAIN, connection(v1())) == StreamConclusion(200, "10.0.0.5")


@pytest.mark.parametrize(
    ("preface", "complaints"),
    [
        ((), (BROKEN,)),
        ((b"",), (BROKEN,)),
        ((b"hello",), (BROKEN,)),
        ((v1()[:10], v1()[10:]), (BROKEN,)),
        ((SIGNATURE + b"\x31\x11\x00\x00",), (UNKNOWN_VERSION,)),
        ((SIGNATURE + b"\x21\x11\x00\x00",), ()),
    ],
)
def test_a_broken_header_is_a_line_in_the_access_log_too(
    preface: tuple[bytes, ...], complaints: tuple[str, ...]
) -> None:
    assert receive_stream(TRUSTING, WITH_PROXY, connection(*preface)) == StreamConclusion(400, "10.0.0.5", complaints)


@pytest.mark.parametrize(
    ("version", "largest"), [((2, 8), 107), ((3, 5), 107), ((3, 6), 4096), ((3, 9), 4096), (None, 4096)]
)
def test_a_header_may_be_so_large_and_no_larger(version: tuple[int, int] | None, largest: int) -> None:
    settings = Settings(trusted_ips=("10.0.0.5",), version=version)
    assert receive_stream(settings, WITH_PROXY, connection(v2(largest))).address == "203.0.113.7"
    heard = receive_stream(settings, WITH_PROXY, connection(v2(largest + 1)))
    assert heard == StreamConclusion(400, "10.0.0.5", (TOO_LARGE,))


def test_a_tls_port_is_logged_twice_unless_it_was_closed_before() -> None:
    listener = Listener(9443, tls=True, proxy_protocol=True)
    assert receive_stream(TRUSTING, listener, connection(v1(), tls=True)).lines == 2
    assert receive_stream(TRUSTING, listener, connection(tls=True)).lines == 1


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", v1(""), v1("203.0.113.777"), v1("203.0.113.7:99")])
def test_a_header_that_names_no_address_leaves_the_peer(header: bytes) -> None:
    assert receive_stream(TRUSTING, WITH_PROXY, connection(header)) == StreamConclusion(200, "10.0.0.5")


def test_an_ipv4_mapped_peer_is_trusted_as_the_ipv4_one() -> None:
    heard = receive_stream(TRUSTING, WITH_PROXY, connection(v1(), source=IPv6Address("::ffff:10.0.0.5")))
    assert heard.address == "203.0.113.7"


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: SIGNATURE + rest), st.booleans())
def test_concludes_something_of_whatever_comes_in(segment: bytes, flag: bool) -> None:
    heard = receive_stream(TRUSTING, Listener(9000, proxy_protocol=flag), connection(segment))
    ip_address(heard.address)
    assert heard.status in ((200, 400) if flag else (200,))


def test_reads_stream_listen() -> None:
    assert stream_listeners("0.0.0.0:9000 reuseport, [::]:9443 ssl proxy_protocol") == (
        Listener(9000),
        Listener(9443, tls=True, proxy_protocol=True),
    )
    assert stream_listeners("off") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9000", "stream_listen takes 'off' or entries"),
        ("", "stream_listen is empty"),
        ("0.0.0.0:9000 http2", "no flag 'http2'"),
        ("0.0.0.0:9000 deferred", "no flag 'deferred'"),
        ("0.0.0.0:9000, 0.0.0.0:53 udp", "UDP"),
    ],
)
def test_tells_why_kong_would_not_start(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stream_listeners(text)
