"""Which Gateway is Kong's, and whether it takes the route of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from diagnose.cluster.gateways import Get, attach, gateway_for, holds, leads_to, named_gateway
from diagnose.cluster.objects import full_name
from diagnose.cluster.replies import Object, Reply
from diagnose.cluster.route import ByClass, ByGateway
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import Stop
from tests.diagnose.cluster.things import gateway, gateway_class, listener, proxy_service, thing

KIC = gateway_class()


def view(*gateways: Object, **kinds: tuple[Object, ...]) -> Snapshot:
    return Snapshot(
        {"gatewayclasses": (KIC, gateway_class("istio", "istio.io/gateway-controller")), **kinds}
        | {"gateways": gateways}
    )


def chosen(snapshot: Snapshot, service: Object) -> str | None:
    found = gateway_for(snapshot, service)
    return full_name(found) if found is not None else None


@pytest.mark.parametrize("controller", ["konghq.com/kic-gateway-controller", "konghq.com/gateway-operator"])
def test_the_only_gateway_of_a_class_of_kongs_is_kongs(controller: str) -> None:
    classes = (gateway_class("mine", controller), gateway_class("istio", "istio.io/gateway-controller"))
    snapshot = Snapshot(
        {"gatewayclasses": classes, "gateways": (gateway("a", named="istio"), gateway("b", named="mine"))}
    )
    assert chosen(snapshot, proxy_service()) == "kong/b"


def test_without_a_gateway_of_kongs_there_is_none() -> None:
    assert chosen(view(gateway("a", named="istio")), proxy_service()) is None
    assert chosen(Snapshot({"gateways": (gateway(),)}), proxy_service()) is None


@pytest.mark.parametrize(
    ("service", "value"),
    [
        (proxy_service(), "192.0.2.10"),
        (proxy_service(published=[{"hostname": "lb.example"}]), "lb.example"),
        (proxy_service(published=[], spec={"type": "ClusterIP"}), "10.96.7.7"),
    ],
    ids=["address", "name", "ClusterIP"],
)
def test_of_several_it_is_the_one_with_an_address_of_the_service(service: Object, value: str) -> None:
    others = gateway("a", "192.0.2.99"), gateway("c")
    assert chosen(view(*others, gateway("b", value)), service) == "kong/b"


def test_of_several_it_is_the_one_that_owns_the_data_plane_of_the_service() -> None:
    planes = tuple(
        thing(name, metadata={"uid": f"u-{name}", "ownerReferences": [{"kind": "Gateway", "uid": owner}]})
        for name, owner in (("plane-a", "g-a"), ("plane-b", "g-b"))
    )
    service = proxy_service(metadata={"ownerReferences": [{"kind": "DataPlane", "uid": "u-plane-b"}]}, published=[])
    snapshot = view(gateway("a", uid="g-a"), gateway("b", uid="g-b"), dataplanes=planes)
    assert chosen(snapshot, service) == "kong/b"
    assert not leads_to(snapshot, gateway("b", namespace="other", uid="g-b"), service)


def test_a_gateway_may_own_the_service_itself() -> None:
    service = proxy_service(metadata={"ownerReferences": [{"kind": "Gateway", "uid": "g-a"}]}, published=[])
    assert chosen(view(gateway("a", uid="g-a"), gateway("b", uid="g-b")), service) == "kong/a"


def test_several_stop_with_all_their_names_and_the_flag() -> None:
    with pytest.raises(Stop) as stopped:
        gateway_for(view(gateway("a"), gateway("b", namespace="edge")), proxy_service())
    assert stopped.value.status == 2
    assert stopped.value.what == "Several Gateways are Kong's: kong/a, edge/b."
    assert "--gateway kong/a" in stopped.value.remedy


def test_a_named_gateway_is_believed_whatever_its_class() -> None:
    assert full_name(named_gateway(view(gateway("a", named="own")), "kong/a")) == "kong/a"


@pytest.mark.parametrize(("name", "hint"), [("kong/edg", "Did you mean kong/edge?"), ("x/y", "There are: kong/edge.")])
def test_a_wrong_name_is_a_usage_error_with_near_matches(name: str, hint: str) -> None:
    with pytest.raises(Stop) as stopped:
        named_gateway(view(gateway("edge")), name)
    assert (stopped.value.status, stopped.value.remedy) == (2, hint)


def test_where_gateways_may_not_be_listed_the_api_servers_words_are_passed_on() -> None:
    with pytest.raises(Stop, match="gateways is forbidden") as stopped:
        named_gateway(Snapshot(refused={"gateways": "gateways is forbidden"}), "kong/edge")
    assert stopped.value.status == 4


def labelled(labels: Mapping[str, str] | None) -> Get:
    """A server that knows the labels of every namespace, or refuses to tell (None)."""
    if labels is None:
        return lambda path: Reply(403, b'{"message": "namespaces is forbidden"}')
    return lambda path: Reply(200, json.dumps({"metadata": {"name": "n", "labels": labels}}).encode())


def attached(
    *listeners: Object, namespace: str = "kong", labels: Mapping[str, str] | None = None, **more: Any
) -> list[str]:
    """What is open after a route of ``namespace`` was checked against a Gateway in namespace edge."""
    route = ByGateway(gateway("edge", namespace="edge", listeners=listeners))
    found = attach(route, namespace, labelled(labels))
    assert found is not None
    return [f"{gap.what}: {gap.why}" for gap in found.gaps_for(more.get("hosts", [None]))]


def test_an_ingress_needs_no_gateway() -> None:
    assert attach(ByClass("kong"), "kong", labelled(None)) is None
    assert attach(None, "kong", labelled(None)) is None


def test_a_listener_admits_its_own_namespace_unless_it_says_otherwise() -> None:
    assert attached(listener(origin=None), namespace="edge") == []
    assert attached(listener("All"), namespace="kong") == []


@pytest.mark.parametrize("origin", [None, "Same"])
def test_a_route_of_another_namespace_is_refused_with_the_one_to_name(origin: str | None) -> None:
    with pytest.raises(Stop) as stopped:
        attached(listener(origin), namespace="kong")
    assert stopped.value.status == 2
    assert stopped.value.what == "Gateway edge/edge admits no HTTPRoute from namespace kong."
    assert stopped.value.remedy.endswith("--namespace edge")


def test_a_selector_is_held_against_the_labels_of_the_namespace() -> None:
    one = listener("Selector", selector={"matchLabels": {"team": "a"}})
    assert attached(one, labels={"team": "a", "x": "y"}) == []
    with pytest.raises(Stop, match="select namespaces by label"):
        attached(one, labels={"team": "b"})


def test_labels_that_may_not_be_read_are_a_gap_and_no_refusal() -> None:
    one = listener("Selector", selector={"matchLabels": {"team": "a"}})
    assert attached(one, labels=None) == [
        "whether Gateway edge/edge admits routes from namespace kong: namespaces is forbidden"
    ]


@pytest.mark.parametrize(
    ("expression", "labels", "expected"),
    [
        ({"operator": "In", "values": ["a", "b"]}, {"k": "b"}, True),
        ({"operator": "In", "values": ["a"]}, {}, False),
        ({"operator": "NotIn", "values": ["a"]}, {}, True),
        ({"operator": "NotIn", "values": ["a"]}, {"k": "a"}, False),
        ({"operator": "Exists"}, {"k": ""}, True),
        ({"operator": "DoesNotExist"}, {"k": ""}, False),
        ({"operator": "Like"}, {"k": ""}, False),
    ],
)
def test_expressions_of_a_selector(expression: Object, labels: dict[str, str], expected: bool) -> None:
    assert holds({"key": "k", **expression}, labels) is expected


@pytest.mark.parametrize(
    "one", [listener("All", protocol="TLS"), listener("All", kinds=[{"kind": "GRPCRoute"}])], ids=["TLS", "GRPCRoute"]
)
def test_a_gateway_without_a_listener_for_http_routes_is_refused(one: Object) -> None:
    with pytest.raises(Stop, match="no listener for HTTPRoutes"):
        attached(one)


def test_a_host_that_no_listener_is_for_is_a_gap() -> None:
    limited = listener("All", hostname="*.shop.example")
    assert attached(limited, hosts=["www.shop.example", None]) == []
    assert attached(limited, hosts=["shop.example", None]) == [
        "the echo behind Gateway edge/edge: its listeners are for *.shop.example alone, and no probe asks for such a "
        "host: name one with --host"
    ]
    assert attached(limited, listener("All"), hosts=[None]) == []
    assert attached(listener("All", hostname="Shop.example"), hosts=["shop.example"]) == []
