"""Which Kong is found, and what is said where none or several are."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster.discover import discover
from diagnose.cluster.objects import full_name
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByGateway
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import Stop
from tests.diagnose.cluster.things import (
    controller_workload,
    gateway,
    gateway_class,
    ingress_class,
    proxy_service,
    thing,
)


def snapshot(refused: dict[str, str] | None = None, **kinds: list[Object]) -> Snapshot:
    return Snapshot({kind: tuple(things) for kind, things in kinds.items()}, refused or {})


def found_name(view: Snapshot, **narrowing: Any) -> tuple[str, str | None]:
    found = discover(view, **narrowing)
    assert not isinstance(found.route, ByGateway)
    return full_name(found.service), found.route.name if found.route is not None else None


def test_the_service_that_the_controller_publishes_is_found_by_its_variable() -> None:
    view = snapshot(
        ingressclasses=[ingress_class()],
        services=[proxy_service("edge"), proxy_service("other")],
        deployments=[controller_workload("kong/edge")],
    )
    assert found_name(view) == ("kong/edge", "kong")


@pytest.mark.parametrize("args", [["--publish-service=kong/edge"], ["--publish-service", "kong/edge"]])
def test_the_service_that_the_controller_publishes_is_found_by_its_argument(args: list[str]) -> None:
    container = {"name": "c", "args": args, "image": "registry.example/mirror/kubernetes-ingress-controller:3.5"}
    workload = thing("c", {"template": {"spec": {"containers": [container]}}})
    view = snapshot(ingressclasses=[ingress_class()], services=[proxy_service("edge")], daemonsets=[workload])
    assert found_name(view) == ("kong/edge", "kong")


@pytest.mark.parametrize(
    "container",
    [
        {"image": "registry.k8s.io/ingress-nginx/controller:v1.11.0", "args": ["--ingress-class=nginx"]},
        {"image": "haproxytech/kubernetes-ingress:3.0", "args": ["--ingress.class=haproxy"]},
        {"image": "quay.io/kubernetes-ingress-controller/nginx-ingress-controller:0.33.0", "args": []},
    ],
    ids=["ingress-nginx", "HAProxy", "ingress-nginx of old"],
)
def test_the_service_that_a_controller_of_somebody_else_publishes_is_not_kongs(container: Object) -> None:
    container["args"] += ["--publish-service=kong/edge"]
    workload = thing("c", {"template": {"spec": {"containers": [{"name": "c", **container}]}}})
    view = snapshot(services=[proxy_service("edge"), proxy_service("a-kong-proxy")], deployments=[workload])
    assert found_name(view) == ("kong/a-kong-proxy", None)


def test_the_namespace_of_the_controller_is_filled_in() -> None:
    env = [
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "CONTROLLER_PUBLISH_SERVICE", "value": "$(POD_NAMESPACE)/edge"},
    ]
    pod = thing("c", {"containers": [{"name": "c", "env": env}]})
    view = snapshot(ingressclasses=[ingress_class()], services=[proxy_service("edge")], pods=[pod])
    assert found_name(view) == ("kong/edge", "kong")


@pytest.mark.parametrize(
    "service",
    [
        proxy_service("kong-proxy"),
        proxy_service("my-kong-proxy"),
        proxy_service("my-gateway-proxy"),
        proxy_service("edge", metadata={"labels": {"gateway-operator.konghq.com/dataplane-service-type": "ingress"}}),
        proxy_service(
            "edge", metadata={"labels": {"app.kubernetes.io/name": "kong", "app.kubernetes.io/component": "proxy"}}
        ),
    ],
)
def test_without_a_controller_labels_and_names_of_charts_and_operator_tell(service: Object) -> None:
    labelled_admin = proxy_service("kong-admin", metadata={"labels": {"app.kubernetes.io/name": "kong"}})
    view = snapshot(ingressclasses=[ingress_class()], services=[labelled_admin, service, proxy_service("web")])
    assert found_name(view) == (full_name(service), "kong")


def test_a_second_service_of_the_same_pods_is_no_second_kong() -> None:
    second = proxy_service("second-kong-proxy", spec={"type": "NodePort", "selector": {"app": "kong-proxy"}})
    view = snapshot(
        ingressclasses=[ingress_class()], services=[proxy_service(), second], deployments=[controller_workload()]
    )
    assert found_name(view) == ("kong/kong-proxy", "kong")
    assert found_name(snapshot(services=[second, proxy_service()])) == ("kong/kong-proxy", None)


def test_several_kongs_stop_with_the_candidates_and_the_flag() -> None:
    view = snapshot(
        ingressclasses=[ingress_class("kong"), ingress_class("inner")],
        services=[proxy_service("a"), proxy_service("b", spec={"type": "NodePort"})],
        deployments=[
            controller_workload("kong/a"),
            controller_workload("kong/b", CONTROLLER_INGRESS_CLASS="inner"),
        ],
    )
    with pytest.raises(Stop) as stopped:
        discover(view)
    assert stopped.value.status == 2
    assert stopped.value.what == (
        "There are several Kongs: kong/a (LoadBalancer, ingress class kong); kong/b (NodePort, ingress class inner)."
    )
    assert "--service kong/a" in stopped.value.remedy


def test_service_and_ingress_class_each_choose_among_several() -> None:
    view = snapshot(
        ingressclasses=[ingress_class("kong"), ingress_class("inner")],
        services=[proxy_service("a"), proxy_service("b"), proxy_service("third-kong-proxy")],
        deployments=[
            controller_workload("kong/a"),
            controller_workload("kong/b", CONTROLLER_INGRESS_CLASS="inner"),
        ],
    )
    assert found_name(view, service="kong/b") == ("kong/b", "inner")
    assert found_name(view, ingress_class="kong") == ("kong/a", "kong")


def test_a_service_whose_class_is_open_stops_with_the_flag() -> None:
    view = snapshot(ingressclasses=[ingress_class("kong"), ingress_class("inner")], services=[proxy_service()])
    with pytest.raises(Stop) as stopped:
        discover(view)
    assert (stopped.value.status, "--ingress-class" in stopped.value.remedy) == (2, True)


def test_no_kong_is_no_usage_error() -> None:
    with pytest.raises(Stop) as stopped:
        discover(snapshot(services=[proxy_service("web")]))
    assert stopped.value.status == 4
    assert "--service NAMESPACE/NAME" in stopped.value.remedy


@pytest.mark.parametrize(
    ("narrowing", "hint"),
    [
        ({"service": "kong/kong-prox"}, "Did you mean kong/kong-proxy?"),
        ({"service": "kong-proxy"}, "--service NAMESPACE/NAME"),
        ({"ingress_class": "kon"}, "Did you mean kong?"),
        ({"ingress_class": "zzz"}, "There are: kong."),
    ],
)
def test_a_wrong_name_is_a_usage_error_with_near_matches(narrowing: dict[str, str], hint: str) -> None:
    view = snapshot(ingressclasses=[ingress_class()], services=[proxy_service()])
    with pytest.raises(Stop) as stopped:
        discover(view, **narrowing)
    assert stopped.value.status == 2
    assert hint in stopped.value.remedy


def test_where_services_may_not_be_listed_the_api_servers_words_are_passed_on() -> None:
    with pytest.raises(Stop) as stopped:
        discover(snapshot({"services": "services is forbidden"}))
    assert stopped.value.status == 4
    assert "services is forbidden" in stopped.value.what


def test_an_ingress_class_is_believed_where_classes_may_not_be_listed() -> None:
    view = snapshot({"ingressclasses": "forbidden"}, services=[proxy_service()])
    assert found_name(view, ingress_class="mine") == ("kong/kong-proxy", "mine")
    assert found_name(view) == ("kong/kong-proxy", None)


def found_gateway(view: Snapshot, **narrowing: Any) -> tuple[str, str]:
    found = discover(view, **narrowing)
    assert isinstance(found.route, ByGateway)
    return full_name(found.service), full_name(found.route.gateway)


def test_without_an_ingress_class_of_kongs_the_route_hangs_by_its_gateway() -> None:
    other = ingress_class("alb", "ingress.k8s.aws/alb")
    view = snapshot(
        ingressclasses=[other], gatewayclasses=[gateway_class()], gateways=[gateway("edge")], services=[proxy_service()]
    )
    assert found_gateway(view) == ("kong/kong-proxy", "kong/edge")


def test_with_an_ingress_class_the_gateway_is_taken_only_if_it_is_named() -> None:
    view = snapshot(
        ingressclasses=[ingress_class()],
        gatewayclasses=[gateway_class()],
        gateways=[gateway("a"), gateway("b")],
        services=[proxy_service()],
    )
    assert found_name(view) == ("kong/kong-proxy", "kong")
    assert found_gateway(view, gateway="kong/b") == ("kong/kong-proxy", "kong/b")


def test_a_named_gateway_chooses_among_several_kongs_the_one_it_leads_to() -> None:
    view = snapshot(
        gateways=[gateway("edge", "192.0.2.20")],
        services=[proxy_service("a-kong-proxy"), proxy_service("b-kong-proxy", published=[{"ip": "192.0.2.20"}])],
    )
    assert found_gateway(view, gateway="kong/edge") == ("kong/b-kong-proxy", "kong/edge")


def test_the_class_of_another_kong_is_not_taken_for_a_service_that_no_controller_publishes() -> None:
    view = snapshot(
        ingressclasses=[ingress_class()],
        services=[proxy_service("a"), proxy_service("plane")],
        deployments=[controller_workload("kong/a")],
    )
    assert found_name(view, service="kong/a") == ("kong/a", "kong")
    assert found_name(view, service="kong/plane") == ("kong/plane", None)


def test_a_controller_that_publishes_what_is_not_there_keeps_its_class_from_nobody() -> None:
    view = snapshot(
        ingressclasses=[ingress_class()], services=[proxy_service()], deployments=[controller_workload("kong/renamed")]
    )
    assert found_name(view) == ("kong/kong-proxy", "kong")


def test_a_second_service_of_the_same_pods_has_the_class_of_the_first() -> None:
    second = proxy_service("inner", spec={"selector": {"app": "a"}})
    view = snapshot(
        ingressclasses=[ingress_class()],
        services=[proxy_service("a"), second],
        deployments=[controller_workload("kong/a")],
    )
    assert found_name(view, service="kong/inner") == ("kong/inner", "kong")
