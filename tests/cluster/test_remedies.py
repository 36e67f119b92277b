"""A remedy that is taken as it is printed cures: break, diagnose, apply, diagnose again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.balancers import balancer
from tests.cluster.bed import BALANCER, KUBECONFIG, Object, get, inside, kubectl
from tests.cluster.command import Run, assert_nothing_left, diagnose
from tests.cluster.kong import settled
from tests.cluster.topologies import Topology, built

CASES = {
    "the node masquerades": topologies.MASQUERADING,
    "the header's hop is not trusted": topologies.HEADER_NOT_TRUSTED,
    "everyone is trusted": topologies.TRUSTS_EVERYONE,
    "the PROXY header is refused": topologies.PROXY_PROTOCOL_REFUSED,
}


def remedy(run: Run) -> Object:
    """The sufficient remedy of a report, all of whose steps are commands."""
    assert run.report is not None, run.errors
    found: list[Object] = [one["remedy"] for one in run.report["findings"] if one["remedy"]]
    sufficient = next(one for one in found if one["sufficient"])
    assert {step["kind"] for step in sufficient["steps"]} == {"kubectl"}
    return sufficient


def take(step: Object) -> None:
    """Run a step as a person would who has pasted it."""
    environment = os.environ | {"KUBECONFIG": str(KUBECONFIG)}
    subprocess.run([*inside("client"), "bash", "-c", step["text"]], env=environment, check=True, capture_output=True)


@pytest.fixture
def own_deployment() -> Iterator[None]:
    """A Deployment that is removed in the end: what a remedy adds would stay when the next test applies its own."""
    yield
    kubectl("delete", "--namespace=kong", "deployment/kong", "--wait")


def free_the_node() -> None:
    """Let new pods of Kong's come only when the old ones are gone: those of one revision keep apart in these tests."""
    patch = json.dumps({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    kubectl("patch", "--namespace=kong", "deployment/kong", "--patch", patch)


@pytest.mark.usefixtures("cluster", "own_deployment")
@pytest.mark.parametrize("topology", CASES.values(), ids=CASES)
def test_what_is_printed_cures(topology: Topology, tmp_path: Path) -> None:
    with built(topology, tmp_path):
        broken = diagnose()
    free_the_node()
    for step in remedy(broken)["steps"]:
        take(step)
    policy = get("service", "--namespace=kong", "kong-proxy")["spec"]["externalTrafficPolicy"]
    with balancer(topology.balancer, settled(policy, BALANCER), tmp_path):
        cured = diagnose()

    assert broken.status == 1
    assert cured.report is not None, cured.errors
    assert (cured.report["verdict"], cured.status) == ("preserved", 0), cured.report["findings"]
    assert_nothing_left()


@pytest.fixture
def hetzner() -> Iterator[None]:
    """Kong's Service, marked as one of a cloud whose balancer proxies, and which HAProxy stands in for."""
    marked = ("annotate", "service", "--namespace=kong", "kong-proxy")
    kubectl(*marked, "load-balancer.hetzner.cloud/location=fsn1")
    yield
    kubectl(*marked, "load-balancer.hetzner.cloud/location-")


@pytest.mark.usefixtures("cluster")
def test_what_a_known_balancer_is_told_is_taken_by_an_api_server(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with built(topologies.PROXYING, tmp_path):
        request.getfixturevalue("hetzner")
        run = diagnose()
    assert run.report is not None, run.errors
    (found,) = [one["remedy"] for one in run.report["findings"] if one["code"] == "KIP201"]
    (step,) = [one for one in found["steps"] if "patch service" in one["text"]]
    assert "load-balancer.hetzner.cloud/uses-proxyprotocol" in step["text"]

    take(step | {"text": f"{step['text']} --dry-run=server"})

    assert any("Hetzner" in effect for effect in found["effects"])
