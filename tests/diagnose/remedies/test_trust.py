"""Trust: the smallest ranges that are sure to hold what answers in an address's place."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.senders import Senders
from diagnose.owners import Inventory, Kind, Owner
from diagnose.remedies.trust import collapse, smallest_ranges, within

POD, SERVICE_LB, NODE = "10.3.1.40", "10.3.2.30", "10.2.0.11"
OF_PODS = [
    (POD, Owner(Kind.POD, "pod edge/haproxy", "status.podIPs")),
    ("10.3.1.7", Owner(Kind.POD, "pod shop/other", "status.podIPs")),
    (SERVICE_LB, Owner(Kind.SERVICE_LB, "service-lb pod kube-system/svclb", "status.podIPs")),
]
NODES = [(f"10.2.0.{n}", Owner(Kind.NODE, f"node {n}", "status.addresses")) for n in (11, 12)]
NETWORKS = [(f"10.3.{n}.0/24", Owner(Kind.POD_NETWORK, f"pod network of node {n}", "spec.podCIDR")) for n in (1, 2)]


def ranges(address: str, *owned: tuple[str, Owner]) -> tuple[str, ...]:
    addresses = Addresses(Inventory.of([*owned]), Senders((), "a test"))
    return collapse(iter(smallest_ranges(ip_address(address), addresses)))


@pytest.mark.parametrize("address", [POD, SERVICE_LB, "10.3.2.99"])
def test_for_a_pod_the_networks_of_all_pods_are_trusted_since_it_comes_back_with_another_address(address: str) -> None:
    assert ranges(address, *OF_PODS, *NODES, *NETWORKS) == ("10.3.1.0/24", "10.3.2.0/24")


def test_where_no_pod_network_is_known_other_pods_addresses_are_not_trusted_for_one() -> None:
    assert ranges(POD, *OF_PODS, *NODES) == (POD,)


def test_for_a_node_all_nodes_are_trusted_and_no_pods() -> None:
    assert ranges(NODE, *OF_PODS, *NODES, *NETWORKS) == ("10.2.0.11", "10.2.0.12")


def test_a_network_is_within_another_of_its_family_alone() -> None:
    assert within(ip_network("10.3.1.0/24"), ip_network("10.3.0.0/16"))
    assert not within(ip_network("10.3.0.0/16"), ip_network("10.3.1.0/24"))
    assert not within(ip_network("::/128"), ip_network("0.0.0.0/0"))
