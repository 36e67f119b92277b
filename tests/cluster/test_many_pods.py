"""Many Kong pods on a real cluster: each is accounted for, at a cost that grows no faster than they do.

KONGIP_PODS says how many (default 12); `make test-pods` takes fifty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.balancers import Balancer, balancer
from tests.cluster.bed import AUDIT_LOG, BALANCER, NODES, Object, until
from tests.cluster.command import assert_nothing_left, diagnose, kongip
from tests.cluster.faults import faulty
from tests.cluster.kong import Installed, Kong, install

PODS = int(os.environ.get("KONGIP_PODS", "12"))
LARGEST = 160 * 1024
"""KiB that a run may take: those of an interpreter with all its libraries, and little for each pod."""


@pytest.fixture(scope="module")
def kong(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """As many Kong pods as are wanted, on three nodes, behind a balancer that passes packets through."""
    made = install(Kong({}, "Local", tuple(NODES), PODS), BALANCER)
    with balancer(Balancer.PASS_THROUGH, made, tmp_path_factory.mktemp("kong")):
        yield made


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took: KiB of memory, and requests to the API server by what was asked for."""

    memory: int
    requests: Counter[str]


def measured(folder: Path) -> tuple[Object, Cost]:
    """The report of a run, and its cost."""
    start, output = AUDIT_LOG.stat().st_size, folder / "report.json"
    words = kongip("diagnose", "--image", "localhost/python:1", "--output-file", f"json={output}")
    # From a small process: the memory of the one that starts another counts as the other's.
    started = [sys.executable, "-c", STARTED, *words]
    memory = int(subprocess.run(started, stdout=subprocess.PIPE, check=True, timeout=300).stdout)
    until("the run's last request is in the audit log", lambda: bool(asked(start)["delete jobs"]))
    return json.loads(output.read_text()), Cost(memory, asked(start))


STARTED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, _, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
"""


def asked(start: int) -> Counter[str]:
    """What kongip asked the API server for since the audit log was of that size, by verb and resource."""
    with AUDIT_LOG.open("rb") as file:
        file.seek(start)
        entries = [json.loads(line) for line in file if line.endswith(b"\n")]
    ours = [
        one for one in entries if one.get("userAgent", "").startswith("kongip") and one["stage"] == "ResponseComplete"
    ]
    things = ((one["verb"], one.get("objectRef") or {}) for one in ours)
    return Counter(
        "/".join((f"{verb} {of.get('resource')}", *filter(None, [of.get("subresource")]))) for verb, of in things
    )


def test_each_of_many_pods_is_seen_and_the_verdict_is_right(kong: Installed, tmp_path: Path) -> None:
    report, cost = measured(tmp_path)

    names = {f"kong/{pod}" for pod in kong.pods}
    assert len(names) == PODS
    assert report["verdict"] == "preserved", report["headline"]
    for vantage in ("inside", "outside"):
        assert {probe["kong"] for probe in report["probes"] if probe["vantage"] == vantage} == names
    assert report["not_measured"] == []
    assert cost.requests["get pods/log"] <= 3 * PODS
    assert cost.requests.total() - cost.requests["get pods/log"] < 120, cost.requests
    assert cost.memory < LARGEST
    assert_nothing_left()


@pytest.mark.parametrize("fault", ["500", "slow"])
def test_an_api_server_with_faults_changes_nothing_of_it(kong: Installed, fault: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with faulty(fault, tmp_path) as flags:
        run = diagnose(*flags, "--timeout", "90")

    assert run.report is not None, run.errors
    assert run.report["verdict"] == "preserved", run.errors
    assert not [gap for gap in run.report["not_measured"] if gap["what"].startswith("the log of")]
    assert time.monotonic() - began < 90
    assert_nothing_left()


def test_a_run_that_is_given_little_time_tells_what_it_left_out(kong: Installed) -> None:
    began = time.monotonic()
    run = diagnose("--timeout", "8")

    assert time.monotonic() - began < 8 + 15
    assert (run.status, run.report is None) in ((0, False), (3, False), (4, True)), run.errors
    assert run.report is None or run.report["verdict"] in ("preserved", "undetermined")
    assert run.report is not None or "did not end within 8 seconds" in run.errors
    assert_nothing_left()
