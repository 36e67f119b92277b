"""Captures in Kong's pods by ephemeral containers, against an API server that answers as Kubernetes 1.25 does."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import CookedLinuxV2
from scapy.utils import PcapWriter

from diagnose.capture.connections import Connection
from diagnose.cluster import capture as place
from diagnose.cluster import capturing, deploy, ephemeral
from diagnose.cluster.api import Api
from diagnose.cluster.capture import Asked, capture
from diagnose.cluster.ephemeral import Attaching
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.replies import Executed, Object, Reply
from diagnose.cluster.snapshot import PATHS
from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Layer
from tests.diagnose.cluster import things
from tests.diagnose.cluster.things import NO_RULES, controller_workload, ingress_class, kong_pod, proxy_service, serving

PODS = "/api/v1/namespaces/kong/pods"
RESOURCES = [{"name": "pods", "kind": "Pod"}, {"name": "pods/ephemeralcontainers", "kind": "Pod"}]
KONG, CLIENT, UPSTREAM = "10.78.1.5", "198.51.100.9", "10.78.1.9"


class Cluster:
    """A Kong with two pods. An ephemeral container runs and listens as soon as it is told, unless ``state`` is set."""

    def __init__(self, captured: bytes) -> None:
        self.pods = [kong_pod("kong-1", KONG), kong_pod("kong-2", "10.78.1.6")]
        for pod in self.pods:
            pod["metadata"]["uid"] = f"uid of {pod['metadata']['name']}"
        self.resources: list[dict[str, str]] | None = RESOURCES
        self.lacking: set[tuple[str, str]] = set()
        self.refused: dict[str, tuple[int, Any]] = {}
        self.state: dict[str, Any] = {"running": {}}
        self.obeys = True
        self.patched: list[tuple[str, Any, str]] = []
        self.executed: list[tuple[str, str, str]] = []
        self._captured = captured
        self._collections = {
            PATHS["ingressclasses"]: [ingress_class()],
            PATHS["services"]: [proxy_service()],
            PATHS["deployments"]: [controller_workload()],
            PODS: self.pods,
        }

    def __call__(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, Any]:
        if path == "/api/v1":
            return (200, {"resources": self.resources}) if self.resources is not None else (403, {"message": "no"})
        if path.endswith("selfsubjectrulesreviews"):
            return NO_RULES
        if path.endswith("selfsubjectaccessreviews"):
            one = body["spec"]["resourceAttributes"]
            asked = one["verb"], "/".join(filter(None, (one["resource"], one["subresource"])))
            return 201, {"status": {"allowed": asked not in self.lacking}}
        if method == "PATCH":
            return self._patch(path, body, headers["Content-Type"])
        assert method == "GET"
        return serving(self._collections)(method, path, body)

    def _patch(self, path: str, body: Any, kind: str) -> tuple[int, Any]:
        name, part = path.removeprefix(f"{PODS}/").split("/")
        if name in self.refused:
            return self.refused[name]
        assert part == "ephemeralcontainers"
        self.patched.append((name, body, kind))
        pod = self.pod(name)
        pod["spec"].setdefault("ephemeralContainers", []).extend(body["spec"]["ephemeralContainers"])
        told = [{"name": one["name"], "state": self.state} for one in body["spec"]["ephemeralContainers"]]
        pod["status"].setdefault("ephemeralContainerStatuses", []).extend(told)
        return 200, pod

    def pod(self, name: str) -> Object:
        return next(one for one in self.pods if one["metadata"]["name"] == name)

    def states(self) -> list[str]:
        """The state of every ephemeral container."""
        told = [one for pod in self.pods for one in pod["status"].get("ephemeralContainerStatuses", ())]
        return [state for one in told for state in one["state"]]

    def execute(self, pod: str, container: str, code: str) -> Executed | Reply:
        """What the program of the container would make of a command beside it."""
        [status] = self.pod(pod)["status"].get("ephemeralContainerStatuses") or [None]
        if status is None or "running" not in status["state"]:
            return Reply(400, b'{"message": "container not found"}')
        assert status["name"] == container
        self.executed.append((pod, container, code))
        if "os.remove" in code and self.obeys:
            status["state"] = {"terminated": {"exitCode": 0}}
        return Executed(0, self._captured if "copyfileobj" in code else b"", b"")


class Transport:
    """Hands requests to the cluster as the client library's ApiClient would, headers included."""

    def __init__(self, cluster: Cluster) -> None:
        self._plain = things.Transport(lambda method, path, body: cluster(method, path, body, self._headers))
        self.configuration = self._plain.configuration
        self.param_serialize = self._plain.param_serialize
        self.close = self._plain.close
        self._headers: Any = None

    def call_api(self, method: str, url: str, headers: Any, *more: Any, **named: Any) -> Any:
        self._headers = headers
        return self._plain.call_api(method, url, headers, *more, **named)


class Executing(Api):
    """An Api whose commands in pods are the cluster's."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(Transport(cluster), "test")
        self._cluster = cluster

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
    ) -> Executed | Reply:
        assert (namespace, list(command[:2]), stdin) == ("kong", ["python3", "-c"], b"")
        return self._cluster.execute(pod, container, command[2])


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster that is found whatever the context; its probes are sent nowhere."""
    made = Cluster(arrival(tmp_path))
    monkeypatch.setattr(place, "connect", lambda *_: Executing(made))
    monkeypatch.setattr(place, "SETTLING", 0.0)
    monkeypatch.setattr(deploy, "POLL", 0.01)
    monkeypatch.setattr(deploy, "REMOVAL_PATIENCE", 0.05)
    monkeypatch.setattr("probes.send.send_all", lambda probes, timeout: [])
    return made


def arrival(folder: Path) -> bytes:
    """A capture in a pod: a connection that came to Kong, and one that Kong made."""
    with PcapWriter(str(folder / "made.pcap"), linktype=276) as writer:
        for way in (
            IP(src=CLIENT, dst=KONG) / TCP(sport=40000, dport=8000),
            IP(src=KONG, dst=UPSTREAM) / TCP(sport=50000, dport=8080, seq=9),
        ):
            for packet in (way, way.__class__(bytes(way)) / b"GET / HTTP/1.1\r\nHost: kong.test\r\n\r\n"):
                segment: Any = packet
                segment[TCP].flags = "PA" if segment[TCP].payload else "S"
                segment[TCP].seq += bool(segment[TCP].payload)
                writer.write(CookedLinuxV2(proto=0x0800) / IP(bytes(segment)))
    return (folder / "made.pcap").read_bytes()


def captured(complaints: list[str] | None = None, *, consent: bool = True, timeout: float = 1.0) -> list[Connection]:
    """What `kongip capture --context test --ephemeral` finds."""
    asked = Asked(
        ClusterOptions(execute=False, echo=False, timeout=timeout), 1, timeout=1.0, consent=consent, ephemeral=True
    )
    told: list[str] = [] if complaints is None else complaints
    return capture(asked, lambda line: None, told.append)


def test_every_pod_is_captured_in_and_what_it_sends_on_is_its_own(cluster: Cluster) -> None:
    complaints: list[str] = []
    seen = captured(complaints)

    assert [(one.point.name, one.source) for one in seen] == [
        ("pod kong/kong-1", CLIENT),
        ("pod kong/kong-1", KONG),
        ("pod kong/kong-2", CLIENT),
        ("pod kong/kong-2", KONG),
    ]
    assert {one.point.layer for one in seen} == {Layer.GATEWAY}
    assert cluster.states() == ["terminated", "terminated"]
    assert complaints == []


def test_in_the_network_of_a_node_kong_is_where_its_address_is(cluster: Cluster) -> None:
    cluster.pods.pop()
    cluster.pods[0]["spec"]["hostNetwork"] = True
    assert [(one.point.name, one.point.layer, one.source) for one in captured()] == [
        ("node n1, to Kong's pod", Layer.GATEWAY, CLIENT),
        ("node n1", Layer.NODE, KONG),
    ]


def test_a_container_is_added_by_a_strategic_merge_and_may_do_nothing_but_capture(cluster: Cluster) -> None:
    captured()
    [(_, body, kind), _] = cluster.patched
    [container] = body["spec"].pop("ephemeralContainers")

    assert kind == "application/strategic-merge-patch+json"
    assert body == {"spec": {}}
    assert container["securityContext"] == {
        "runAsUser": 0,
        "runAsNonRoot": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
    }
    # Of what Kubernetes forbids an ephemeral container there is nothing (core/v1 EphemeralContainer).
    assert not {"resources", "ports", "livenessProbe", "readinessProbe", "lifecycle", "volumeMounts"} & container.keys()
    assert container["command"][:3] == ["python3", "-c", capturing.code()]
    assert "$(" not in capturing.code()  # Kubernetes would put a variable in its place
    assert {"--seconds", "120"} <= set(container["command"])


def test_without_consent_nothing_is_made_and_it_is_told_what_would_be(cluster: Cluster) -> None:
    with pytest.raises(Stop) as stopped:
        captured(consent=False)

    assert stopped.value.status == USAGE
    assert "kong/kong-1, kong/kong-2" in stopped.value.what
    assert "120 seconds after its start at the latest" in stopped.value.what
    assert "cannot remove it" in stopped.value.what
    assert cluster.patched == []


@pytest.mark.parametrize("right", [("patch", "pods/ephemeralcontainers"), ("create", "pods/exec")], ids=" ".join)
def test_a_right_that_is_missing_is_named_before_anything_is_made(cluster: Cluster, right: tuple[str, str]) -> None:
    cluster.lacking = {right}
    with pytest.raises(Stop, match=f"{' '.join(right)} in namespace kong"):
        captured()
    assert cluster.patched == []


OLD = [[RESOURCES[0]], [RESOURCES[0], {"name": "pods/ephemeralcontainers", "kind": "EphemeralContainers"}]]


@pytest.mark.parametrize("resources", OLD, ids=["1.20", "1.20, its gate on"])
def test_where_the_api_does_not_offer_it_that_is_told_and_what_does_without(
    cluster: Cluster, resources: list[dict[str, str]]
) -> None:
    cluster.resources = resources
    with pytest.raises(Stop, match=r"offers no ephemeral containers: Kubernetes 1\.23 does") as stopped:
        captured(consent=False)
    assert stopped.value.remedy == ephemeral.WITHOUT


def test_where_the_api_does_not_say_it_is_tried(cluster: Cluster) -> None:
    cluster.resources = None
    assert captured()


def test_a_refusal_is_told_in_the_clusters_words_and_what_had_begun_is_ended(cluster: Cluster) -> None:
    words = 'pods "kong-2" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities'
    cluster.refused["kong-2"] = 403, {"message": words}
    with pytest.raises(Stop) as stopped:
        captured()

    assert stopped.value.what == f"The cluster refuses an ephemeral container in pod kong/kong-2: {words}."
    assert stopped.value.remedy == ephemeral.WITHOUT
    assert cluster.states() == ["terminated"]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (
            {"terminated": {"exitCode": 1, "reason": "Error", "message": "cannot capture: Operation not permitted\n"}},
            "ended at once (exit status 1): cannot capture: Operation not permitted.",
        ),
        ({"waiting": {"reason": "ErrImagePull", "message": "not found"}}, "(ErrImagePull): not found. Name an image"),
        ({"waiting": {"reason": "ContainerCreating"}}, "did not listen within 0 seconds."),
        ({}, "did not listen within 0 seconds."),
    ],
    ids=["terminated", "no image", "slow", "unknown"],
)
def test_a_container_that_does_not_come_to_listen_is_told_why(
    cluster: Cluster, state: dict[str, Any], told: str
) -> None:
    cluster.state = state
    complaints: list[str] = []
    with pytest.raises(Stop) as stopped:
        captured(complaints, timeout=0.05)

    assert told in stopped.value.what
    assert bool(complaints) is ("terminated" not in state)  # it may yet begin
    assert all("ends by itself 120 seconds after its start" in line for line in complaints)


def test_a_container_that_goes_on_is_named_with_the_time_of_its_end(cluster: Cluster) -> None:
    cluster.obeys = False
    complaints: list[str] = []
    captured(complaints)

    [name] = {container for _, container, _ in cluster.executed}
    assert complaints == [
        f"The ephemeral container {name} in pod kong/{pod} may not have ended; it ends by itself 120 seconds after its "
        "start"
        for pod in ("kong-1", "kong-2")
    ]


def test_a_pod_that_has_gone_meanwhile_is_not_waited_for(cluster: Cluster) -> None:
    tap = Attaching("0123456789", "python:9", tuple(cluster.pods), (80,))
    api = Executing(cluster)
    tap.start(api, 1.0, lambda line: None)
    cluster.pods.clear()
    assert tap.remove(api) == ()


def test_a_capture_that_is_full_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MOST_BYTES", struct.calcsize("IHHiIII"))
    complaints: list[str] = []
    captured(complaints)
    assert complaints[0] == "the capture of pod kong/kong-1 is full: what came there later is not in it"
