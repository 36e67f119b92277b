"""Placeholders of addresses: one for each, none for two, and what was inside a range is inside its placeholder."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from diagnose.redact.addresses import KEPT, SPACES, Network, Renumbering, written_in

networks_4 = st.builds(
    lambda number, length: ip_network((number, length), strict=False), st.integers(0, 2**32 - 1), st.integers(1, 32)
)
networks_6 = st.builds(
    lambda number, length: ip_network((number, length), strict=False),
    st.integers(2**64, 2**128 - 1),
    st.integers(1, 128),
)
some = st.lists(st.one_of(networks_4, networks_6), min_size=1, max_size=12)


@given(some)
def test_what_is_inside_stays_inside_and_what_is_not_does_not(networks: list[Network]) -> None:
    assume(not any(_mapped(one) for one in networks))
    new = Renumbering(networks)
    for one in networks:
        assert one in KEPT or new.of(one).subnet_of(SPACES[one.version])  # type: ignore[arg-type]
        for other in networks:
            if one.version == other.version and not {one, other} & KEPT:
                assert _within(one, other) == _within(new.of(one), new.of(other))
                assert (one == other) == (new.of(one) == new.of(other))


def _within(one: Network, other: Network) -> bool:
    return one.prefixlen >= other.prefixlen and one.network_address in other


def _mapped(network: Network) -> bool:
    return network.version == 6 and network.prefixlen >= 96 and network.network_address.ipv4_mapped is not None


def test_ranges_keep_their_length_while_there_is_room() -> None:
    networks = [ip_network(text) for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32")]
    new = Renumbering(networks)
    assert [new.of(one).prefixlen for one in networks] == [8, 16, 32, 32]


def test_where_there_is_none_they_are_as_short_as_can_be() -> None:
    networks = [
        ip_network(text) for text in ("0.0.0.0/1", "128.0.0.0/1", "10.1.2.3/32", "200.1.2.3/32", "200.1.2.4/32")
    ]
    new = Renumbering(networks)
    assert new.of(networks[2]).subnet_of(new.of(networks[0]))  # type: ignore[arg-type]
    assert new.of(networks[4]).subnet_of(new.of(networks[1]))  # type: ignore[arg-type]


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_one() -> None:
    new = Renumbering([ip_network("10.1.2.3")])
    assert new.text("10.1.2.3 and ::ffff:10.1.2.3") == "240.0.0.0 and ::ffff:f000:0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at 10.0.0.1:80: passes", "at A:80: passes"),
        ("(10.0.0.1, 10.0.0.1)", "(A, A)"),
        ("logs 10.0.0.1.", "logs A."),
        ("X=10.0.0.1", "X=A"),
        ("10.0.0.1/32,10.0.0.1", "A/32,A"),
        ("http://10.0.0.1/x", "http://10.0.0.1/x"),
        ("version 1.10.0.0.1", "version 1.10.0.0.1"),
        ("10.0.0.1-10.0.0.1", "A-A"),
        ("0.0.0.0:8000, [::]:8000 and 0.0.0.0/0,::/0", "0.0.0.0:8000, [::]:8000 and 0.0.0.0/0,::/0"),
        ("[fd00::1]:80", "[B]:80"),
        ("fd00::1: gone", "B: gone"),
        ("at 12:30:45, a:b, ::, x::y", "at 12:30:45, a:b, ::, x::y"),
    ],
)
def test_addresses_are_found_where_people_write_them(text: str, shown: str) -> None:
    new = Renumbering([ip_network("10.0.0.1"), ip_network("fd00::1")])
    if "http://" in text:
        shown = "http://A/x"  # the slash of a path is no length of a range
    told = new.text(text).replace("240.0.0.0", "A").replace("4000::", "B")
    assert told == shown


def test_every_address_in_a_text_is_named() -> None:
    found = [str(one) for one in written_in("10.0.0.1, fd00::1 and 10.0.0.5/8; v1.2.3")]
    assert found == ["10.0.0.1/32", "fd00::1/128", "10.0.0.0/8"]
