"""`kongip clean` on a real cluster: what a killed run has left goes, and what only looks like it stays."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.accounts import account
from tests.cluster.bed import Object, apply, kubectl, until
from tests.cluster.command import assert_nothing_left, kongip, left_behind

pytestmark = pytest.mark.usefixtures("cluster")

MANAGED, RUN = "app.kubernetes.io/managed-by", "kongip/run"


@pytest.fixture
def killed(cluster: None, tmp_path: Path) -> Iterator[str]:
    """The id of a run that was killed as soon as all was made."""
    with topologies.built(topologies.PASSING, tmp_path):
        command = kongip("diagnose", "--image", "localhost/python:1", "--quiet")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until("the route is there", lambda: any(one.startswith("Ingress/") for one in left_behind()))
            process.send_signal(signal.SIGKILL)
        [job] = [one for one in left_behind() if one.startswith("Job/")]
        yield job.rpartition("kongip-")[2]
        kubectl("delete", f"job/kongip-{job.rpartition('kongip-')[2]}", "--namespace=kong", "--ignore-not-found")


def config_map(name: str, **labels: str) -> Object:
    labelled = {key: value for key, value in ((MANAGED, labels.get("managed")), (RUN, labels.get("run"))) if value}
    metadata = {"name": name, "namespace": "kong", "labels": labelled}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"whose": "somebody's"}}


@pytest.fixture
def alike(killed: str) -> Iterator[list[str]]:
    """The names of ConfigMaps that look like the run's in one way or another, and are somebody's."""
    things = [
        config_map("kongip-settings", managed="kongip"),
        config_map("kongip-9876543210", run="9876543210"),
        config_map("kongip-aaaaaaaaaa"),
        config_map("copied-along", managed="kongip", run=killed),
        config_map("kongip-bbbbbbbbbb", managed="kongip", run=killed),
        config_map(f"kongip-{killed}-1", managed="kongip", run=killed),
        config_map("kongip-cccccccccc", managed="Helm", run="cccccccccc"),
        config_map("kongip-shop", managed="kongip", run="shop"),
    ]
    names = [thing["metadata"]["name"] for thing in things]
    apply(*things)
    yield names
    kubectl("delete", "configmaps", "--namespace=kong", *names)


def clean(*flags: str) -> list[str]:
    """The lines that `kongip clean` prints."""
    ended = subprocess.run(kongip("clean", *flags), capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout.splitlines()


def test_what_a_killed_run_left_goes_and_what_looks_like_it_stays(killed: str, alike: list[str]) -> None:
    before = set(left_behind())
    nothing = ["nothing of kongip's is there"]
    assert clean("--namespace", "default") == nothing
    assert clean("--run", "0000000000") == nothing
    assert clean("--older-than", "1h") == ["nothing of kongip's that old is there"]

    would = clean("--dry-run")

    assert {line.split()[2] for line in would} == {"Job", "ConfigMap", "Service", "Ingress", "Pod"}
    assert all(line.startswith("would remove ") and f"(run {killed}, " in line for line in would)
    assert set(left_behind()) == before

    removed = clean("--run", killed, "--older-than", "0s")

    assert [line.partition(" (")[0] for line in removed] == [
        line.removeprefix("would ").replace("remove", "removed", 1).partition(" (")[0] for line in would
    ]
    there = kubectl("get", "configmaps", "--namespace=kong", "--output=name").split()
    assert {f"configmap/{name}" for name in alike} <= set(there)
    assert f"configmap/kongip-{killed}" not in there
    assert clean() == nothing
    kubectl("delete", "configmaps", "--namespace=kong", f"--selector={MANAGED}=kongip")
    apply(*(config_map(name) for name in alike))
    assert_nothing_left()


def test_without_the_right_to_look_everywhere_a_namespace_is_asked_for(tmp_path: Path) -> None:
    with account([], tmp_path) as path:
        words = kongip("clean", "--kubeconfig", str(path))
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 4
    assert "jobs.batch is forbidden" in ended.stderr
    assert "--namespace NAME" in ended.stderr
