"""The kind of an address is its owner's, else its network's, and the quick way to it agrees with the plain one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diagnose.owners import LOOPBACK, Inventory, Owner
from diagnose.owners import Kind as Owned
from diagnose.path.traffic import Address, parse_address
from diagnose.traffic import kinds as module
from diagnose.traffic.edges import EDGES
from diagnose.traffic.kinds import Kind, Kinds

INVENTORY = Inventory.of(
    [
        *LOOPBACK,
        *EDGES,
        ("10.0.0.7", Owner(Owned.NODE, "node a", "test")),
        ("10.244.0.0/16", Owner(Owned.POD_NETWORK, "pods", "test")),
        ("10.244.1.1", Owner(Owned.NODE, "bridge", "test")),
        ("198.51.100.0/25", Owner(Owned.BALANCER, "balancer", "test")),
        ("2001:db8:1::/48", Owner(Owned.EDGE, "edge", "test")),
        ("255.255.255.255", Owner(Owned.NODE, "the last", "test")),
    ]
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("10.0.0.7", Kind.NODE),
        ("::ffff:10.0.0.7", Kind.NODE),
        ("10.0.0.8", Kind.PRIVATE),
        ("10.244.1.1", Kind.NODE),
        ("10.244.1.2", Kind.POD_NETWORK),
        ("198.51.100.127", Kind.BALANCER),
        ("198.51.100.128", Kind.PUBLIC),
        ("172.31.255.255", Kind.PRIVATE),
        ("172.32.0.0", Kind.PUBLIC),
        ("100.64.0.1", Kind.PRIVATE),
        ("104.16.1.1", Kind.CDN),
        ("35.191.0.1", Kind.BALANCER),
        ("127.0.0.6", Kind.LOOPBACK),
        ("::1", Kind.LOOPBACK),
        ("2001:db8:1::5", Kind.CDN),
        ("2001:db8:2::5", Kind.PUBLIC),
        ("fd00::1", Kind.PRIVATE),
        ("fe80::1", Kind.PRIVATE),
        ("0.0.0.0", Kind.UNKNOWN),
        ("255.255.255.255", Kind.NODE),
        ("2026/11/28", None),
        ("-", None),
        ("unix:", Kind.SOCKET),
        ("unix:/run/kong.sock", None),
        ("1.2.3", None),
        ("1.2.3.256", None),
        ("10.0.0.7:80", None),
        ("", None),
        ("\x00", None),
        ("\xff", None),
    ],
)
def test_an_address_is_of_its_kind(text: str, kind: Kind | None) -> None:
    assert Kinds(INVENTORY).of(text.encode("latin-1")) is kind


@given(st.ip_addresses())
@example(ip_address("255.255.255.254"))
@example(ip_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
def test_the_quick_way_agrees_with_the_plain_one(address: IPv4Address | IPv6Address) -> None:
    plain: Address | None = parse_address(str(address))
    assert plain is not None
    assert Kinds(INVENTORY).of(str(address).encode()) is Kinds(INVENTORY).of_address(plain)


def test_memory_for_kinds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 100)
    kinds = Kinds(INVENTORY)
    told = [kinds.of(f"10.0.{number // 200}.{number % 200}".encode()) for number in range(1000)]
    assert told.count(Kind.NODE) == 1
    assert len(kinds._known) <= 100
