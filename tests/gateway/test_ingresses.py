"""From Ingresses, Services and Endpoints to routes."""

from __future__ import annotations

from typing import Any

from tests.gateway.ingresses import Cluster, Object, routes
from tests.gateway.routes import PathMatch, Route

PATH = {"path": "/a", "pathType": "Prefix", "backend": {"service": {"name": "echo", "port": {"number": 80}}}}
SERVICE = {"metadata": {"name": "echo"}, "spec": {"ports": [{"name": "web", "port": 80}, {"name": "more", "port": 81}]}}
ENDPOINTS = {
    "subsets": [
        {
            "addresses": [{"ip": "10.78.2.2"}, {"ip": "10.78.1.2"}],
            "notReadyAddresses": [{"ip": "10.78.3.2"}],
            "ports": [{"name": "web", "port": 8080}, {"name": "more", "port": 8081}],
        }
    ]
}
TARGETS = (("10.78.1.2", 8080), ("10.78.2.2", 8080))


def ingress(*, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """Return an Ingress of Kong's class, unless told otherwise, with one path."""
    given = {"ingressClassName": "kong", "rules": [{"http": {"paths": [PATH]}}]} | spec
    return {"metadata": {"name": "echo", "annotations": annotations}, "spec": given}


def of(thing: Object, service: Object = SERVICE) -> list[Route]:
    """Return the routes that Kong makes of an Ingress before this Service."""
    key = ("demo", "echo")
    return routes(Cluster({key: thing}, {key: service}, {key: ENDPOINTS}), "kong")


def test_a_path_leads_to_the_ready_addresses_of_its_port() -> None:
    assert of(ingress()) == [Route(None, "/a", PathMatch.SEGMENTS, False, TARGETS)]


def test_a_port_may_be_named() -> None:
    path = PATH | {"backend": {"service": {"name": "echo", "port": {"name": "more"}}}}
    (route,) = of(ingress(rules=[{"http": {"paths": [path]}}]))
    assert route.targets == (("10.78.1.2", 8081), ("10.78.2.2", 8081))


def test_a_rule_keeps_its_host() -> None:
    (route,) = of(ingress(rules=[{"host": "kong.test", "http": {"paths": [PATH]}}]))
    assert route.host == "kong.test"


def test_the_path_is_stripped_only_when_asked_for() -> None:
    (route,) = of(ingress(annotations={"konghq.com/strip-path": "true"}))
    assert route.strip_path


def test_the_class_may_stand_in_the_old_annotation() -> None:
    assert len(of(ingress(ingressClassName=None, annotations={"kubernetes.io/ingress.class": "kong"}))) == 1


def test_ingresses_of_other_classes_are_left_alone() -> None:
    assert of(ingress(ingressClassName="other")) == []
    assert of(ingress(ingressClassName=None)) == []


def test_a_default_backend_takes_every_path() -> None:
    (route,) = of(ingress(rules=None, defaultBackend=PATH["backend"]))
    assert route == Route(None, "/", PathMatch.SEGMENTS, False, TARGETS)


def test_a_port_that_the_service_has_not_leads_nowhere() -> None:
    (route,) = of(ingress(), SERVICE | {"spec": {"ports": [{"name": "web", "port": 8080}]}})
    assert route.targets == ()
