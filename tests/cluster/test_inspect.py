"""`kongip inspect` on a real cluster: what its objects alone tell, read live and as kubectl prints them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import CONTEXT, KUBECONFIG, Object, inside, kubectl
from tests.cluster.command import KONGIP, left_behind
from tests.cluster.topologies import Topology, built

KINDS = "services,deployments,pods,nodes,ingresses,ingressclasses,namespaces"

CASES: dict[str, tuple[Topology, set[str], int]] = {
    "Local, pass-through": (topologies.PASSING, set(), 0),
    "Local, PROXY protocol in order": (topologies.PROXY_PROTOCOL, {"KIP728"}, 0),
    "Local, PROXY protocol as examples have it": (
        topologies.PROXY_PROTOCOL_OF_EXAMPLES,
        {"KIP716", "KIP721", "KIP728"},
        0,
    ),
    "Local, everyone trusted": (topologies.TRUSTS_EVERYONE, {"KIP717"}, 1),
    "Cluster, only the balancer trusted": (
        Topology("Cluster", topologies.FORWARDED_HEADER.balancer, topologies.FORWARDED_HEADER.settings),
        {"KIP719"},
        0,
    ),
}


def inspect(*arguments: str) -> tuple[int, Object]:
    """Exit status and report of `kongip inspect`."""
    command = [*inside("client"), str(KONGIP), "inspect", "--output", "json", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return result.returncode, json.loads(result.stdout)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_objects_tell_the_same_live_and_from_a_file(case: tuple[Topology, set[str], int], tmp_path: Path) -> None:
    topology, codes, wanted = case
    before = left_behind()
    with built(topology, tmp_path):
        status, live = inspect("--context", CONTEXT, "--kubeconfig", str(KUBECONFIG))
        (tmp_path / "objects.yaml").write_text(kubectl("get", KINDS, "--all-namespaces", "--output=yaml"))
        from_file = inspect("--file", str(tmp_path / "objects.yaml"))[1]

    assert {finding["code"] for finding in live["findings"]} == codes
    assert (live["verdict"], live["probes"], status) == ("undetermined", [], wanted)
    assert from_file["findings"] == live["findings"]
    assert left_behind() == before, "nothing is made"
