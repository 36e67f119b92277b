"""Ways into Kong by a node's own address: node ports, host ports, the node's network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from diagnose.cluster.entries import Entries
from diagnose.cluster.node_entries import MOST_NODES, named_at_nodes, node_entries
from diagnose.cluster.pods import KongPod
from diagnose.cluster.ports import WebPort, web_ports
from diagnose.cluster.replies import Object
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.traffic import Layer
from diagnose.site import Entry, EntryKind, Kong
from tests.diagnose.cluster.things import kong_pod, proxy_service, thing

WEB = (WebPort(80, 8000, "http", 30080), WebPort(443, 8443, "https", 30443))


def node(name: str, *, ready: str = "True", **addresses: str) -> Object:
    """A node with these addresses, by their type; without any, 10.0.0.N of its name as the internal one."""
    told = addresses or {"InternalIP": f"10.0.0.{name[1:]}"}
    listed = [{"type": "Hostname", "address": name}, *({"type": kind, "address": one} for kind, one in told.items())]
    return thing(name, namespace=None, status={"addresses": listed, "conditions": [{"type": "Ready", "status": ready}]})


def pod(name: str, home: str, *, ready: bool = True, spec: Any = None, **container: Any) -> KongPod:
    """A pod of Kong's on a node."""
    made = kong_pod(name, **container)
    made["spec"] |= {"nodeName": home, **(spec or {})}
    made["status"]["hostIP"] = "10.0.0.200"
    return KongPod(made, "proxy", Kong(f"kong/{name}", "10.78.1.5", home, ready, None, ""))


def entered(
    nodes: Sequence[Object],
    pods: Sequence[KongPod],
    *,
    kind: str = "NodePort",
    others: Sequence[Entry] = (),
    **spec: Any,
) -> Entries:
    service = proxy_service(published=[], spec={"type": kind, **spec})
    return node_entries(service, nodes, pods, WEB[:1], None, others)


def places(found: Entries) -> list[tuple[str, int]]:
    return [(entry.address, entry.port) for entry in found.entries]


def test_a_node_port_is_entered_at_every_ready_node() -> None:
    found = entered([node("n1"), node("n2"), node("n3", ready="False")], [pod("a", "n2")])
    assert places(found) == [("10.0.0.2", 30080), ("10.0.0.1", 30080)]
    assert {(entry.kind, entry.listener, entry.kongs) for entry in found.entries} == {(EntryKind.NODE, 8000, None)}
    assert [entry.name for entry in found.entries] == [
        f"Service kong/kong-proxy at node {name}" for name in ("n2", "n1")
    ]
    assert (found.gaps, found.facts) == ((), ())


def test_the_external_address_of_a_node_comes_before_the_internal_one() -> None:
    found = entered([node("n1", InternalIP="10.0.0.1", ExternalIP="192.0.2.1")], [])
    assert places(found) == [("192.0.2.1", 30080)]


def test_a_node_is_entered_by_the_families_that_the_service_has() -> None:
    both = node("n1", InternalIP="10.0.0.1")
    both["status"]["addresses"].append({"type": "InternalIP", "address": "2001:db8::1"})
    assert [address for address, _ in places(entered([both], []))] == ["10.0.0.1", "2001:db8::1"]
    assert [address for address, _ in places(entered([both], [], ipFamilies=["IPv6"]))] == ["2001:db8::1"]


def test_local_leads_to_the_pods_of_the_node_alone_and_the_other_nodes_are_told() -> None:
    found = entered(
        [node("n1"), node("n2")], [pod("a", "n2"), pod("b", "n1", ready=False)], externalTrafficPolicy="Local"
    )
    assert [(entry.address, entry.kongs) for entry in found.entries] == [("10.0.0.2", ("kong/a",))]
    assert [gap.what for gap in found.gaps] == ["Service kong/kong-proxy at node n1"]


def test_local_is_entered_everywhere_where_kongs_pods_are_not_known() -> None:
    found = entered([node("n1"), node("n2")], [], externalTrafficPolicy="Local")
    assert [(entry.address, entry.kongs) for entry in found.entries] == [("10.0.0.1", None), ("10.0.0.2", None)]


def test_of_many_nodes_some_with_and_some_without_a_pod_are_entered_and_the_rest_told() -> None:
    nodes = [node(f"n{number}") for number in range(1, 13)]
    found = entered(nodes, [pod(f"p{number}", f"n{number}") for number in range(1, 9)])
    names = [entry.name.rpartition(" ")[2] for entry in found.entries]
    assert names == ["n1", "n9", "n2", "n10", "n3", "n11", "n4", "n12"]
    assert [(gap.what, gap.why) for gap in found.gaps] == [
        ("Service kong/kong-proxy at nodes n5, n6, n7, n8", f"no more than {MOST_NODES} nodes are probed")
    ]


def test_a_host_port_is_entered_at_the_node_of_the_pod() -> None:
    ports = [
        {"containerPort": 8000, "hostPort": 80},
        {"containerPort": 8443},
        {"containerPort": 9000, "hostPort": 9000},
    ]
    found = entered([node("n1"), node("n2")], [pod("a", "n1", ports=ports)], kind="ClusterIP")
    assert places(found) == [("10.0.0.1", 80)]
    assert [(entry.name, entry.kongs) for entry in found.entries] == [("pod kong/a at node n1", ("kong/a",))]
    assert [(fact.layer, fact.behaviours, fact.certain, fact.entry) for fact in found.facts] == [
        (Layer.NODE, frozenset({"keeps_source"}), False, "pod kong/a at node n1")
    ]


@pytest.mark.parametrize(
    ("bound", "expected"), [("0.0.0.0", "10.0.0.1"), ("10.9.9.9", "10.9.9.9"), ("127.0.0.1", None)]
)
def test_a_host_port_is_entered_where_it_is_bound(bound: str, expected: str | None) -> None:
    ports = [{"containerPort": 8000, "hostPort": 80, "hostIP": bound}]
    found = entered([node("n1")], [pod("a", "n1", ports=ports)], kind="ClusterIP")
    assert places(found) == ([(expected, 80)] if expected else [])


def test_a_pod_in_the_network_of_its_node_is_entered_at_its_listener() -> None:
    pods = [pod("a", "n1", spec={"hostNetwork": True}), pod("b", "n2", spec={"hostNetwork": True}, ready=False)]
    assert places(entered([node("n1")], pods, kind="ClusterIP")) == [("10.0.0.1", 8000)]


def test_where_nodes_may_not_be_listed_the_pod_tells_its_nodes_address() -> None:
    assert places(entered([], [pod("a", "n1", spec={"hostNetwork": True})], kind="ClusterIP")) == [("10.0.0.200", 8000)]


def test_no_more_than_some_pods_are_entered_and_the_rest_is_told() -> None:
    pods = [pod(f"p{number}", f"n{number}", spec={"hostNetwork": True}) for number in range(1, 11)]
    found = entered([node(f"n{number}") for number in range(1, 11)], pods, kind="ClusterIP")
    assert len(found.entries) == MOST_NODES
    assert [gap.what for gap in found.gaps] == ["pods kong/p9, kong/p10 at their nodes"]


def test_a_cluster_ip_without_ports_of_nodes_has_no_entry() -> None:
    found = entered([node("n1")], [pod("a", "n1", ports=[{"containerPort": 8000}])], kind="ClusterIP")
    assert found == Entries(())


def test_a_pending_balancer_is_not_gone_round() -> None:
    assert entered([node("n1")], [pod("a", "n1")], kind="LoadBalancer") == Entries(())


@pytest.mark.parametrize("kind", ["NodePort", "ClusterIP"])
def test_where_another_way_in_is_known_nodes_are_left_alone_and_told(kind: str) -> None:
    url = Entry(EntryKind.URL, "http://lb.example", "192.0.2.5", 80, "http")
    found = entered([node("n1")], [pod("a", "n1", spec={"hostNetwork": True})], kind=kind, others=[url])
    assert found.entries == ()
    assert [gap.why for gap in found.gaps] == ["callers are taken to come another way: http://lb.example"]


def test_web_ports_know_their_node_port() -> None:
    service = proxy_service(spec={"ports": [{"name": "proxy", "port": 80, "targetPort": 8000, "nodePort": 30080}]})
    assert web_ports(service, [], None) == (WebPort(80, 8000, "http", 30080),)


NODES = Inventory.of([(f"10.0.0.{n}", Owner(Kind.NODE, f"node n{n}", f"Node n{n} status.addresses")) for n in (1, 2)])


def named(port: int, *addresses: str) -> Entries:
    url = f"http://kong.example:{port}"
    return Entries(tuple(Entry(EntryKind.URL, url, address, port, "http") for address in addresses))


def test_before_a_node_that_a_url_names_there_is_no_edge_but_perhaps_a_proxy() -> None:
    found = named_at_nodes(named(31234, "10.0.0.1", "10.0.0.2"), WEB, NODES)

    assert [(fact.layer, fact.certain, fact.entry) for fact in found.facts] == [
        (Layer.EDGE, True, "http://kong.example:31234")
    ]
    assert {entry.listener for entry in found.entries} == {None}


def test_before_a_node_port_of_kongs_that_a_url_names_there_is_nothing() -> None:
    found = named_at_nodes(named(30443, "10.0.0.1"), WEB, NODES)

    assert {fact.layer for fact in found.facts} == {Layer.EDGE, Layer.LOAD_BALANCER}
    assert {entry.listener for entry in found.entries} == {8443}


def test_of_a_name_that_leads_elsewhere_too_nothing_is_told() -> None:
    given = named(30443, "10.0.0.1", "203.0.113.80")

    assert named_at_nodes(given, WEB, NODES) == given
