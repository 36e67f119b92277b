"""The inventory: the most specific owner speaks, and what nobody owns stays nobody's."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.owners import Inventory, Kind, Owner

NODE = Owner(Kind.NODE, "node n1", "Node n1 status.addresses InternalIP")
PODS = Owner(Kind.POD_NETWORK, "pods", "Node n1 spec.podCIDR")
POD = Owner(Kind.POD, "pod kong", "Pod kong status.podIP")

INVENTORY = Inventory.of([("10.0.0.5", NODE), ("10.1.0.0/16", PODS), ("10.1.2.3", POD), ("2001:db8::/64", PODS)])


@pytest.mark.parametrize(
    ("address", "owners"),
    [
        ("10.0.0.5", (NODE,)),
        ("10.0.0.6", ()),
        ("10.1.2.4", (PODS,)),
        ("10.1.2.3", (POD,)),
        ("2001:db8::9", (PODS,)),
        ("2001:db8:0:1::9", ()),
        ("0.0.0.0", ()),
    ],
)
def test_the_most_specific_range_names_the_owner(address: str, owners: tuple[Owner, ...]) -> None:
    assert INVENTORY.owners(ip_address(address)) == owners


def test_an_address_with_two_owners_has_both() -> None:
    both = Inventory.of([("10.0.0.5", NODE), ("10.0.0.5", POD)])

    assert both.owners(ip_address("10.0.0.5")) == (NODE, POD)


def test_host_bits_of_a_range_do_not_matter() -> None:
    assert Inventory.of([("10.1.2.3/16", PODS)]).owners(ip_address("10.1.200.1")) == (PODS,)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="ten"):
        Inventory.of([("ten", NODE)])


@given(st.lists(st.tuples(st.ip_addresses(), st.integers(0, 128)), max_size=8), st.ip_addresses())
def test_an_owner_is_found_exactly_where_a_range_holds_the_address(ranges: list, asked) -> None:  # type: ignore[no-untyped-def,type-arg]
    texts = [f"{address}/{min(length, address.max_prefixlen)}" for address, length in ranges]
    inventory = Inventory.of([(text, Owner(Kind.EDGE, text, "a test")) for text in texts])

    holding = [net for net, _ in inventory.ranges if net.version == asked.version and asked in net]
    found = inventory.owners(asked)

    longest = max((net.prefixlen for net in holding), default=None)
    assert len(found) == sum(1 for net in holding if net.prefixlen == longest)
