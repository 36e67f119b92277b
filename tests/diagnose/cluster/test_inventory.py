"""Whose address is it, as the cluster's objects tell."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from diagnose.cluster.fronts import Front
from diagnose.cluster.inventory import read_inventory
from diagnose.cluster.replies import Object
from diagnose.errors import Stop
from diagnose.owners import Inventory, Kind
from diagnose.providers.recognise import recognise_front
from tests.diagnose.cluster.things import kong_pod, proxy_service, thing

NODE = thing(
    "n1",
    {"podCIDR": "10.78.1.0/24", "podCIDRs": ["10.78.1.0/24", "2001:db8:1::/64"]},
    namespace=None,
    metadata={"annotations": {"projectcalico.org/IPv4IPIPTunnelAddr": "172.16.9.1"}},
    status={
        "addresses": [
            {"type": "InternalIP", "address": "10.77.1.11"},
            {"type": "ExternalIP", "address": "192.0.2.11"},
            {"type": "Hostname", "address": "n1"},
        ]
    },
)


def inventory(*pods: Object, services: tuple[Object, ...] = (), words: tuple[tuple[str, str], ...] = ()) -> Inventory:
    front = Front("Ingress kong/front", ("192.0.2.50",), ((80, "http"),), None, 80, {})
    return read_inventory([NODE], pods, services, proxy_service(), [front], words, lambda name: (name,))


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("10.77.1.11", Kind.NODE, "node n1"),
        ("192.0.2.11", Kind.NODE, "node n1"),
        ("172.16.9.1", Kind.NODE, "node n1's tunnel"),
        ("10.78.1.0", Kind.NODE, "node n1's tunnel or pod bridge"),
        ("10.78.1.1", Kind.NODE, "node n1's tunnel or pod bridge"),
        ("2001:db8:1::1", Kind.NODE, "node n1's tunnel or pod bridge"),
        ("10.78.1.99", Kind.POD_NETWORK, "pod network of node n1"),
        ("10.78.1.5", Kind.POD, "pod kong/kong-1"),
        ("192.0.2.10", Kind.BALANCER, "load balancer 192.0.2.10"),
        ("192.0.2.50", Kind.BALANCER, "Ingress kong/front at 192.0.2.50"),
        ("127.9.9.9", Kind.LOOPBACK, "loopback"),
        ("::1", Kind.LOOPBACK, "loopback"),
    ],
)
def test_an_address_has_its_owner(address: str, kind: Kind, name: str) -> None:
    (owner,) = inventory(kong_pod()).owners(ip_address(address))
    assert (owner.kind, owner.name) == (kind, name)


def test_every_owner_names_the_object_and_field_it_was_read_from() -> None:
    (owner,) = inventory().owners(ip_address("10.78.1.1"))
    assert owner.source == "Node n1 spec.podCIDR 10.78.1.0/24"


def test_an_address_of_nobody_has_no_owner() -> None:
    assert inventory().owners(ip_address("198.51.100.9")) == ()


def test_a_pod_in_its_nodes_network_leaves_the_address_to_the_node() -> None:
    pod = kong_pod(address="10.77.1.11")
    pod["spec"]["hostNetwork"] = True
    assert {owner.kind for owner in inventory(pod).owners(ip_address("10.77.1.11"))} == {Kind.NODE}


def test_an_address_that_a_node_and_the_balancer_share_has_both_for_owners() -> None:
    proxy = proxy_service(published=[{"ip": "10.77.1.11"}])
    owned = read_inventory([NODE], [], [], proxy, [], [], lambda name: (name,))
    assert {owner.kind for owner in owned.owners(ip_address("10.77.1.11"))} == {Kind.NODE, Kind.BALANCER}


def test_the_service_range_is_the_smallest_that_holds_all_cluster_addresses() -> None:
    services = tuple(
        proxy_service(f"s{n}", spec={"clusterIP": ip}) for n, ip in enumerate(["10.96.0.1", "10.96.9.9", "None"])
    )
    (owner,) = inventory(services=services).owners(ip_address("10.96.5.5"))
    assert owner.kind is Kind.SERVICE
    assert inventory(services=services).owners(ip_address("10.96.99.9")) == ()


def test_two_service_ranges_are_not_taken_for_one() -> None:
    services = tuple(proxy_service(ip, spec={"clusterIP": ip}) for ip in ("10.96.0.1", "172.20.0.1"))
    assert inventory(services=services).owners(ip_address("10.96.0.1")) == ()


def test_the_users_word_is_an_owner() -> None:
    (owner,) = inventory(words=(("198.51.100.0/24", "edge"),)).owners(ip_address("198.51.100.9"))
    assert (owner.kind, owner.source) == (Kind.EDGE, "--owner 198.51.100.0/24=edge")


@pytest.mark.parametrize("word", [("198.51.100.0/33", "edge"), ("198.51.100.0/24", "moon")])
def test_a_wrong_word_is_a_usage_error(word: tuple[str, str]) -> None:
    with pytest.raises(Stop) as stopped:
        inventory(words=(word,))
    assert stopped.value.status == 2


def test_a_pod_that_stands_in_for_a_load_balancer_is_told_by_its_label() -> None:
    labels = {"svccontroller.k3s.cattle.io/svcname": "kong-proxy"}
    pod = {
        "metadata": {"name": "svclb-1", "namespace": "kube-system", "labels": labels},
        "status": {"podIP": "10.78.1.7"},
    }
    (owner,) = inventory(pod).owners(ip_address("10.78.1.7"))

    assert (owner.kind, owner.name) == (Kind.SERVICE_LB, "service-lb pod kube-system/svclb-1")


def test_ranges_that_a_provider_connects_from_are_its_own() -> None:
    google = recognise_front(thing("front", {"ingressClassName": "gce"}))
    inventory = read_inventory(
        [], [], [], proxy_service(), [], [], lambda name: (name,), [one.provider for one in google]
    )

    (owner,) = inventory.owners(ip_address("35.191.7.7"))
    assert (owner.kind, owner.name) == (Kind.BALANCER, "Google Cloud Application Load Balancer")
