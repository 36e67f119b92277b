"""`kongip traffic` on a real cluster: it reads every Kong pod's log, and knows the nodes' addresses from callers'."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import topologies
from tests.cluster.bed import BALANCER, CLIENT, CONTEXT, KUBECONFIG, inside
from tests.cluster.command import KONGIP, assert_nothing_left
from tests.cluster.topologies import Topology, built

REQUESTS = 30


def traffic(*arguments: str) -> Any:
    """Run `kongip traffic` with JSON output from the caller's network namespace."""
    where = ["--context", CONTEXT, "--kubeconfig", str(KUBECONFIG), "--output", "json"]
    command = [*inside("client"), str(KONGIP), "traffic", *where, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def ask(number: int) -> None:
    for _ in range(number):
        words = ["curl", "-s", "-m", "5", "-o", "/dev/null", f"http://{BALANCER}/traffic"]
        subprocess.run([*inside("client"), *words], check=True, timeout=10)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("topology", "kinds"),
    [(topologies.MASQUERADING, {"node"}), (topologies.TWO_PODS, {"public", "private"})],
    ids=["nodes masquerade", "two pods see the caller"],
)
def test_the_log_tells_whose_addresses_requests_carry(topology: Topology, kinds: set[str], tmp_path: Path) -> None:
    with built(topology, tmp_path):
        ask(REQUESTS)
        told = traffic("--tail", str(REQUESTS), "--service", "kong/kong-proxy")

    assert told["requests"] >= REQUESTS // 2
    commonest = told["addresses"]["commonest"]
    carried = {one["kind"] for one in commonest if one["requests"] * 10 > told["requests"]}
    assert carried
    assert carried <= kinds
    assert len(told["sources"]) == max(1, len(topology.nodes))
    assert (CLIENT in {one["address"] for one in commonest}) is (topology is topologies.TWO_PODS)
    assert told["not_measured"] == []
    assert_nothing_left()
