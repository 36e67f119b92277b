"""A world with faults round a run, on a real cluster: the right verdict, or a clear word that there is none."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import CONTEXT, KUBECONFIG, inside, kubectl, until
from tests.cluster.command import Run, assert_nothing_left, diagnose, left_behind
from tests.cluster.faults import ROOT, faulty
from tests.cluster.kong import NAMESPACE, Installed

pytestmark = pytest.mark.usefixtures("cluster")
FEW = ("--connections", "5")


@pytest.fixture
def kong(cluster: None, tmp_path: Path) -> Iterator[Installed]:
    """Two Kong pods behind a balancer that passes packets through: nothing is wrong with them."""
    with topologies.built(topologies.TWO_PODS, tmp_path) as made:
        yield made


def clean(run: Run) -> None:
    assert "Traceback" not in run.errors
    assert "canary-token" not in json.dumps(run.report) + run.errors


@pytest.mark.parametrize("fault", ["429", "500", "503", "slow", "cut"])
def test_an_api_server_that_has_bad_moments_changes_no_verdict(kong: Installed, fault: str, tmp_path: Path) -> None:
    with faulty(fault, tmp_path) as flags:
        run = diagnose(*flags, *FEW)

    assert run.report is not None, run.errors
    assert (run.report["verdict"], run.status) == ("preserved", 0), run.errors
    clean(run)
    assert_nothing_left()


@pytest.mark.parametrize("fault", ["expired:1", "gone:1"])
def test_an_api_server_that_lets_nobody_in_is_one_line(kong: Installed, fault: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with faulty(fault, tmp_path) as flags:
        run = diagnose(*flags, *FEW)

    assert (run.status, run.report) == (4, None), run.errors
    assert len([line for line in run.errors.splitlines() if line.startswith("kongip: ")]) == 1
    assert time.monotonic() - began < 60
    clean(run)
    assert_nothing_left()


@pytest.mark.parametrize("fault", ["expired", "gone"])
def test_an_api_server_that_is_lost_amid_the_run_ends_it_in_time_and_what_is_left_is_told(
    kong: Installed, fault: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    with faulty(f"{fault}:70", tmp_path) as flags:
        run = diagnose(*flags, *FEW, "--timeout", "60")

    assert time.monotonic() - began < 60 + 60 + 15
    assert run.status in (0, 3, 4), run.errors
    assert run.report is None or run.report["verdict"] in ("preserved", "undetermined")
    clean(run)
    if left_behind():
        assert "remove it with" in run.errors
        kubectl("delete", "jobs", "-A", "--selector=app.kubernetes.io/managed-by=kongip", "--wait=false")
        until("what hung by the Job is gone with it", lambda: not left_behind())


SKEWED = """
import sys, time
real = time.time
time.time = lambda: real() + {skew}
from diagnose.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("hours", [-5, 7])
def test_a_callers_clock_that_is_hours_off_changes_no_verdict(kong: Installed, hours: int) -> None:
    command = [*inside("client"), sys.executable, "-c", SKEWED.format(skew=hours * 3600), "diagnose", *FEW]
    command += ["--context", CONTEXT, "--kubeconfig", str(KUBECONFIG), "--image", "localhost/python:1"]
    done = subprocess.run([*command, "--output", "json"], capture_output=True, text=True, timeout=300, cwd=ROOT)

    report = json.loads(done.stdout)
    assert (report["verdict"], done.returncode) == ("preserved", 0), done.stderr
    assert all(probe["logged"] for probe in report["probes"] if probe["vantage"] == "outside")
    assert_nothing_left()


def test_a_kong_pod_that_goes_amid_the_run_makes_no_wrong_verdict(kong: Installed) -> None:
    command = [*inside("client"), sys.executable, "-m", "diagnose", "diagnose", "--context", CONTEXT]
    command += ["--kubeconfig", str(KUBECONFIG), "--image", "localhost/python:1", "--output", "json"]
    with subprocess.Popen(
        [*command, "--connections", "200"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        until("the run has made something", lambda: bool(left_behind()))
        kubectl("delete", "pod", f"--namespace={NAMESPACE}", sorted(kong.pods)[0], "--wait=false")
        printed, errors = process.communicate(timeout=300)

    report = json.loads(printed)
    assert report["verdict"] in ("preserved", "undetermined"), errors
    assert "Traceback" not in errors
    assert_nothing_left()
