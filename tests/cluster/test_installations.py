"""`kongip diagnose` where Kong has no IngressClass, or no load balancer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cluster import manifests
from diagnose.cluster.manifests import Run as Deployment
from diagnose.cluster.route import ByGateway
from tests.cluster import topologies
from tests.cluster.bed import BALANCER, NODES, PATIENCE, Object, apply, get, kubectl, until
from tests.cluster.command import Run, assert_nothing_left, diagnose
from tests.cluster.gateway_api import assert_no_http_route_left, gateway, gateway_api, http_routes
from tests.cluster.kong import NAMESPACE, SERVICE, Kong, install
from tests.cluster.topologies import Topology, built

OWN = {"metadata": {"name": "kong", "namespace": NAMESPACE}}
RUN = Deployment("0123456789", NAMESPACE, "/kongip-feed", "c0ffee", "localhost/python:1", ByGateway(OWN), (None,))


def told(run: Run) -> tuple[str, set[tuple[str, str]], int]:
    """Verdict, culprits and exit status."""
    assert run.report is not None, run.errors
    culprits = {(culprit["layer"], culprit["certainty"]) for culprit in run.report["culprits"]}
    return run.report["verdict"], culprits, run.status


@pytest.fixture(scope="module")
def kinds(cluster: None) -> Iterator[None]:
    """The kinds of the Gateway API."""
    with gateway_api():
        yield


@pytest.fixture
def a_gateway(kinds: None) -> Iterator[None]:
    """A Gateway of Kong's in Kong's namespace."""
    with gateway(BALANCER):
        yield


@pytest.mark.usefixtures("a_gateway")
@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        (topologies.PASSING, ("preserved", set(), 0)),
        (topologies.MASQUERADING, ("lost", {("node", "proven")}, 1)),
    ],
    ids=["Local", "Cluster"],
)
def test_where_only_a_gateway_is_kongs_the_route_is_an_http_route(
    topology: Topology, expected: tuple[str, set[tuple[str, str]], int], tmp_path: Path
) -> None:
    with built(topology, tmp_path):
        kubectl("delete", "ingressclass", "kong")
        run = diagnose()
        named = diagnose("--host", "shop.test", "--gateway", "kong/kong")

    assert (told(run), told(named)) == (expected, expected), run.errors + named.errors
    assert_no_http_route_left()
    assert_nothing_left()


@pytest.mark.usefixtures("a_gateway")
def test_the_api_server_keeps_all_of_an_http_route_and_removes_it_with_its_job(tmp_path: Path) -> None:
    run = replace(RUN, hosts=(None, "shop.test"))
    with built(topologies.PASSING, tmp_path):
        apply(manifests.job(run))
        try:
            job = get("job", f"--namespace={NAMESPACE}", run.name)
            sent = manifests.routes(run, job)
            apply(*sent)
            assert {one["metadata"]["name"]: one["spec"] for one in http_routes()} == {
                one["metadata"]["name"]: one["spec"] for one in sent
            }
        finally:
            kubectl("delete", "job", f"--namespace={NAMESPACE}", run.name)
        until(
            "the HTTPRoutes went with their Job", lambda: not http_routes(), seconds=90
        )  # the collector learns of new kinds in half a minute


@pytest.mark.usefixtures("kinds")
def test_a_gateway_that_takes_no_route_of_kongs_namespace_stops_the_run(tmp_path: Path) -> None:
    own = gateway(BALANCER, namespace="default", allowed={"namespaces": {"from": "Same"}})
    with built(topologies.PASSING, tmp_path), own:
        kubectl("delete", "ingressclass", "kong")
        refused = diagnose()
        admitted = diagnose("--namespace", "default")

    assert refused.status == 2
    assert refused.errors.strip().splitlines()[-1] == (
        "kongip: Gateway default/kong admits no HTTPRoute from namespace kong. "
        "Its listeners take those of its own namespace: --namespace default"
    )
    assert told(admitted) == ("preserved", set(), 0), admitted.errors
    assert_no_http_route_left()
    assert_nothing_left()


def of_type(kind: str, **spec: object) -> None:
    """Make Kong's Service one of another type; the next installation makes it a LoadBalancer again."""
    patch = json.dumps({"spec": {"type": kind, **spec}})
    kubectl("patch", "service", f"--namespace={NAMESPACE}", SERVICE, f"--patch={patch}")


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("policy", "expected", "entries"),
    [
        ("Local", ("preserved", set(), 0), {"n2"}),
        ("Cluster", ("lost", {("node", "proven")}, 1), {"n1", "n2", "n3"}),
    ],
)
def test_a_node_port_is_entered_at_the_nodes_and_has_no_balancer(
    policy: str, expected: tuple[str, set[tuple[str, str]], int], entries: set[str]
) -> None:
    install(Kong({}, policy, ("n2",)), None)
    of_type("NodePort")
    run = diagnose()

    assert told(run) == expected, run.errors
    assert run.report is not None
    outside = [group for group in run.report["groups"] if group["vantage"] == "outside"]
    assert {group["address"] for group in outside} == {NODES[node] for node in entries}
    assert {rung["layer"] for rung in run.report["path"]} <= {"egress", "node", "gateway", "upstream"}
    assert_nothing_left()


HOST_PORT = 8088
HOST = {"app.kubernetes.io/name": "kong", "app.kubernetes.io/instance": "host"}


def on_its_node(node: str, *, network: bool) -> tuple[Object, Object]:
    """A DaemonSet with the pods of Kong's Deployment but in a node's network, or with a port of it, and its Service."""
    pod = get("deployment", f"--namespace={NAMESPACE}", "kong")["spec"]["template"]["spec"]
    pod |= {"hostNetwork": network, "nodeSelector": {"kubernetes.io/hostname": node}}
    del pod["affinity"]
    if not network:
        (proxy,) = (one for one in pod["containers"] if one["name"] == "proxy")
        proxy["ports"] = [{"name": "proxy", "containerPort": 8000, "hostPort": HOST_PORT}]
    for variable in (one for container in pod["containers"] for one in container["env"]):
        if variable["name"] == "CONTROLLER_PUBLISH_SERVICE":
            variable["value"] = f"{NAMESPACE}/kong-host"
    metadata = {"name": "kong-host", "namespace": NAMESPACE, "labels": HOST}
    template = {"metadata": {"labels": HOST}, "spec": pod}
    ports = [{"name": "proxy", "port": 80, "targetPort": 8000}]
    return (
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": HOST}, "template": template},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": HOST, "ports": ports}},
    )


@pytest.fixture(params=["hostNetwork", "hostPort"])
def daemon_set(cluster: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """Kong as a DaemonSet with ports of its nodes, behind a Service without a published address; its name."""
    install(Kong({}, "Local", ("n2",)), None)
    apply(*on_its_node("n3", network=request.param == "hostNetwork"))
    try:
        kubectl("rollout", "status", f"--namespace={NAMESPACE}", "daemonset/kong-host", f"--timeout={PATIENCE:.0f}s")
        yield f"{NAMESPACE}/kong-host"
    finally:
        kubectl("delete", f"--namespace={NAMESPACE}", "service/kong-host", "daemonset/kong-host")
        selector = ",".join(f"{key}={value}" for key, value in HOST.items())
        until("the DaemonSet's pods are gone", lambda: not get("pods", "-A", f"--selector={selector}")["items"])


def test_a_port_of_its_node_that_kong_has_is_entered_there_and_keeps_the_source(daemon_set: str) -> None:
    run = diagnose("--service", daemon_set)

    assert told(run) == ("preserved", set(), 0), run.errors
    assert run.report is not None
    outside = [group for group in run.report["groups"] if group["vantage"] == "outside"]
    assert [(group["address"], group["connections"]) for group in outside] == [(NODES["n3"], 20)]
    assert {rung["layer"] for rung in run.report["path"]} <= {"egress", "node", "gateway", "upstream"}
    assert_nothing_left()
