"""kongip on a cluster of the reader's own: each scenario is set up, diagnosed, and cured where it can be."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

import pytest

from tests.any_cluster.cluster import MODES, PREFIX, Cluster, Object
from tests.any_cluster.scenarios import SCENARIOS, Scenario

HAPROXY = f"{PREFIX}-haproxy"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.about for one in SCENARIOS])
def test_what_is_wrong_is_named_and_cured(cluster: Cluster, scenario: Scenario) -> None:
    cluster.set_policy(scenario.policy)
    cluster.set_kong(settings(cluster, scenario))
    way = words(cluster, scenario)
    status, report = cluster.diagnose(*way)

    assert report["verdict"] == scenario.verdict, report["findings"]
    assert {one["layer"] for one in report["culprits"]} == scenario.culprits, report["findings"]
    assert status == (0 if scenario.verdict == "preserved" else 1)
    if scenario.cured:
        for step in sufficient(report):
            subprocess.run(["bash", "-c", step["text"]], check=True, capture_output=True)
        cluster.settle()
        status, report = cluster.diagnose(*words(cluster, scenario))
        assert (report["verdict"], status) == ("preserved", 0), report["findings"]


def settings(cluster: Cluster, scenario: Scenario) -> Mapping[str, str]:
    """Kong's settings with the addresses of this cluster in them."""
    here = {"BALANCER": cluster.pod_address(HAPROXY), "LISTEN": f"0.0.0.0:{cluster.port}"}
    told = dict(scenario.kong)
    for word, address in here.items():
        told = {name: value.replace(word, address) for name, value in told.items()}
    return told


def words(cluster: Cluster, scenario: Scenario) -> list[str]:
    """The words of the command line that lead kongip this way."""
    if scenario.balancer is None:
        return []
    return ["--url", cluster.url(HAPROXY, MODES[scenario.balancer])]


def sufficient(report: Object) -> list[Object]:
    """The steps of the remedy that cures by itself; the test is skipped where one is for another program's hands."""
    remedies = [one["remedy"] for one in report["findings"] if one["remedy"] and one["remedy"]["sufficient"]]
    assert remedies, report["findings"]
    steps: list[Object] = remedies[0]["steps"]
    if others := {step["kind"] for step in steps} - {"kubectl"}:
        pytest.skip(f"diagnosed as it should be; the remedy is for {', '.join(sorted(others))} and not taken here")
    return steps
