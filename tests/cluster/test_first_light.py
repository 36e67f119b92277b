"""`kongip diagnose` against a real cluster: verdict, layer at fault and exit status for each way to Kong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.command import assert_nothing_left, diagnose
from tests.cluster.topologies import Topology, built


@dataclass(frozen=True, slots=True)
class Case:
    """A way to Kong, and what kongip must say of it; `culprits` are layer and certainty."""

    topology: Topology
    status: int
    verdict: str
    culprits: set[tuple[str, str]] = field(default_factory=set)


CASES = {
    "Cluster, pass-through": Case(topologies.MASQUERADING, 1, "lost", {("node", "proven")}),
    "Local, pass-through": Case(topologies.PASSING, 0, "preserved"),
    "Local, HAProxy without PROXY": Case(topologies.PROXYING, 1, "lost", {("load_balancer", "proven")}),
    "Local, HAProxy with PROXY, Kong set for it": Case(topologies.PROXY_PROTOCOL, 0, "preserved"),
    "Local, HAProxy with PROXY, Kong not set for it": Case(
        topologies.PROXY_PROTOCOL_REFUSED, 1, "unreachable", {("load_balancer", "possible"), ("gateway", "possible")}
    ),
    "Local, HAProxy with PROXY, Kong set as examples have it": Case(
        topologies.PROXY_PROTOCOL_OF_EXAMPLES, 0, "preserved"
    ),
    "Local, HAProxy without PROXY, Kong set as examples have it": Case(
        topologies.PROXY_PROTOCOL_MISSING, 1, "unreachable", {("load_balancer", "possible"), ("gateway", "possible")}
    ),
    "Local, HAProxy with X-Forwarded-For, believed": Case(topologies.FORWARDED_HEADER, 0, "preserved"),
    "Local, HAProxy with X-Forwarded-For, nobody trusted": Case(
        topologies.HEADER_NOT_TRUSTED, 1, "lost", {("gateway", "proven")}
    ),
    "Local, HAProxy with X-Forwarded-For, everyone trusted": Case(
        topologies.TRUSTS_EVERYONE, 1, "spoofable", {("gateway", "proven")}
    ),
}


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_names_the_layer(case: Case, tmp_path: Path) -> None:
    with built(case.topology, tmp_path):
        run = diagnose()

    assert run.report is not None, run.errors
    culprits = {(culprit["layer"], culprit["certainty"]) for culprit in run.report["culprits"]}
    assert (run.report["verdict"], culprits, run.status) == (case.verdict, case.culprits, case.status), run.errors
    assert_nothing_left()
