"""Which address nginx takes out of a chain, and where it stops."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.preface import Accepted
from diagnose.path.realip import PEER, PROXY, Taken, take
from diagnose.path.settings import Settings
from diagnose.path.traffic import Headers

TRUSTED = IPv4Address("10.0.0.5")
STRANGER = IPv4Address("198.51.100.9")
BY_CHAIN = Settings(trusted_ips=("10.0.0.0/8",), real_ip_header="X-Forwarded-For")
WALKING = replace(BY_CHAIN, real_ip_recursive=True)


def chain(*lines: str) -> Headers:
    return tuple(("X-Forwarded-For", line) for line in lines)


def address(settings: Settings, headers: Headers) -> str:
    return str(take(settings, TRUSTED, None, headers).address)


def test_only_a_trusted_peer_is_believed() -> None:
    headers = chain("203.0.113.7")
    assert take(BY_CHAIN, TRUSTED, None, headers) == Taken(ip_address("203.0.113.7"), "X-Forwarded-For")
    assert take(BY_CHAIN, STRANGER, None, headers) == Taken(STRANGER, PEER)


@pytest.mark.parametrize(
    ("lines", "last", "walked"),
    [
        (["203.0.113.7"], "203.0.113.7", "203.0.113.7"),
        (["192.0.2.1, 203.0.113.7"], "203.0.113.7", "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], "10.0.0.9", "203.0.113.7"),
        (["192.0.2.1, 203.0.113.7,10.0.0.9 10.0.0.8"], "10.0.0.8", "203.0.113.7"),
        (["10.0.0.7, 10.0.0.6"], "10.0.0.6", "10.0.0.7"),
        (["203.0.113.7", "10.0.0.9"], "10.0.0.9", "203.0.113.7"),
        (["10.0.0.9", "203.0.113.7"], "203.0.113.7", "203.0.113.7"),
        (["203.0.113.7, bad, 10.0.0.9"], "10.0.0.9", "10.0.0.9"),
        (["203.0.113.7", "bad, 10.0.0.9"], "10.0.0.9", "10.0.0.9"),
        (["203.0.113.7", "bad"], "10.0.0.5", "10.0.0.5"),
        (["203.0.113.7, bad"], "10.0.0.5", "10.0.0.5"),
        (["203.0.113.7 , ,, "], "203.0.113.7", "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7", "203.0.113.7"),
        ([""], "10.0.0.5", "10.0.0.5"),
        ([], "10.0.0.5", "10.0.0.5"),
    ],
)
def test_walks_back_over_trusted_addresses_if_told_to(lines: list[str], last: str, walked: str) -> None:
    assert address(BY_CHAIN, chain(*lines)) == last
    assert address(WALKING, chain(*lines)) == walked


def test_any_other_header_counts_with_its_first_line() -> None:
    settings = replace(WALKING, real_ip_header="CF-Connecting-IP")
    headers = (("cf-connecting-ip", "203.0.113.7"), ("CF-Connecting-IP", "203.0.113.8"))
    assert address(settings, headers) == "203.0.113.7"


def test_the_chain_spelled_in_small_letters_is_any_other_header() -> None:
    settings = replace(WALKING, real_ip_header="x-forwarded-for")
    assert address(settings, chain("203.0.113.7", "203.0.113.8")) == "203.0.113.7"


def test_a_header_that_is_not_named_is_not_read() -> None:
    assert take(BY_CHAIN, TRUSTED, None, (("X-Real-IP", "203.0.113.7"),)) == Taken(TRUSTED, PEER)


@pytest.mark.parametrize(
    ("preface", "taken"),
    [
        (Accepted("203.0.113.7", b""), Taken(ip_address("203.0.113.7"), PROXY)),
        (Accepted("2001:db8::7", b""), Taken(ip_address("2001:db8::7"), PROXY)),
        (Accepted("1.2.3.777", b""), Taken(TRUSTED, PEER)),
        (Accepted("", b""), Taken(TRUSTED, PEER)),
        (Accepted(None, b""), Taken(TRUSTED, PEER)),
        (None, Taken(TRUSTED, PEER)),
    ],
)
def test_takes_the_source_of_a_proxy_header_where_it_is_told_to(preface: Accepted | None, taken: Taken) -> None:
    settings = replace(BY_CHAIN, real_ip_header="proxy_protocol")
    assert take(settings, TRUSTED, preface, chain("192.0.2.1")) == taken


def test_a_proxy_header_is_not_asked_where_a_request_header_is_named() -> None:
    assert take(BY_CHAIN, TRUSTED, Accepted("203.0.113.7", b""), ()) == Taken(TRUSTED, PEER)


def test_a_mapped_peer_is_trusted_as_its_ipv4_address() -> None:
    peer = IPv6Address("::ffff:10.0.0.5")
    assert take(BY_CHAIN, peer, None, chain("203.0.113.7")).address == ip_address("203.0.113.7")


ELEMENTS = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.1", "10.9.9.9", "unknown", "", "10.0.0.1:80"])
LINES = st.lists(st.lists(ELEMENTS, max_size=5).map(", ".join) | st.text(max_size=20), max_size=4)


@given(LINES, st.booleans(), st.sampled_from([TRUSTED, STRANGER]))
def test_what_is_taken_stands_in_the_chain_or_is_the_peer(lines: list[str], recursive: bool, peer: IPv4Address) -> None:
    taken = take(replace(BY_CHAIN, real_ip_recursive=recursive), peer, None, chain(*lines))
    assert taken.channel in (PEER, "X-Forwarded-For")
    if taken.channel == PEER:
        assert taken.address == peer
    else:
        assert peer is TRUSTED


@given(st.lists(st.ip_addresses(v=4).filter(lambda one: int(one) < 0xFFFFFFFF), min_size=1, max_size=8))
def test_walking_ends_at_the_first_stranger_from_behind(addresses: list[IPv4Address]) -> None:
    strangers = [one for one in addresses if not BY_CHAIN.trusts(one)]
    expected = strangers[-1] if strangers else addresses[0]
    assert address(WALKING, chain(", ".join(map(str, addresses)))) == str(expected)
    assert address(WALKING, chain(*map(str, addresses))) == str(expected)
