"""The manifests of deploy/ on a real cluster: it takes them, and their account has every right that kongip needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import topologies
from tests.cluster.accounts import admitted, token
from tests.cluster.bed import CONTEXT, KUBECONFIG, apply, get, inside, kubectl, until
from tests.cluster.command import KONGIP, assert_nothing_left
from tests.cluster.test_examples import ended, fit_for_the_bed
from tests.cluster.topologies import built
from tests.test_examples import pod_of

DEPLOY = Path(__file__).parents[2] / "deploy"


def taken(name: str, *words: str) -> str:
    return kubectl(*words, "--filename=-", text=(DEPLOY / name).read_text("utf-8"))


def rights() -> str:
    """What the manifests' README gives the account."""
    command = [str(KONGIP), "rbac", "--mode", "diagnose", "--service-account", "kong/kongip"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def granted(cluster: None, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of the account that the manifests make, with the rights that are printed for it."""
    with built(topologies.PASSING, tmp_path):
        try:
            taken("account.yaml", "apply")
            kubectl("apply", "--filename=-", text=rights())
            config = yaml.safe_load(KUBECONFIG.read_text())
            for user in config["users"]:
                user["user"] = {"token": token("kongip", "kong")}
            (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
            yield tmp_path / "kubeconfig"
        finally:
            kubectl("delete", "--ignore-not-found", "--filename=-", text=rights())
            taken("account.yaml", "delete", "--ignore-not-found")


def run(kubeconfig: Path, *arguments: str) -> Any:
    where = ["--context", CONTEXT, "--kubeconfig", str(kubeconfig), "--output", "json"]
    command = [*inside("client"), str(KONGIP), *arguments, *where]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.stdout, answer.stderr
    return json.loads(answer.stdout)


def test_the_account_of_the_manifests_may_do_all_that_is_needed(granted: Path) -> None:
    report = run(granted, "diagnose", "--image", "localhost/python:1", "--connections", "5")

    assert report["verdict"] == "preserved"
    whys = " ".join(f"{gap['what']}: {gap['why']}" for gap in report["not_measured"])
    assert "right" not in whys
    assert "forbidden" not in whys
    told = run(granted, "traffic", "--tail", "5")
    assert told["requests"] > 0
    assert told["not_measured"] == []
    assert_nothing_left()


def manifest(name: str) -> Any:
    """A manifest of one Job, as the bed can run it."""
    job = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    [container] = pod_of(job)["containers"]
    container["command"] = ["python3", "-m", "diagnose"]  # which the image has as its entry point
    return fit_for_the_bed(job, "--quiet")  # a pod's log mixes both streams


def reported(job: Any) -> Any:
    """The report that the pod of a Job prints, run to its end under the account of the manifests."""
    where, name = "--namespace=kong", job["metadata"]["name"]
    label = f"--selector=job-name={name}"
    with admitted("kong", "kongip"):  # kongip is mounted from the machine, which the bed allows few
        apply(job)
        try:
            until("its pod is there", lambda: bool(get("pods", where, label)["items"]))
            [pod] = [one["metadata"]["name"] for one in get("pods", where, label)["items"]]
            until("it has ended", lambda: ended(pod) is not None, 120)
            log = kubectl("logs", where, pod)
        finally:
            kubectl("delete", where, f"job/{name}", "--wait=false")
    assert log.startswith("{"), log
    return json.loads(log)


@pytest.mark.usefixtures("granted")
def test_the_job_diagnoses_the_cluster_that_it_runs_in() -> None:
    report = reported(manifest("job.yaml"))

    assert (report["verdict"], report["caller"]["vantage"]) == ("preserved", "inside"), report["headline"]
    assert report["site"] == "kong/kong-proxy in in-cluster"
    assert_nothing_left()


def test_a_pod_of_the_fleets_job_diagnoses_the_context_of_its_index(granted: Path) -> None:
    """The pod of one index as a Job of its own, which clusters before 1.21 take."""
    config = yaml.safe_load(granted.read_text())
    config["contexts"][0]["name"] = "cluster-0"
    secret = {"kind": "Secret", "metadata": {"name": "kongip-fleet", "namespace": "kong"}}
    job = manifest("fleet-job.yaml")
    for key in ("completionMode", "completions", "parallelism", "backoffLimitPerIndex"):
        del job["spec"][key]
    job["spec"]["backoffLimit"] = 0
    pod_of(job)["containers"][0]["env"].append({"name": "JOB_COMPLETION_INDEX", "value": "0"})
    apply({"apiVersion": "v1", **secret, "stringData": {"config": yaml.safe_dump(config)}})
    try:
        report = reported(job)
    finally:
        kubectl("delete", "--namespace=kong", "secret/kongip-fleet")

    assert report["site"].endswith(" in cluster-0")
    assert report["verdict"] == "preserved", report["headline"]
    assert_nothing_left()


@pytest.mark.usefixtures("granted")
def test_the_cluster_takes_the_jobs() -> None:
    served = {f"{one['name']}" for one in json.loads(kubectl("get", "--raw=/apis/batch/v1"))["resources"]}
    taken("job.yaml", "create", "--dry-run=server")
    taken("fleet-job.yaml", "create", "--dry-run=server", "--validate=false")  # of 1.29: older ones drop what they lack
    for name in ("cronjob.yaml", "metrics-cronjob.yaml"):
        if "cronjobs" in served:  # since 1.21
            taken(name, "create", "--dry-run=server")
            continue
        job = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
        template = {"apiVersion": "batch/v1", "kind": "Job", "metadata": job["metadata"], **job["spec"]["jobTemplate"]}
        kubectl("create", "--dry-run=server", "--filename=-", text=json.dumps(template))
    assert "kongip" not in {one["metadata"]["name"] for one in get("-n", "kong", "jobs")["items"]}
