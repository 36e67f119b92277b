"""What a cluster asks of a pod before it lets it in: the echo passes, or what keeps it out is told."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import Object, apply, get, kubectl, until
from tests.cluster.command import Run, assert_nothing_left, diagnose, kongip, left_behind

OURS = "--selector=app.kubernetes.io/managed-by=kongip"


@pytest.fixture(scope="module")
def kong(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Kong pod behind a balancer that passes packets through."""
    with topologies.built(topologies.PASSING, tmp_path_factory.mktemp("kong")):
        yield


pytestmark = pytest.mark.usefixtures("kong")


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of its own, removed with all that is in it."""
    name = f"kongip-test-{secrets.token_hex(3)}"
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def during(*arguments: str, kind: str = "pods") -> list[Object]:
    """The objects of a kind that a run with these flags has made once its pod runs; the run is then ended."""
    command = kongip("diagnose", "--image", "localhost/python:1", "--quiet", *arguments)
    things: list[Object] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def running() -> bool:
            things[:] = get(kind, "-A", OURS)["items"]  # first: once its pod runs the run may be over in no time
            pods = things if kind == "pods" else get("pods", "-A", OURS)["items"]
            return any(pod["status"]["phase"] == "Running" for pod in pods)

        until("the echo pod runs", running)
        process.terminate()
    assert_nothing_left()
    return things


def problem(run: Run) -> str:
    """What kept the echo from running, as the report tells it."""
    assert run.report is not None, run.errors
    [finding] = [one for one in run.report["findings"] if one["code"] == "KIP602"]
    return str(finding["because"][0])


def test_the_echo_pod_passes_the_policy_that_is_called_restricted() -> None:
    [pod] = during()
    assert pod["metadata"]["annotations"]["kubernetes.io/psp"] == "restricted"
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = [one["mountPath"] for one in pod["spec"]["containers"][0]["volumeMounts"]]
    assert mounts == ["/kongip", "/kongip-compiled"], "no token among them"


def test_that_policy_is_enforced_on_the_pods_of_jobs(namespace: str) -> None:
    container = {"name": "a", "image": "localhost/python:1", "securityContext": {"privileged": True}}
    job: Object = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": namespace}}
    job["spec"] = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    apply(job)

    def refusals() -> list[str]:
        events = get("events", f"--namespace={namespace}")["items"]
        return [one["message"] for one in events if one["reason"] == "FailedCreate"]

    until("the pod is refused", lambda: bool(refusals()))
    assert "PodSecurityPolicy: unable to admit pod" in refusals()[0]
    assert "Privileged containers are not allowed" in refusals()[0]


def limited(namespace: str, memory: str) -> None:
    """A quota that counts what pods ask for and may take, and limits of each container."""
    hard = {"pods": "2", "requests.cpu": "100m", "requests.memory": "64Mi", "limits.cpu": "1", "limits.memory": memory}
    head = {"apiVersion": "v1", "metadata": {"name": "tight", "namespace": namespace}}
    container = {"type": "Container", "max": {"cpu": "1", "memory": memory}, "min": {"cpu": "5m", "memory": "16Mi"}}
    apply(
        {**head, "kind": "ResourceQuota", "spec": {"hard": hard}},
        {**head, "kind": "LimitRange", "spec": {"limits": [container]}},
    )
    until("the quota counts", lambda: "hard" in get("resourcequota", "tight", f"--namespace={namespace}")["status"])


def test_the_echo_fits_into_a_tight_quota_and_limits(namespace: str) -> None:
    limited(namespace, "128Mi")
    run = diagnose("--namespace", namespace)
    assert run.report is not None, run.errors
    assert (run.status, [one["code"] for one in run.report["findings"] if one["code"] == "KIP602"]) == (0, [])
    assert_nothing_left()


def test_limits_that_are_too_tight_are_told_in_the_clusters_words(namespace: str) -> None:
    limited(namespace, "64Mi")
    said = problem(diagnose("--namespace", namespace))
    assert said.startswith("The cluster refuses the echo pod: ")
    assert "maximum memory usage per Container is 64Mi" in said
    assert_nothing_left()


def test_an_image_that_cannot_be_pulled_is_told() -> None:
    said = problem(diagnose("--image", "localhost/no-such-image:1"))
    assert said.startswith("The image localhost/no-such-image:1 of the echo pod cannot be pulled")
    assert_nothing_left()


def test_the_echo_runs_on_a_tainted_node_that_is_named_by_its_label() -> None:
    chosen = ("--node-selector", "kubernetes.io/hostname=n3")
    kubectl("taint", "node", "n3", "dedicated=infra:NoSchedule")
    try:
        kept_out = problem(diagnose(*chosen))
        let_in = [during(*chosen, "--toleration", told) for told in ("dedicated=infra:NoSchedule", "dedicated")]
    finally:
        kubectl("taint", "node", "n3", "dedicated:NoSchedule-")
    assert kept_out.startswith("The echo pod cannot be scheduled: ")
    assert [pod["spec"]["nodeName"] for [pod] in let_in] == ["n3", "n3"]


def test_a_network_policy_is_made_for_the_echo_alone_and_goes_with_it() -> None:
    before = get("networkpolicies", "-A")["items"]
    [policy] = during("--network-policy", kind="networkpolicies")
    [owner] = policy["metadata"]["ownerReferences"]
    run = policy["metadata"]["labels"]["kongip/run"]
    assert (owner["kind"], owner["name"], policy["metadata"]["name"]) == ("Job", f"kongip-{run}", f"kongip-{run}")
    assert policy["spec"]["podSelector"]["matchLabels"]["kongip/run"] == run
    assert policy["spec"]["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]
    assert get("networkpolicies", "-A")["items"] == before


def test_no_network_policy_is_made_unasked() -> None:
    assert during(kind="networkpolicies") == []


def test_a_killed_runs_network_policy_goes_with_its_job(tmp_path: Path) -> None:
    command = kongip("diagnose", "--image", "localhost/python:1", "--quiet", "--network-policy")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until("it is there", lambda: any(one.startswith("NetworkPolicy/") for one in left_behind()))
        process.kill()
    began = time.monotonic()
    kubectl("delete", "jobs", "-A", OURS, "--wait=false")
    until("all but pods is gone", lambda: all(one.startswith("Pod/") for one in left_behind()))
    assert time.monotonic() - began < 60
    # kubelet 1.20 may take two minutes to let go of a pod that is deleted amid its start.
    kubectl("delete", "pods", "-A", OURS, "--grace-period=0", "--force")
    assert_nothing_left()
