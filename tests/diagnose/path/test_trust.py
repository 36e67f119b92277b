"""The two matchers of trusted_ips, and what may stand in it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.trust import read_network, trust_in


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        ("127.0.1.9/24", "127.0.1.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::50/32", "2001:db8::/32"),
        ("::ffff:127.0.1.0/120", "::ffff:127.0.1.0/120"),
    ],
)
def test_reads_addresses_and_blocks(text: str, network: str) -> None:
    assert read_network(text) == ip_network(network)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "example.org",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "010.0.0.1",
        "10.0.0.1 10.0.0.2",
        "10.0.0.1;",
        '"10.0.0.1"',
        "[::1]",
        "fe80::1%lo",
        "10.0.0.0/8/8",
        "10.0.0.٣",
    ],
)
def test_refuses_what_kong_does_not_start_with(text: str) -> None:
    with pytest.raises(ValueError, match="trusted_ips"):
        read_network(text)


@pytest.mark.parametrize(
    ("trusted", "nginx", "kong"),
    [
        (("127.0.1.10",), True, False),
        (("::ffff:127.0.1.10",), False, True),
        (("0.0.0.0/0",), True, False),
        (("::/0",), False, True),
        (("0.0.0.0/0", "::/0"), True, True),
        (("unix:",), False, False),
        ((), False, False),
    ],
)
def test_the_matchers_disagree_on_a_mapped_peer(trusted: tuple[str, ...], nginx: bool, kong: bool) -> None:
    trust, mapped = trust_in(trusted), IPv6Address("::ffff:127.0.1.10")
    assert (trust.of_nginx(mapped), trust.of_kong(mapped)) == (nginx, kong)


NETWORKS = st.builds(
    lambda address, prefix: str(ip_network((address, prefix), strict=False)), st.ip_addresses(v=4), st.integers(0, 32)
) | st.builds(
    lambda address, prefix: str(ip_network((address, prefix), strict=False)), st.ip_addresses(v=6), st.integers(0, 128)
)


@given(st.lists(NETWORKS, max_size=4), st.ip_addresses())
def test_otherwise_both_do_what_networks_do(networks: list[str], peer: IPv4Address | IPv6Address) -> None:
    trust = trust_in(tuple(networks))
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        return
    within = any(peer in ip_network(text) for text in networks if ip_network(text).version == peer.version)
    assert trust.of_nginx(peer) == within
    assert trust.of_kong(peer) == within


def test_an_ipv6_peer_is_matched_by_all_its_bits() -> None:
    trust = trust_in(("2001:db8:0:1::/64",))
    assert trust.of_nginx(ip_address("2001:db8:0:1::9"))
    assert not trust.of_nginx(ip_address("2001:db8:0:2::9"))
