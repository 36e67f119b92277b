"""Ways to Kong of which only some lose the caller's address, on a real cluster: shares and the pod are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.balancers import Balancer, balancer
from tests.cluster.bed import BALANCER, NODES
from tests.cluster.command import assert_nothing_left, diagnose
from tests.cluster.kong import Kong, install, one_more, settled
from tests.cluster.topologies import Topology, built

BELIEVES = topologies.FORWARDED_HEADER.settings


@pytest.mark.usefixtures("cluster")
def test_one_pod_of_three_that_trusts_nobody_is_named_and_the_others_are_well(tmp_path: Path) -> None:
    install(Kong(BELIEVES, "Local", ("n1", "n3")), BALANCER)
    with one_more(Kong({}, "Local", ("n2",))):
        kong = settled("Local", BALANCER)
        with balancer(Balancer.HTTP_WITH_FORWARDFOR, kong, tmp_path):
            run = diagnose("--connections", "9")

    assert run.report is not None, run.errors
    assert (run.report["verdict"], run.status) == ("lost", 1), run.errors
    assert [(one["layer"], one["code"]) for one in run.report["culprits"]] == [("gateway", "KIP501")]
    by_pod = {one["pod"]: one["verdict"] for one in run.report["groups"] if one["pod"]}
    canary = {pod for pod in by_pod if "kong-canary" in pod}
    assert {by_pod[pod] for pod in canary} == {"lost"}
    assert len(by_pod) == 3
    assert {verdict for pod, verdict in by_pod.items() if pod not in canary} == {"preserved"}
    assert_nothing_left()


@pytest.mark.usefixtures("cluster")
def test_delivery_to_pods_on_the_same_node_and_on_others_is_one_fault_with_several_addresses(tmp_path: Path) -> None:
    topology = Topology("Cluster", Balancer.TCP, nodes=("n1", "n3"))
    with built(topology, tmp_path):
        run = diagnose("--connections", "12")

    assert run.report is not None, run.errors
    assert (run.report["verdict"], run.status) == ("lost", 1), run.errors
    logged = {address["address"] for group in run.report["groups"] for address in group["logged"]}
    assert len(logged) > 1, "a node's own address and its bridge's, or several nodes'"
    assert BALANCER not in logged
    assert logged & set(NODES.values())
    assert "node" in {one["layer"] for one in run.report["culprits"]}
    assert_nothing_left()
