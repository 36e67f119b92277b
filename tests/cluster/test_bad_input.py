"""What goes wrong around a run: one clear message each, the documented exit status, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.accounts import READING, account
from tests.cluster.bed import CONTEXT, KUBECONFIG, NODES, Object, apply, inside, kubectl, until
from tests.cluster.command import KONGIP, Run, assert_nothing_left, diagnose, left_behind
from tests.cluster.kong import Kong, install

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def kong(cluster: None, tmp_path: Path) -> Iterator[None]:
    """One Kong pod behind a balancer that passes packets through: what is wrong is something else."""
    with topologies.built(topologies.PASSING, tmp_path):
        yield


def findings(run: Run) -> dict[str, Object]:
    assert run.report is not None, run.errors
    return {finding["code"]: finding for finding in run.report["findings"]}


def stopped(run: Run, status: int) -> str:
    """The one line that a run which could not begin ends with."""
    lines = [line for line in run.errors.splitlines() if line.startswith("kongip: ")]
    assert (run.status, run.report, len(lines)) == (status, None, 1), run
    assert "Traceback" not in run.errors
    assert_nothing_left()
    return lines[0]


def test_an_unknown_context_is_told_with_what_there_is() -> None:
    line = stopped(diagnose("--context", "testbet"), 2)

    assert "testbet" in line
    assert CONTEXT in line


def test_an_api_server_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG.read_text().replace("https://10.77.1.10:6443", "https://10.77.1.10:1"))

    assert "https://10.77.1.10:1" in stopped(diagnose("--kubeconfig", str(path)), 4)


def test_a_cluster_without_kong_is_told_how_to_name_it(kong: None) -> None:
    kubectl("delete", "deployment/kong", "service/kong-proxy", "--namespace=kong", "--wait=true")
    kubectl("delete", "ingressclass", "kong")

    line = stopped(diagnose(), 4)

    assert "No Kong was found" in line
    assert "--service NAMESPACE/NAME" in line


def test_two_kongs_are_listed_with_the_flag_that_chooses(kong: None) -> None:
    second: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "second-kong-proxy", "namespace": "default"},
        "spec": {"selector": {"app": "second"}, "ports": [{"name": "proxy", "port": 80}]},
    }
    apply(second)
    try:
        line = stopped(diagnose(), 2)
    finally:
        kubectl("delete", "service", "second-kong-proxy", "--namespace=default")

    assert "kong/kong-proxy" in line
    assert "default/second-kong-proxy" in line
    assert "--service" in line


def test_a_service_that_waits_for_its_address_is_pending() -> None:
    install(Kong({}, "Local", ("n2",)), None)

    assert "pending" in stopped(diagnose(), 4)


def test_without_the_right_to_deploy_the_run_goes_on_with_kongs_log(kong: None, tmp_path: Path) -> None:
    logs: Object = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    with account([*READING, logs], tmp_path) as path:
        run = diagnose("--kubeconfig", str(path))

    assert run.report is not None, run.errors
    assert (run.status, run.report["verdict"]) == (0, "preserved")
    assert any("create jobs.batch" in line for line in findings(run)["KIP703"]["because"])
    assert "KIP602" in findings(run)
    assert_nothing_left()


def test_without_any_witness_behind_kong_nothing_is_claimed(kong: None, tmp_path: Path) -> None:
    with account(READING, tmp_path) as path:
        run = diagnose("--kubeconfig", str(path))

    assert run.report is not None, run.errors
    assert (run.status, run.report["verdict"], run.report["culprits"]) == (3, "undetermined", [])
    assert run.report["not_measured"]


def test_an_echo_that_no_node_takes_is_a_finding_and_the_run_goes_on(kong: None) -> None:
    kubectl("cordon", *NODES)
    try:
        run = diagnose()
    finally:
        kubectl("uncordon", *NODES)

    assert run.report is not None, run.errors
    assert (run.status, run.report["verdict"]) == (0, "preserved")
    assert "cannot be scheduled: 0/3 nodes are available" in findings(run)["KIP602"]["because"][0]
    assert_nothing_left()


def test_an_image_that_cannot_be_pulled_is_a_finding_and_the_run_goes_on(kong: None) -> None:
    run = diagnose("--image", "localhost/no-such-image:1")

    assert run.status == 0
    assert "localhost/no-such-image:1" in findings(run)["KIP602"]["because"][0]
    assert_nothing_left()


def test_a_route_that_nobody_picks_up_is_a_finding_and_the_run_goes_on(kong: None) -> None:
    idle: Object = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "idle"},
        "spec": {"controller": "ingress-controllers.konghq.com/kong"},
    }
    apply(idle)
    try:
        run = diagnose("--ingress-class", "idle")
    finally:
        kubectl("delete", "ingressclass", "idle")

    assert run.status == 0, run.errors
    assert "did not pick up the route" in findings(run)["KIP602"]["because"][0]
    assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_removes_what_it_made(kong: None, number: signal.Signals) -> None:
    command = [*inside("client"), str(KONGIP), "diagnose", "--context", CONTEXT, "--kubeconfig", str(KUBECONFIG)]
    command += ["--image", "localhost/python:1", "--output", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until("the run has made something", lambda: bool(left_behind()))
        process.send_signal(number)
        printed, errors = process.communicate(timeout=60)

    assert (process.returncode, printed) == (130, ""), errors
    assert "Traceback" not in errors
    assert_nothing_left()


def test_standard_output_holds_one_document_and_nothing_else(kong: None) -> None:
    command = [*inside("client"), str(KONGIP), "diagnose", "--context", CONTEXT, "--kubeconfig", str(KUBECONFIG)]
    result = subprocess.run(
        [*command, "--image", "localhost/python:1", "--output", "json", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(result.stdout)["schema"] == "kongip.report/v1"
    assert result.stderr == ""
