"""Captures on nodes by Jobs, against a scripted API server; tests/cluster does the same on a real one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from diagnose.capture.connections import Point
from diagnose.cluster import deploy
from diagnose.cluster.capturing import Capturing, code
from diagnose.cluster.objects import name_of
from diagnose.errors import Stop
from diagnose.path.traffic import Layer
from tests.diagnose.cluster.things import scripted

RUN = Capturing("0123456789", "probing", "python:9", ("n1", "n2"), (80, 8000))
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


class Server:
    """As much of an API server as captures need: a Job's pod is there once its Job is."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.order: list[tuple[str, str]] = []
        self.refused: dict[tuple[str, str], tuple[int, Any]] = {}
        self.status: dict[str, Any] = READY

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        kind = path.split("/probing/")[1].split("/")[0]
        if (method, kind) in self.refused:
            return self.refused[method, kind]
        if method == "GET":
            return 200, {"items": [one for place, one in self.objects.items() if place.rpartition("/")[0] == path]}
        self.order.append((method, kind))
        if method == "DELETE":
            return (200, {}) if self.objects.pop(path, None) else (404, {"message": "not found"})
        made = {**body, "metadata": {**body["metadata"], "uid": "u-1"}}
        self.objects[f"{path}/{name_of(made)}"] = made
        if kind == "jobs":
            labels = body["spec"]["template"]["metadata"]["labels"]
            pod = {"metadata": {"name": f"{name_of(made)}-abcde", "namespace": "probing", "labels": labels}}
            self.objects[f"/api/v1/namespaces/probing/pods/{name_of(pod)}"] = {**pod, "status": self.status}
        return 201, made

    def named(self, kind: str) -> list[dict[str, Any]]:
        return [one for path, one in self.objects.items() if f"/{kind}/" in path]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server on which everything works, asked without pauses."""
    monkeypatch.setattr(deploy, "POLL", 0.01)
    monkeypatch.setattr(deploy, "REMOVAL_PATIENCE", 0.05)
    return Server()


def start(server: Server, timeout: float = 1.0) -> dict[Point, str]:
    pods = RUN.start(scripted(server)[0], timeout, lambda line: None)
    return {point: name_of(pod) for point, pod in pods.items()}


def test_each_node_gets_a_pod_of_its_own_and_all_hangs_by_jobs_with_an_end(server: Server) -> None:
    assert start(server) == {
        Point("node n1", Layer.NODE): "kongip-0123456789-0-abcde",
        Point("node n2", Layer.NODE): "kongip-0123456789-1-abcde",
    }
    assert server.order == [("POST", "jobs"), ("POST", "configmaps"), ("POST", "jobs")]
    specs = [job["spec"] for job in server.named("jobs")]
    assert [spec["template"]["spec"]["nodeName"] for spec in specs] == ["n1", "n2"]
    assert {(spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) for spec in specs} == {(120, 60)}
    [held] = server.named("configmaps")
    assert held["data"] == {"sniffing.py": code()}
    assert [(one["kind"], one["uid"]) for one in held["metadata"]["ownerReferences"]] == [("Job", "u-1")]


def test_a_capturing_pod_may_open_packet_sockets_and_nothing_else(server: Server) -> None:
    start(server)
    spec = server.named("jobs")[0]["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW"]}
    assert (container["securityContext"]["readOnlyRootFilesystem"], spec["automountServiceAccountToken"]) == (
        True,
        False,
    )
    assert "privileged" not in str(spec)
    assert all("hostPath" not in volume for volume in spec["volumes"])


def test_what_is_planned_names_the_nodes_the_namespace_and_the_rights_of_the_pods() -> None:
    assert all(word in RUN.plan for word in ("n1, n2", "namespace probing", "NET_RAW", "the node's own network"))


def test_all_of_it_is_removed_the_jobs_first(server: Server) -> None:
    start(server)
    server.order.clear()
    assert RUN.remove(scripted(server)[0]) == ()
    assert server.objects == {}
    assert server.order[:2] == [("DELETE", "jobs")] * 2


def test_what_cannot_be_removed_is_named_with_the_command_that_does_it(server: Server) -> None:
    start(server)
    server.refused["DELETE", "configmaps"] = 403, {"message": "forbidden: not yours"}
    [left] = RUN.remove(scripted(server)[0])
    assert left.startswith("ConfigMap probing/kongip-0123456789-0 could not be removed (forbidden: not yours)")
    assert left.endswith("kongip clean --context test --namespace probing --run 0123456789")


REFUSED = {"reason": "FailedCreate", "message": "no host network"}
WAITING = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}


@pytest.mark.parametrize(
    ("refused", "status", "told"),
    [
        ({("POST", "configmaps"): (403, {"message": "exceeded quota"})}, READY, "refuses a ConfigMap.*exceeded quota"),
        ({}, WAITING, r"The image python:9 of the capturing pod cannot be pulled \(ErrImagePull\).*\(node n1\)"),
        ({}, {}, "did not all run within 0 seconds"),
        (
            {("GET", "pods"): (200, {"items": []}), ("GET", "events"): (200, {"items": [REFUSED]})},
            READY,
            "The cluster refuses the capturing pod: no host network",
        ),
    ],
    ids=["refused", "no image", "slow", "no pod"],
)
def test_captures_that_do_not_begin_are_told_why(
    server: Server, refused: dict[tuple[str, str], tuple[int, Any]], status: dict[str, Any], told: str
) -> None:
    server.refused, server.status = refused, status
    with pytest.raises(Stop, match=told):
        start(server, timeout=0.05)


def test_one_node_takes_one_job(server: Server) -> None:
    replace(RUN, nodes=("n1",)).start(scripted(server)[0], 1.0, lambda line: None)
    assert [name_of(job) for job in server.named("jobs")] == ["kongip-0123456789-0"]
