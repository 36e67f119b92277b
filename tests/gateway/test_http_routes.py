"""From Gateways and HTTPRoutes to routes."""

from __future__ import annotations

from typing import Any

from tests.gateway.http_routes import CONTROLLER, GatewayApi, http_routes
from tests.gateway.ingresses import Cluster, Object
from tests.gateway.routes import PathMatch, Route
from tests.gateway.test_ingresses import ENDPOINTS, SERVICE, TARGETS

MATCH = {"path": {"type": "PathPrefix", "value": "/a"}}
RULE = {"matches": [MATCH], "backendRefs": [{"name": "echo", "port": 80}]}
CLASS = {"metadata": {"name": "kong"}, "spec": {"controllerName": CONTROLLER}}


def listener(**more: Any) -> Object:
    """Return a listener that takes routes from everywhere, unless told otherwise."""
    return {"name": "web", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "All"}}} | more


def of(*listeners: Object, gateway_class: str = "kong", **spec: Any) -> list[Route]:
    """Return the routes that Kong makes of an HTTPRoute in namespace demo on a Gateway in namespace edge."""
    parents = [{"name": "kong", "namespace": "edge"}]
    route = {"metadata": {"name": "echo"}, "spec": {"parentRefs": parents, "rules": [RULE]} | spec}
    gateway = {"spec": {"gatewayClassName": gateway_class, "listeners": [*listeners]}}
    key = ("demo", "echo")
    api = GatewayApi({("", "kong"): CLASS}, {("edge", "kong"): gateway}, {key: route})
    return http_routes(api, Cluster({}, {key: SERVICE}, {key: ENDPOINTS}))


def test_a_path_leads_to_the_ready_addresses_of_its_port() -> None:
    assert of(listener()) == [Route(None, "/a", PathMatch.SEGMENTS, False, TARGETS)]


def test_each_hostname_is_a_route() -> None:
    assert [route.host for route in of(listener(), hostnames=["a.test", "b.test"])] == ["a.test", "b.test"]


def test_a_listener_limits_the_hosts() -> None:
    limited = listener(hostname="*.test")
    assert [route.host for route in of(limited, hostnames=["a.test", "b.example"])] == ["a.test"]
    assert [route.host for route in of(limited)] == ["*.test"]


def test_a_route_of_another_namespace_hangs_by_no_listener_that_takes_its_own_alone() -> None:
    assert of(listener(allowedRoutes=None)) == []
    assert of(listener(allowedRoutes={"namespaces": {"from": "Same"}})) == []


def test_gateways_of_other_classes_and_listeners_without_http_are_left_alone() -> None:
    assert of(listener(), gateway_class="other") == []
    assert of(listener(protocol="TLS")) == []
    assert of(listener(), parentRefs=[{"name": "other", "namespace": "edge"}]) == []
