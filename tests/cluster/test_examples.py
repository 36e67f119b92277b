"""The examples of docs/pipelines.md that run inside a cluster, run there as they stand, with the rights they name.

The bed has no registry: the image is Python alone, into which kongip and what it needs are mounted; and no DNS: the API
server's name is written into the pod.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.accounts import admitted
from tests.cluster.bed import Object, apply, get, kubectl, until
from tests.cluster.command import KONGIP
from tests.cluster.topologies import built
from tests.test_docs import ROOT
from tests.test_examples import INSIDE, documents, pod_of

API_SERVICE = "10.96.0.1"
MOUNTED = {"kongip": str(ROOT), "packages": sysconfig.get_path("purelib")}
LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
"""The machine's, of which the image holds some: packages with compiled parts want more of them."""


def fit_for_the_bed(thing: Object, *arguments: str) -> Object:
    """A manifest with an image that the bed has, kongip mounted into it, and these further arguments."""
    pod = pod_of(thing)
    pod["hostAliases"] = [{"ip": API_SERVICE, "hostnames": ["kubernetes.default.svc"]}]
    mounted = MOUNTED | {"libraries": LIBRARIES}
    pod.setdefault("volumes", []).extend({"name": name, "hostPath": {"path": path}} for name, path in mounted.items())
    [container] = pod["containers"]
    container["image"] = "localhost/python:1"
    container["args"] += ["--image", "localhost/python:1", *arguments]
    container["env"] = [
        {"name": "PYTHONPATH", "value": ":".join(f"/opt/{name}" for name in MOUNTED)},
        {"name": "LD_LIBRARY_PATH", "value": "/opt/libraries"},
    ]
    places = ({"name": name, "mountPath": f"/opt/{name}", "readOnly": True} for name in mounted)
    container.setdefault("volumeMounts", []).extend(places)
    return thing


@pytest.fixture
def account() -> Iterator[None]:
    """What docs/examples/inside.yaml makes, with the rights that it names."""
    words = [str(KONGIP), "rbac", "--namespace", "kong", "--service-account", "kong/kongip"]
    rights = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    kubectl("apply", "--filename=-", text=rights)
    apply(*documents("inside.yaml"))
    with admitted("kong", "kongip"):  # kongip is mounted from the machine, which the bed allows few
        yield
    kubectl("delete", "--filename=-", text=rights)
    kubectl("delete", "--namespace=kong", "serviceaccount/kongip", "configmap/kongip-kubeconfig")


def ended(pod: str) -> str | None:
    """How the pod's container ended, None while it runs."""
    phase: str = get("pod", "--namespace=kong", pod)["status"]["phase"]
    return phase if phase in ("Succeeded", "Failed") else None


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("name", INSIDE)
def test_an_example_from_inside_runs_and_says_that_it_is_inside(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with built(topologies.PASSING, tmp_path):
        request.getfixturevalue("account")
        [thing] = documents(name)
        apply(fit_for_the_bed(thing, "--output", "json"))
        where, kind, own = "--namespace=kong", thing["kind"].lower(), thing["metadata"]["name"]
        try:
            selector = f"--selector=job-name={own}" if kind == "job" else f"--field-selector=metadata.name={own}"
            until("its pod is there", lambda: bool(get("pods", where, selector)["items"]))
            [pod] = [one["metadata"]["name"] for one in get("pods", where, selector)["items"]]
            until("it has ended", lambda: ended(pod) is not None, 120)
            log = kubectl("logs", where, pod)
        finally:
            kubectl("delete", where, f"{kind}/{own}", "--wait=false")

    assert log.startswith("{"), log
    report = json.loads(log)
    assert report["caller"]["vantage"] == "inside"
    assert report["verdict"] == "preserved", report["headline"]
    assert "inside" in report["headline"]
