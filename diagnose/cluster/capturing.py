"""Packets captured on the nodes of Kong's pods: Jobs that do it, one a node, their captures, and their removal.

A capturing pod is in its node's own network and has the capability NET_RAW, nothing else: enough to see what the node
sends and gets, not to change anything. What it captures stays in its memory until it is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources

from diagnose.capture.connections import Point
from diagnose.cluster import deploy, waiting
from diagnose.cluster.api import Api
from diagnose.cluster.kinds import CONFIG_MAP, JOB, POD, Resource
from diagnose.cluster.manifests import MANAGED_BY, NO_MESH, RUN_LABEL
from diagnose.cluster.objects import at, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object, Reply
from diagnose.cluster.rights import CAPTURING, Need
from diagnose.errors import Stop
from diagnose.path.traffic import Layer
from diagnose.site import Progress

CONTAINER, CODE, FOLDER = "capture", "/kongip/sniffing.py", "/capture"
FILE = f"{FOLDER}/packets.pcap"
NUMBER_LABEL = "kongip/node"
WHOSE = "capturing"
ONLY_NET_RAW: Mapping[str, object] = {
    "runAsUser": 0,  # a capability that is added is in force for root alone
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
}
"""The security context of what may open packet sockets and nothing else."""


@dataclass(frozen=True, slots=True)
class Capturing:
    """One run's captures: the nodes, and the TCP ports that are listened to. ``deadline`` is in seconds, for all."""

    id: str
    namespace: str
    image: str
    nodes: tuple[str, ...]
    ports: tuple[int, ...]
    deadline: int = 120
    linger: int = 60

    @property
    def needs(self) -> tuple[Need, ...]:
        """The rights that it takes."""
        return CAPTURING

    @property
    def plan(self) -> str:
        """What is going to be made, for who has to agree to it."""
        return (
            f"To capture on {', '.join(self.nodes)}, a pod is put on each in namespace {self.namespace}, with the "
            "capability NET_RAW and in the node's own network; it is removed afterwards."
        )

    @property
    def selector(self) -> str:
        """The label selector of the run's objects."""
        return f"{RUN_LABEL}={self.id}"

    @property
    def kinds(self) -> tuple[Resource, ...]:
        """The kinds of the run's objects, the Jobs first: the others hang by them."""
        return JOB, CONFIG_MAP, POD

    def name(self, number: int) -> str:
        """The name of the Job on a node; the first one's is the ConfigMap's as well."""
        return f"kongip-{self.id}-{number}"

    def start(self, api: Api, timeout: float, progress: Progress) -> Mapping[Point, Object]:
        """The capturing pod at each node, once all of them listen. Stop where one does not in ``timeout`` seconds."""
        progress(f"capturing on {', '.join(self.nodes)} by Jobs in namespace {self.namespace}")
        created = api.create(JOB.collection(self.namespace), job(self, 0))
        first = _made(JOB, self, created)
        _made(CONFIG_MAP, self, api.create(CONFIG_MAP.collection(self.namespace), config_map(self, first)))
        for number in range(1, len(self.nodes)):
            _made(JOB, self, api.create(JOB.collection(self.namespace), job(self, number)))
        deadline = time.monotonic() + timeout
        while True:
            pods = {self.nodes[int(labels_of(pod)[NUMBER_LABEL])]: pod for pod in deploy.present(api, self, POD)}
            if len(pods) == len(self.nodes) and all(map(waiting.is_ready, pods.values())):
                return {Point(f"node {node}", Layer.NODE): pod for node, pod in pods.items()}
            problems = (_problem(node, pod, self) for node, pod in pods.items())
            if problem := next(filter(None, problems), None):
                raise Stop(problem, "")
            events = () if pods else deploy.job_events(api, self.namespace, self.name(0))
            if refused := waiting.refused_pod(events, WHOSE):
                raise Stop(refused, "It needs NET_RAW and the node's network.")
            if time.monotonic() > deadline:
                told = f"The capturing pods did not all run within {timeout:.0f} seconds."
                raise Stop(told, "See kubectl describe job.")
            time.sleep(deploy.POLL)

    def collect(self, api: Api, pod: Object) -> bytes:
        """What a pod has captured so far, as pcap. Stop where it cannot be asked."""
        return shown(api, pod, CONTAINER, FILE)

    def remove(self, api: Api) -> tuple[str, ...]:
        """Remove all that the run made, and say what could not be removed."""
        try:
            return deploy.remove_twice(api, self, lambda: self._delete_all(api))
        except Stop as stop:
            return (deploy.leftover(api, self, f"What run {self.id} made in namespace {self.namespace}", stop.what),)

    def _delete_all(self, api: Api) -> dict[str, str]:
        refused: dict[str, str] = {}
        for number in range(len(self.nodes)):
            refused |= deploy.delete(api, self, JOB, self.name(number), {"propagationPolicy": "Background"})
        refused |= deploy.delete(api, self, CONFIG_MAP, self.name(0), deploy.WITHOUT_GRACE)
        pods = [name_of(pod) for pod in deploy.present(api, self, POD)]
        with ThreadPoolExecutor(deploy.AT_ONCE) as pool:
            list(pool.map(lambda name: deploy.delete(api, self, POD, name, deploy.WITHOUT_GRACE), pods))
        return refused


def shown(api: Api, pod: Object, container: str, file: str) -> bytes:
    """A file in a container. Stop where it cannot be asked."""
    show = f"import shutil, sys; shutil.copyfileobj(open({file!r}, 'rb'), sys.stdout.buffer)"
    done = api.execute(namespace_of(pod), name_of(pod), container, ["python3", "-c", show], b"", 30.0)
    if isinstance(done, Reply):
        raise Stop(f"The capture in pod {name_of(pod)} cannot be read: {done.message}.", "It takes create pods/exec.")
    if done.status != 0:
        told = done.errors.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it did not end"
        raise Stop(f"The capture in pod {name_of(pod)} cannot be read: {told}.", "")
    return done.output


def code() -> str:
    """The capturing program, which needs no other file."""
    return (resources.files("probes") / "sniffing.py").read_text("utf-8")


def exists(file: str) -> list[str]:
    """The command that succeeds once a file is there."""
    return ["python3", "-c", f"import os; os.path.getsize({file!r})"]


def _made(kind: Resource, run: Capturing, reply: Reply) -> Object:
    if not reply.ok:
        told = f"The cluster refuses a {kind.kind} for capturing in namespace {run.namespace}: "
        raise Stop(f"{told}{waiting.sentence(reply.message)}", "Choose a namespace that admits it with --namespace.")
    return reply.object()


def _problem(node: str, pod: Object, run: Capturing) -> str | None:
    said = waiting.stuck(pod, run.image, WHOSE)
    return f"{said} (node {node})" if said is not None else None


def job(run: Capturing, number: int) -> Object:
    """The Job on one node; its deadline, and its removal by Kubernetes, bound what it does."""
    labels = {**MANAGED_BY, RUN_LABEL: run.id, NUMBER_LABEL: str(number)}
    template = {"metadata": {"labels": {**labels, **NO_MESH}, "annotations": dict(NO_MESH)}, "spec": pod(run, number)}
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {"name": run.name(number), "namespace": run.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": run.deadline,
            "ttlSecondsAfterFinished": run.linger,
            "template": template,
        },
    }


def pod(run: Capturing, number: int) -> Object:
    """A pod in its node's network that may open packet sockets and nothing else."""
    ports = ",".join(map(str, run.ports))
    command = ["python3", CODE, "--ports", ports, "--seconds", str(run.deadline), "--write", FILE]
    container = {
        "name": CONTAINER,
        "image": run.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "readinessProbe": {"exec": {"command": exists(FILE)}, "periodSeconds": 1, "timeoutSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": dict(ONLY_NET_RAW),
        "volumeMounts": [
            {"name": "code", "mountPath": "/kongip", "readOnly": True},
            {"name": "packets", "mountPath": FOLDER},
        ],
    }
    return {
        "restartPolicy": "Never",
        "nodeName": run.nodes[number],
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}],  # it has to run where Kong does
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "code", "configMap": {"name": run.name(0)}},
            {"name": "packets", "emptyDir": {"medium": "Memory", "sizeLimit": "32Mi"}},
        ],
    }


def config_map(run: Capturing, owner: Object) -> Object:
    """The capturing program; it hangs by the first Job."""
    reference = {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "name": run.name(0),
        "uid": str(at(owner, "metadata", "uid")),
    }
    metadata = {
        "name": run.name(0),
        "namespace": run.namespace,
        "labels": {**MANAGED_BY, RUN_LABEL: run.id},
        "ownerReferences": [reference],
    }
    head = {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.kind}
    return {**head, "metadata": metadata, "data": {"sniffing.py": code()}}
