"""The scenarios for clusters of the reader's own, run here by the command that is told to readers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed import BALANCER, CONTEXT, KUBECONFIG, inside, kubectl
from tests.cluster.command import assert_nothing_left
from tests.cluster.kong import NAMESPACE, Kong, install

ROOT = Path(__file__).parents[2]
IMAGES = {"ECHO_IMAGE": "localhost/python:1", "HAPROXY_IMAGE": "localhost/haproxy:1"}
MAY_BREAK = "kongip/may-be-broken"


@pytest.fixture
def kong_to_experiment_with(cluster: None) -> Iterator[None]:
    """Kong with settings of its own, whose new pods need not keep apart from the old ones."""
    install(Kong({}, "Local", ("n2",)), BALANCER)
    kubectl("patch", f"--namespace={NAMESPACE}", "deployment/kong", '--patch={"spec":{"strategy":null}}')
    kubectl("patch", f"--namespace={NAMESPACE}", "deployment/kong", f"--patch={WITHOUT_AFFINITY}")
    kubectl("label", "namespace", NAMESPACE, f"{MAY_BREAK}=yes")
    yield
    kubectl("label", "namespace", NAMESPACE, f"{MAY_BREAK}-")
    kubectl("delete", f"--namespace={NAMESPACE}", "deployment/kong", "--wait")


WITHOUT_AFFINITY = '{"spec":{"template":{"spec":{"affinity":null}}}}'


def made(*words: str) -> subprocess.CompletedProcess[str]:
    """`make test-cluster` with these words, run from where callers of the test cluster are."""
    command = [*inside("client"), "make", "test-cluster", *words]
    environment = os.environ | IMAGES | {"KUBECONFIG": str(KUBECONFIG)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("kong_to_experiment_with")
def test_every_scenario_for_any_cluster_ends_well_and_leaves_kong_as_it_was() -> None:
    ended = made(f"CONTEXT={CONTEXT}")

    assert ended.returncode == 0, ended.stdout
    assert "10 passed" in ended.stdout, "none is skipped"
    listing = "deployments,services,configmaps"
    left = kubectl("get", listing, "--all-namespaces", "--selector=app.kubernetes.io/part-of=kongip-tests")
    assert left == ""
    assert "KONG_TRUSTED_IPS" not in kubectl("get", f"--namespace={NAMESPACE}", "deployment/kong", "--output=yaml")
    assert_nothing_left()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((f"CONTEXT={CONTEXT}",), "0 namespaces of testbed are labelled kongip/may-be-broken=yes"),
        (("CONTEXT=elsewhere",), "specified context: elsewhere"),
        ((), "Name a cluster to experiment with"),
    ],
)
def test_a_cluster_that_nobody_gave_leave_to_break_is_not_touched(words: tuple[str, ...], said: str) -> None:
    ended = made(*words)

    assert ended.returncode != 0
    assert said in ended.stdout
    assert "passed" not in ended.stdout
