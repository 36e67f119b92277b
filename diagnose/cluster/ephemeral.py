"""Packets captured within Kong's pods, by an ephemeral container in each, where the API offers these.

Such a container is in its pod's own network and has the capability NET_RAW, nothing else. It cannot be removed, it only
ends: once it was read, and at its deadline at the latest. Its pod lists it for as long as the pod is there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from diagnose.capture.connections import Point
from diagnose.cluster import capturing, deploy, waiting
from diagnose.cluster.api import Api
from diagnose.cluster.kinds import POD
from diagnose.cluster.objects import at, full_name, name_of, namespace_of
from diagnose.cluster.replies import Executed, Object
from diagnose.cluster.rights import ATTACHING, Need
from diagnose.errors import Stop
from diagnose.path.traffic import Layer
from diagnose.site import Progress

PART = "ephemeralcontainers"
WITHOUT = "Leave --ephemeral out: pods on the nodes then capture."
MEMORY = 64
"""The most MiB that a container takes: of a pod's memory, since an ephemeral container has no limit of its own."""


def offered(api: Api) -> bool | None:
    """Whether the API takes ephemeral containers as parts of a pod; None where it does not say what it takes.

    Before Kubernetes 1.22 they had a kind of their own, and only where a feature gate was set.
    """
    reply = api.get("/api/v1")
    if not reply.ok:
        return None
    kinds = {one.get("name"): one.get("kind") for one in reply.object().get("resources") or ()}
    return kinds.get(f"{POD.plural}/{PART}") == POD.kind


@dataclass(frozen=True, slots=True)
class Attaching:
    """One run's captures: Kong's pods, and the TCP ports that are listened to. ``deadline`` is in seconds, for each."""

    id: str
    image: str
    pods: tuple[Object, ...]
    ports: tuple[int, ...]
    deadline: int = 120

    @property
    def needs(self) -> tuple[Need, ...]:
        """The rights that it takes."""
        return ATTACHING

    @property
    def plan(self) -> str:
        """What is going to be made, for who has to agree to it."""
        return (
            f"To capture in {', '.join(map(full_name, self.pods))}, an ephemeral container is put into each, with the "
            f"capability NET_RAW and in the pod's network. It takes up to {MEMORY} MiB of the pod's memory, and ends "
            f"once it was read, {self.deadline} seconds after its start at the latest. Kubernetes cannot remove it: it "
            "stays listed in the pod until the pod goes."
        )

    @property
    def name(self) -> str:
        """The name of the container, in every pod the same."""
        return f"kongip-{self.id}"

    @property
    def file(self) -> str:
        """Where the capture is: in memory, which containers of a pod share; the root is not to be written."""
        return f"/dev/shm/{self.name}.pcap"

    def start(self, api: Api, timeout: float, progress: Progress) -> Mapping[Point, Object]:
        """Each pod, once a container in all of them listens. Stop where one does not in ``timeout`` seconds."""
        progress(f"capturing in {', '.join(map(full_name, self.pods))} by ephemeral containers")
        for pod in self.pods:
            self._attach(api, pod)
        deadline = time.monotonic() + timeout
        for pod in self.pods:
            self._await(api, pod, deadline, timeout)
        return {_point(pod): pod for pod in self.pods}

    def collect(self, api: Api, pod: Object) -> bytes:
        """What was captured in a pod so far, as pcap. Stop where it cannot be asked."""
        return capturing.shown(api, pod, self.name, self.file)

    def remove(self, api: Api) -> tuple[str, ...]:
        """End all that the run started, and say what still goes on."""
        try:
            for pod in self.pods:
                if self._runs(api, pod):
                    remove = f"import os; os.remove({self.file!r})"
                    api.execute(namespace_of(pod), name_of(pod), self.name, ["python3", "-c", remove], b"", 10.0)
            deadline = time.monotonic() + deploy.REMOVAL_PATIENCE
            while (left := [pod for pod in self.pods if self._runs(api, pod)]) and time.monotonic() < deadline:
                time.sleep(deploy.POLL)
        except Stop:
            left = list(self.pods)
        return tuple(
            f"The ephemeral container {self.name} in pod {full_name(pod)} may not have ended; it ends by itself "
            f"{self.deadline} seconds after its start"
            for pod in left
        )

    def _attach(self, api: Api, pod: Object) -> None:
        path = f"{POD.collection(namespace_of(pod))}/{name_of(pod)}/{PART}"
        reply = api.patch(path, {"spec": {"ephemeralContainers": [self.container()]}})
        if not reply.ok:
            told = f"The cluster refuses an ephemeral container in pod {full_name(pod)}: "
            raise Stop(f"{told}{waiting.sentence(reply.message)}", WITHOUT)

    def _await(self, api: Api, pod: Object, deadline: float, timeout: float) -> None:
        while True:
            state = self._state(api, pod)
            if problem := _problem(state or {}):
                raise Stop(f"The ephemeral container in pod {full_name(pod)} {problem}", WITHOUT)
            if state and state.get("running") is not None and self._listens(api, pod):
                return
            if time.monotonic() > deadline:
                told = f"The ephemeral container in pod {full_name(pod)} did not listen within {timeout:.0f} seconds."
                raise Stop(told, WITHOUT)
            time.sleep(deploy.POLL)

    def _listens(self, api: Api, pod: Object) -> bool:
        command = capturing.exists(self.file)
        done = api.execute(namespace_of(pod), name_of(pod), self.name, command, b"", 10.0)
        return isinstance(done, Executed) and done.status == 0

    def _runs(self, api: Api, pod: Object) -> bool:
        """Whether the container runs in the pod, or may yet begin to."""
        state = self._state(api, pod)
        return state is not None and state.get("terminated") is None

    def _state(self, api: Api, pod: Object) -> Object | None:
        """The state of the container, empty where it is not known yet, None where the pod has no such container."""
        named = [("fieldSelector", f"metadata.name={name_of(pod)}")]
        things = api.items(POD.collection(namespace_of(pod)), named).items
        same = [one for one in things if at(one, "metadata", "uid") == at(pod, "metadata", "uid")]
        for thing in same:
            if any(one.get("name") == self.name for one in at(thing, "spec", "ephemeralContainers") or ()):
                told = at(thing, "status", "ephemeralContainerStatuses") or ()
                return next((at(one, "state") or {} for one in told if one.get("name") == self.name), {})
        return None

    def container(self) -> Object:
        """The container; Kubernetes lets it have neither limits nor probes."""
        ports = ",".join(map(str, self.ports))
        arguments = ["--ports", ports, "--seconds", str(self.deadline), "--write", self.file]
        return {
            "name": self.name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", capturing.code(), *arguments],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "securityContext": {**capturing.ONLY_NET_RAW, "runAsNonRoot": False},  # whatever the pod's own says
        }


def _point(pod: Object) -> Point:
    """Where a container in ``pod`` captures: a pod may be in its node's network."""
    if at(pod, "spec", "hostNetwork"):
        return Point(f"node {at(pod, 'spec', 'nodeName')}", Layer.NODE)
    return Point(f"pod {full_name(pod)}", Layer.GATEWAY)


def _problem(state: Object) -> str | None:
    """Why the container will not come to listen, None where it may."""
    if ended := state.get("terminated"):
        said = str(ended.get("message") or ended.get("reason")).strip().rpartition("\n")[2]
        return f"ended at once (exit status {ended.get('exitCode')}): {waiting.sentence(said)}"
    held = state.get("waiting") or {}
    if held.get("reason") in waiting.IMAGE_REASONS | waiting.START_REASONS:
        return (
            f"cannot be started ({held['reason']}): {waiting.sentence(held.get('message'))} "
            "Name an image that the nodes can get, with python3 in it, with --image."
        )
    return None
