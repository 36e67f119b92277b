"""Deployment and removal against a scripted API server; tests/cluster does the same against a real one."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from diagnose.cluster import api as door
from diagnose.cluster import deploy as deployment
from diagnose.cluster import waiting
from diagnose.cluster.api import TRIES, Api
from diagnose.cluster.manifests import Run
from diagnose.cluster.route import ByClass, ByGateway
from diagnose.errors import Stop
from diagnose.site import Progress
from tests.diagnose.cluster.things import gateway, scripted

RUN = Run("0123456789", "kong", "/kongip-feed", "c0ffee", "python:9", ByClass("kong"), (None,))
CODE = {"server.py": "", "inside.py": ""}
READY: dict[str, Any] = {
    "metadata": {"name": "echo-1", "namespace": "kong", "labels": {"kongip/run": "0123456789"}},
    "status": {"containerStatuses": [{"state": {"running": {}}}], "conditions": [{"type": "Ready", "status": "True"}]},
}


class Server:
    """As much of an API server as a deployment needs: what is created is there until it is deleted."""

    def __init__(self, pod: dict[str, Any] | None = None) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.refuse: dict[tuple[str, str], tuple[int, Any]] = {}
        self.drops_ttl = False
        self.pod = pod or READY
        self.orders: list[tuple[str, str, Any]] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        kind = path.split("/kong/")[1].split("/")[0]
        if (method, kind) in self.refuse:
            return self.refuse[method, kind]
        if method == "GET":
            held = [thing for place, thing in self.objects.items() if place.rpartition("/")[0] == path]
            return 200, {"items": held}
        self.orders.append((method, kind, body))
        if method == "DELETE":
            return (200, {}) if self.objects.pop(path, None) else (404, {"message": "not found"})
        return 201, self._create(path, kind, body)

    def _create(self, path: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        made = {**body, "metadata": {**body["metadata"], "uid": "u-1"}, "spec": dict(body.get("spec", {}))}
        if kind == "jobs":
            self.objects["/api/v1/namespaces/kong/pods/echo-1"] = self.pod
            if self.drops_ttl:
                del made["spec"]["ttlSecondsAfterFinished"]
        self.objects[f"{path}/{body['metadata']['name']}"] = made
        return made


@pytest.fixture
def server() -> Server:
    """An API server on which everything works."""
    return Server()


def deploy(server: Server, said: list[str] | None = None, timeout: float = 5.0, run: Run = RUN) -> deployment.Deployed:
    api, _ = scripted(server)
    return deployed(api, run, timeout, (said if said is not None else []).append)


def deployed(api: Api, run: Run, timeout: float, progress: Progress) -> deployment.Deployed:
    """All that a run makes, one after the other."""
    begun = deployment.begin(api, run, CODE, progress)
    return begun if begun.problem else deployment.finish(api, run, begun, timeout, progress)


def test_the_job_is_created_first_and_the_rest_hangs_by_it(server: Server) -> None:
    assert deploy(server).pod == READY
    assert server.orders[0][1] == "jobs"
    assert sorted(kind for _, kind, _ in server.orders) == ["configmaps", "ingresses", "jobs", "services"]
    assert all(body["metadata"]["ownerReferences"][0]["uid"] == "u-1" for _, _, body in server.orders[1:])


def test_a_cluster_that_removes_jobs_is_not_warned_of(server: Server) -> None:
    said: list[str] = []
    deploy(server, said)
    assert said == ["deploying the echo as Job kong/kongip-0123456789"]


def test_a_cluster_that_does_not_remove_jobs_is_told_of_before_more_is_made(server: Server) -> None:
    server.drops_ttl = True
    said: list[str] = []
    deploy(server, said)
    assert said[1].startswith("This cluster does not remove finished Jobs by itself")
    assert said[1].endswith("kongip clean --context test --namespace kong --run 0123456789")
    assert len(said) == 2


@pytest.mark.parametrize("kind", ["jobs", "ingresses"])
def test_a_refused_object_is_a_problem_in_the_servers_words(server: Server, kind: str) -> None:
    server.refuse["POST", kind] = (403, {"message": "exceeded quota"})
    problem = deploy(server).problem
    assert problem is not None
    assert "exceeded quota." in problem


def test_a_pod_that_never_runs_is_a_problem_after_the_time_given(server: Server) -> None:
    server.pod = {**READY, "status": {}}
    problem = deploy(server, timeout=0.1).problem
    assert problem == (
        "The echo pod did not run within 0 seconds: kongip was still waiting for a node for the echo pod."
    )


def test_a_pod_that_runs_is_waited_for_no_longer_unless_it_is_to_answer(server: Server) -> None:
    scheduled = [{"type": "PodScheduled", "status": "True"}]
    server.pod = {**READY, "status": {"containerStatuses": [{"state": {"running": {}}}], "conditions": scheduled}}
    api, _ = scripted(server)
    assert deployed(api, RUN, 5.0, lambda line: None).pod == server.pod
    waited = deployment.await_pod(api, RUN, 0.1, lambda line: None, waiting.is_ready)
    assert waited.problem is not None
    assert "still waiting for the echo to answer" in waited.problem


def test_an_image_that_cannot_be_pulled_is_a_problem_at_once(server: Server) -> None:
    waits = {"state": {"waiting": {"reason": "ErrImagePull", "message": "gone"}}}
    server.pod = {**READY, "status": {"containerStatuses": [waits]}}
    problem = deploy(server).problem
    assert problem is not None
    assert "python:9" in problem


def test_an_unschedulable_pod_is_given_some_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    server.pod = {**READY, "status": {"conditions": [condition]}}
    assert "did not run" in (deploy(server, timeout=0.1).problem or "")
    monkeypatch.setattr(deployment, "UNSCHEDULABLE_PATIENCE", 0.0)
    assert "cannot be scheduled: no node." in (deploy(server).problem or "")


def test_removal_leaves_nothing_and_may_be_done_twice(server: Server) -> None:
    deploy(server)
    api, _ = scripted(server)
    assert deployment.remove(api, RUN) == ()
    assert server.objects == {}
    assert deployment.remove(api, RUN) == ()
    deletions = [(kind, body) for method, kind, body in server.orders if method == "DELETE"]
    assert deletions[0][0] == "jobs"
    assert deletions[0][1]["propagationPolicy"] == "Background"


def test_what_cannot_be_removed_is_named_with_the_command_that_does(server: Server) -> None:
    deploy(server)
    server.refuse["DELETE", "ingresses"] = (403, {"message": "forbidden."})
    api, _ = scripted(server)
    assert deployment.remove(api, RUN) == (
        "Ingress kong/kongip-0123456789 could not be removed (forbidden); remove it with: "
        "kongip clean --context test --namespace kong --run 0123456789",
    )


def test_http_routes_are_made_and_removed_as_the_ingress_is(server: Server) -> None:
    run = replace(RUN, route=ByGateway(gateway()), hosts=(None, "shop.example"))
    assert deploy(server, run=run).pod == READY
    made = [body["metadata"]["name"] for method, kind, body in server.orders if kind == "httproutes"]
    assert sorted(made) == ["kongip-0123456789", "kongip-0123456789-1"]
    assert "ingresses" not in {kind for _, kind, _ in server.orders}
    api, _ = scripted(server)
    assert deployment.remove(api, run) == ()
    assert server.objects == {}


def test_http_routes_that_cannot_be_removed_are_each_named_with_the_command_that_does(server: Server) -> None:
    run = replace(RUN, route=ByGateway(gateway()), hosts=(None, "shop.example"))
    deploy(server, run=run)
    server.refuse["DELETE", "httproutes"] = (403, {"message": "forbidden"})
    api, _ = scripted(server)
    left = deployment.remove(api, run)
    assert [line.partition(" could")[0] for line in left] == [
        "HTTPRoute kong/kongip-0123456789",
        "HTTPRoute kong/kongip-0123456789-1",
    ]
    assert "kongip clean --context test --namespace kong --run 0123456789" in left[0]


def test_what_is_not_the_runs_own_is_never_deleted(server: Server) -> None:
    deploy(server)
    server.pod["metadata"] = {**server.pod["metadata"], "labels": {"app": "shop"}}
    api, _ = scripted(server)
    assert deployment.remove(api, RUN) == ()
    assert [kind for method, kind, _ in server.orders if method == "DELETE" and kind == "pods"] == []


def test_a_pod_on_its_way_out_counts_as_removed(server: Server) -> None:
    deploy(server)
    server.refuse["DELETE", "pods"] = (403, {"message": "forbidden"})
    server.pod["metadata"] = {**server.pod["metadata"], "deletionTimestamp": "2025-11-24T10:00:00Z"}
    api, _ = scripted(server)
    assert deployment.remove(api, RUN) == ()


class Faulty(Server):
    """An API server of which one request, and the same one later, is answered amiss some times: ``how`` tells how.

    Objects are found by name, and a name is taken once.
    """

    def __init__(self, number: int, times: int, how: str) -> None:
        super().__init__()
        self._number, self._times, self._how = number, times, how
        self._requests = 0
        self._bad: tuple[str, str] | None = None
        self._late: list[tuple[str, str, Any]] = []
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        with self._lock:
            self._requests += 1
            self._bad = (method, path) if self._requests == self._number else self._bad
            if self._bad != (method, path) or self._times == 0:
                return self._answer(method, path, body)
            self._times -= 1
            if self._how == "late" and method == "POST":
                self._late.append((method, path, body))
            elif self._how != "refused":
                self._answer(method, path, body)
            if self._how in ("cut off", "late"):
                raise ConnectionResetError(errno.ECONNRESET, "connection reset by peer")
            return 500, {"message": "a bad moment"}

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "GET" and self._late and self._deleted:
            super().__call__(*self._late.pop())
        if method == "GET" and path in self.objects:
            return 200, self.objects[path]
        if method == "POST" and f"{path}/{body['metadata']['name']}" in self.objects:
            return 409, {"message": "already exists"}
        return super().__call__(method, path, body)

    @property
    def _deleted(self) -> bool:
        return any(method == "DELETE" for method, _, _ in self.orders)


@pytest.mark.parametrize("how", ["refused", "done but refused", "cut off", "late"])
@pytest.mark.parametrize("times", [1, TRIES, TRIES + 1])
def test_whichever_request_goes_amiss_nothing_is_left_and_nothing_is_said_to_be(
    how: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (door, deployment):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: None))
    monkeypatch.setattr(deployment, "SOON", 0.0)
    for number in range(1, 12):
        server = Faulty(number, times, how)
        api, _ = scripted(server)
        with contextlib.suppress(Stop):
            deployed(api, RUN, 0.2, lambda line: None)
        told = deployment.remove(api, RUN)
        left = [path for path in server.objects if "/pods/" not in path]  # a pod goes with its Job
        assert (left, told) == ([], ()), f"request {number}: {server._bad}"
