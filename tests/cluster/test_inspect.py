"""`kongip inspect` on a real cluster: it reads, finds what the objects prove, and makes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.balancers import Balancer
from tests.cluster.bed import CONTEXT, KUBECONFIG, Object, apply, inside, kubectl
from tests.cluster.command import KINDS, KONGIP, Run
from tests.cluster.topologies import Topology, built

OBJECTS = f"{KINDS},deployments,ingressclasses,nodes"


def inspect(*arguments: str, given: str | None = None) -> Run:
    """Run `kongip inspect` with JSON output from the caller's network namespace."""
    command = [*inside("client"), str(KONGIP), "inspect", "--output", "json", *arguments]
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
    return Run(result.returncode, json.loads(result.stdout) if result.stdout else None, result.stderr)


def live() -> Run:
    return inspect("--context", CONTEXT, "--kubeconfig", str(KUBECONFIG))


def codes(run: Run) -> set[str]:
    assert run.report is not None, run.errors
    return {finding["code"] for finding in run.report["findings"]}


def route(name: str, ingress_class: str, service: str, **spec: object) -> Object:
    """An Ingress in Kong's namespace that leads to a Service."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rules = [{"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "kong"},
        "spec": {"ingressClassName": ingress_class, "rules": rules, **spec},
    }


@contextlib.contextmanager
def applied(*things: Object) -> Iterator[None]:
    """Objects that are there for a while."""
    apply(*things)
    try:
        yield
    finally:
        for thing in things:
            kubectl("-n", "kong", "delete", thing["kind"].lower(), thing["metadata"]["name"])


@pytest.mark.usefixtures("cluster")
def test_certificates_behind_a_balancer_that_ends_tls_are_out_of_play(tmp_path: Path) -> None:
    own = route("shop", "kong", "shop", tls=[{"hosts": ["shop.example"], "secretName": "shop-certificate"}])
    balancer = route("front", "alb", "kong-proxy")
    balancer["metadata"]["annotations"] = {
        "alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:eu:1:certificate/1"
    }

    with built(topologies.FORWARDED_HEADER, tmp_path):
        before = codes(live())
        with applied(own, balancer):
            after = live()

    assert "KIP729" not in before
    assert "KIP729" in codes(after)
    assert after.report is not None
    assert (after.report["verdict"], after.report["probes"]) == ("undetermined", [])


@pytest.mark.usefixtures("cluster")
def test_a_file_tells_what_the_cluster_tells_and_nothing_is_made(tmp_path: Path) -> None:
    with built(topologies.PROXY_PROTOCOL_OF_EXAMPLES, tmp_path):
        before = kubectl("get", OBJECTS, "--all-namespaces", "--output=name").splitlines()
        from_cluster = live()
        after = kubectl("get", OBJECTS, "--all-namespaces", "--output=name").splitlines()
        printed = kubectl("get", OBJECTS, "--all-namespaces", "--output=yaml")

    from_file = inspect("--file", "-", given=printed)

    assert set(after) <= set(before)  # pods of earlier tests may still have been ending
    assert codes(from_cluster) >= {"KIP716"}
    assert codes(from_file) == codes(from_cluster)
    assert from_file.status == from_cluster.status


OF_AZURE = "service.beta.kubernetes.io/azure-dns-label-name"
"""What only Azure's controller is asked; its balancers send no PROXY headers."""

EXPECTING_PROXY = Topology("Cluster", Balancer.TCP_WITH_PROXY_V2, topologies.PROXY_PROTOCOL.settings)


@pytest.mark.usefixtures("cluster")
def test_what_is_to_be_changed_is_taken_by_an_api_server(tmp_path: Path) -> None:
    with built(EXPECTING_PROXY, tmp_path):
        kubectl("-n", "kong", "annotate", "service", "kong-proxy", f"{OF_AZURE}=kong")
        try:
            run = live()
            commands = [step["text"] for step in steps(run) if step["kind"] == "kubectl"]
            for command in commands:
                dry(command)
        finally:
            kubectl("-n", "kong", "annotate", "service", "kong-proxy", f"{OF_AZURE}-")

    assert "KIP725" in codes(run)
    assert any("set env deployment/kong" in one and "KONG_PROXY_LISTEN=0.0.0.0:8000" in one for one in commands)
    assert any("patch service kong-proxy" in one and "Local" in one for one in commands)


def steps(run: Run) -> list[Object]:
    """The steps of all remedies."""
    assert run.report is not None, run.errors
    return [step for finding in run.report["findings"] if finding["remedy"] for step in finding["remedy"]["steps"]]


def dry(command: str) -> None:
    """Have the API server try a command and keep nothing of it; CalledProcessError where it refuses."""
    environment = os.environ | {"KUBECONFIG": str(KUBECONFIG)}
    tried = [*inside("client"), "bash", "-c", f"{command} --dry-run=server"]
    subprocess.run(tried, env=environment, capture_output=True, check=True, timeout=60)
