"""Packets captured on the nodes of Kong's pods: Jobs that do it, one a node, their captures, and their removal.

A capturing pod is in its node's own network and has the capability NET_RAW, nothing else: enough to see what the node
sends and gets, not to change anything. What it captures stays in its memory until it is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources

from diagnose.cluster import deploy, waiting
from diagnose.cluster.api import Api
from diagnose.cluster.kinds import CONFIG_MAP, JOB, POD, Resource
from diagnose.cluster.manifests import MANAGED_BY, NO_MESH, RUN_LABEL
from diagnose.cluster.objects import at, labels_of, name_of
from diagnose.cluster.replies import Object, Reply
from diagnose.errors import Stop
from diagnose.site import Progress

CONTAINER, CODE, FOLDER = "capture", "/kongip/sniffing.py", "/capture"
FILE = f"{FOLDER}/packets.pcap"
NUMBER_LABEL = "kongip/node"
_READY = f"import os; os.path.getsize({FILE!r})"
_SHOW = f"import shutil, sys; shutil.copyfileobj(open({FILE!r}, 'rb'), sys.stdout.buffer)"


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


def start(api: Api, run: Capturing, timeout: float, progress: Progress) -> dict[str, Object]:
    """The capturing pod of each node, once all of them listen. Stop where one does not within ``timeout`` seconds."""
    progress(f"capturing on {', '.join(run.nodes)} by Jobs in namespace {run.namespace}")
    created = api.create(JOB.collection(run.namespace), job(run, 0))
    first = _made(JOB, run, created)
    _made(CONFIG_MAP, run, api.create(CONFIG_MAP.collection(run.namespace), config_map(run, first)))
    for number in range(1, len(run.nodes)):
        _made(JOB, run, api.create(JOB.collection(run.namespace), job(run, number)))
    deadline = time.monotonic() + timeout
    while True:
        pods = {run.nodes[int(labels_of(pod)[NUMBER_LABEL])]: pod for pod in deploy.present(api, run, POD)}
        if len(pods) == len(run.nodes) and all(map(waiting.is_ready, pods.values())):
            return pods
        problems = (_problem(node, pod, run) for node, pod in pods.items())
        if problem := next(filter(None, problems), None):
            raise Stop(problem, "")
        if not pods and (refused := waiting.refused_pod(_events(api, run))):
            raise Stop(refused.replace("the echo pod", "the capturing pod"), "It needs NET_RAW and the node's network.")
        if time.monotonic() > deadline:
            raise Stop(f"The capturing pods did not all run within {timeout:.0f} seconds.", "See kubectl describe job.")
        time.sleep(deploy.POLL)


def collect(api: Api, run: Capturing, pod: Object) -> bytes:
    """What a pod has captured so far, as pcap. Stop where it cannot be asked."""
    done = api.execute(run.namespace, name_of(pod), CONTAINER, ["python3", "-c", _SHOW], b"", 30.0)
    if isinstance(done, Reply):
        raise Stop(f"The capture in pod {name_of(pod)} cannot be read: {done.message}.", "It takes create pods/exec.")
    if done.status != 0:
        told = done.errors.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it did not end"
        raise Stop(f"The capture in pod {name_of(pod)} cannot be read: {told}.", "")
    return done.output


def remove(api: Api, run: Capturing) -> tuple[str, ...]:
    """Remove all that the run made, and say what could not be removed."""
    try:
        names = [(JOB, run.name(number)) for number in range(len(run.nodes))]
        background = {"propagationPolicy": "Background"}
        refused = {
            what: why for kind, name in names for what, why in deploy.delete(api, run, kind, name, background).items()
        }
        refused |= deploy.delete(api, run, CONFIG_MAP, run.name(0), deploy.WITHOUT_GRACE)
        pods = [name_of(pod) for pod in deploy.present(api, run, POD)]
        with ThreadPoolExecutor(deploy.AT_ONCE) as pool:
            list(pool.map(lambda name: deploy.delete(api, run, POD, name, deploy.WITHOUT_GRACE), pods))
        left = deploy.await_absence(api, run, frozenset(refused))
    except Stop as stop:
        return (deploy.leftover(api, run, f"What run {run.id} made in namespace {run.namespace}", stop.what),)
    told = sorted(left | set(refused))
    return tuple(deploy.leftover(api, run, what, refused.get(what, "it is still there")) for what in told)


def _made(kind: Resource, run: Capturing, reply: Reply) -> Object:
    if not reply.ok:
        told = f"The cluster refuses a {kind.kind} for capturing in namespace {run.namespace}: "
        raise Stop(f"{told}{waiting.sentence(reply.message)}", "Choose a namespace that admits it with --namespace.")
    return reply.object()


def _problem(node: str, pod: Object, run: Capturing) -> str | None:
    said = waiting.stuck(pod, run.image)
    return said.replace("echo", "capturing") + f" (node {node})" if said is not None else None


def _events(api: Api, run: Capturing) -> Sequence[Object]:
    fields = f"involvedObject.kind=Job,involvedObject.name={run.name(0)}"
    return api.items(f"/api/v1/namespaces/{run.namespace}/events", [("fieldSelector", fields)]).items


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
        "readinessProbe": {"exec": {"command": ["python3", "-c", _READY]}, "periodSeconds": 1, "timeoutSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": {
            "runAsUser": 0,  # a capability that is added is in force for root alone
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
        },
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
    code = (resources.files("probes") / "sniffing.py").read_text("utf-8")
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
    return {**head, "metadata": metadata, "data": {"sniffing.py": code}}
