"""The test bed itself: which client address the gateway logs, and what the caller gets, for each way to Kong."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import BALANCER, CLIENT, NODES, PATIENCE, apply, kubectl, run, until
from tests.cluster.kong import Installed
from tests.cluster.topologies import Topology, built

FORGED = "192.0.2.66"
NO_ROUTE, BAD_REQUEST, ANSWERED_BY_BACKEND = "404", "400", "200"


@pytest.mark.parametrize(
    ("topology", "logged", "forged"),
    [
        pytest.param(topologies.PASSING, CLIENT, CLIENT, id="local, pass-through"),
        pytest.param(topologies.PROXYING, BALANCER, BALANCER, id="local, haproxy tcp"),
        pytest.param(topologies.PROXY_PROTOCOL, CLIENT, CLIENT, id="local, haproxy send-proxy-v2, Kong set for it"),
        pytest.param(topologies.HEADER_NOT_TRUSTED, BALANCER, BALANCER, id="local, haproxy http, nobody trusted"),
        pytest.param(topologies.TRUSTS_EVERYONE, CLIENT, FORGED, id="local, haproxy http, everyone trusted"),
        pytest.param(topologies.TWO_PODS, CLIENT, CLIENT, id="local, pass-through, two pods"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_kong_logs(topology: Topology, logged: str, forged: str, tmp_path: Path) -> None:
    with built(topology, tmp_path) as kong:
        assert ask(kong) == (NO_ROUTE, logged)
        assert ask(kong, f"X-Forwarded-For: {FORGED}") == (NO_ROUTE, forged)


@pytest.mark.usefixtures("cluster")
def test_a_masquerading_node_puts_an_address_of_the_cluster_in_the_callers_place(tmp_path: Path) -> None:
    with built(topologies.MASQUERADING, tmp_path) as kong:
        addresses = {ask(kong)[1] for _ in range(8)}
    # The pod's own node shows its pod bridge, each other node its own address.
    assert addresses <= {NODES["n1"], "10.78.2.1", NODES["n3"]}


@pytest.mark.usefixtures("cluster")
def test_a_listener_without_the_flag_answers_400_to_the_proxy_header(tmp_path: Path) -> None:
    with built(topologies.PROXY_PROTOCOL_REFUSED, tmp_path) as kong:
        before = len(kong.log())
        assert fetch("/") == BAD_REQUEST
        until("Kong has logged it", lambda: any(" 400 " in line for line in kong.log()[before:]), 5)
        refused = next(line for line in kong.log()[before:] if " 400 " in line)
    assert refused.startswith(f"{BALANCER} ")
    assert r'"\x00"' in refused


@pytest.mark.usefixtures("cluster")
def test_an_ingress_of_kongs_class_works_within_seconds_and_ends_with_it(tmp_path: Path) -> None:
    path = f"/{uuid.uuid4().hex}"
    with built(topologies.PASSING, tmp_path):
        with backend(path):
            until("the route works", lambda: fetch(path) == ANSWERED_BY_BACKEND, 5)
            assert fetch("/") == NO_ROUTE
        until("the route is gone", lambda: fetch(path) == NO_ROUTE, 5)


@contextlib.contextmanager
def backend(path: str) -> Iterator[None]:
    """Run a pod behind a Service and an Ingress, under the strictest rules that Pod Security has for it."""
    labels = {"app": "testbed-backend"}
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 54321,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": "backend",
        "image": "localhost/python:1",
        "command": ["python3", "-m", "http.server", "8080"],
        "securityContext": restricted,
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    named = {"name": "testbed-backend", "namespace": "kong", "labels": labels}
    route = {
        "path": path,
        "pathType": "Prefix",
        "backend": {"service": {"name": named["name"], "port": {"number": 80}}},
    }
    apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": named,
            "spec": {"containers": [container], "automountServiceAccountToken": False},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named,
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": named | {"annotations": {"konghq.com/strip-path": "true"}},
            "spec": {"ingressClassName": "kong", "rules": [{"http": {"paths": [route]}}]},
        },
    )
    where = ("--namespace=kong", "--selector=app=testbed-backend")
    try:
        kubectl("wait", "pod", *where, "--for=condition=Ready", f"--timeout={PATIENCE:.0f}s")
        yield
    finally:
        kubectl("delete", "pod,service,ingress", *where, "--grace-period=0", "--force", "--wait=false")


def ask(kong: Installed, *headers: str) -> tuple[str, str]:
    """Send one request from the caller; return the status it got and the client address in Kong's access log."""
    nonce = uuid.uuid4().hex
    status = fetch(f"/{nonce}", *headers)
    until("Kong has logged it", lambda: any(nonce in line for line in kong.log()), 5)
    return status, next(line for line in kong.log() if nonce in line).split()[0]


def fetch(path: str, *headers: str) -> str:
    """Return the status of one GET through the published address, sent from the caller's namespace."""
    words = [word for header in headers for word in ("--header", header)]
    format_ = "%{http_code}"
    return run("client", "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", format_, *words, f"http://{BALANCER}{path}")
