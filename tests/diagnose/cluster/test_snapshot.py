"""What is read of a cluster, and what a caller with few rights still gets."""

from __future__ import annotations

from diagnose.cluster.snapshot import PATHS, take
from tests.diagnose.cluster.things import gateway, proxy_service, scripted, serving, thing

SERVICES = "/api/v1/namespaces/kong/services"


def test_every_kind_is_asked_for_once() -> None:
    api, transport = scripted(serving({PATHS["nodes"]: [thing("n1")]}))
    view = take(api)
    assert [one["metadata"]["name"] for one in view.of("nodes", "pods")] == ["n1"]
    assert sorted(path for _, path, _ in transport.asked) == sorted(PATHS.values())
    assert view.refused == {}


def test_a_kind_that_may_not_be_read_is_refused_in_the_servers_words() -> None:
    api, _ = scripted(serving({}, denied=["/nodes"]))
    assert take(api).refused == {"nodes": "nodes is forbidden: cannot list"}


def test_a_named_service_is_read_alone_where_services_may_not_be_listed() -> None:
    answers = serving({SERVICES: [proxy_service()]}, denied=["/api/v1/services"])
    view = take(scripted(answers)[0], "kong/kong-proxy")
    assert [one["metadata"]["name"] for one in view.of("services")] == ["kong-proxy"]
    assert "services" not in view.refused
    assert "services" in take(scripted(answers)[0]).refused


def test_a_named_gateway_is_read_alone_where_gateways_may_not_be_listed() -> None:
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/edge/gateways"
    answers = serving({path: [gateway("kong", namespace="edge")]}, denied=[PATHS["gateways"]])
    view = take(scripted(answers)[0], gateway="edge/kong")
    assert [one["metadata"]["name"] for one in view.of("gateways")] == ["kong"]
    assert "gateways" in take(scripted(answers)[0]).refused
