"""What a run creates, as plain objects: a Job, and a ConfigMap, a Service and an Ingress that hang by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.cluster.replies import Object
from diagnose.path.traffic import parse_address

MANAGED_BY = {"app.kubernetes.io/managed-by": "kongip"}
RUN_LABEL = "kongip/run"
CONTAINER = "echo"
PORT = 8080
SERVICE_PORT = 80
READY_PATH = "/kongip-ready"
FOLDER = "/kongip"
NOBODY = 65534

NO_MESH = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled", "kuma.io/sidecar-injection": "disabled"}
"""A sidecar would answer for the echo and keep its Job from ending. Meshes read these as labels or annotations."""

JOB_PATH = "/apis/batch/v1/namespaces/{namespace}/jobs"
CONFIG_MAP_PATH = "/api/v1/namespaces/{namespace}/configmaps"
SERVICE_PATH = "/api/v1/namespaces/{namespace}/services"
INGRESS_PATH = "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
POD_PATH = "/api/v1/namespaces/{namespace}/pods"


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one run's objects: ``id`` is in their name and label, ``path`` and ``secret`` cannot be guessed.

    ``deadline`` is in seconds: the echo ends by then whatever becomes of kongip, and is removed ``linger`` later.
    """

    id: str
    namespace: str
    path: str
    secret: str
    image: str
    deadline: int = 600
    linger: int = 60

    @property
    def name(self) -> str:
        """The name of each of the run's objects."""
        return f"kongip-{self.id}"

    @property
    def selector(self) -> str:
        """The label selector of the run's objects."""
        return f"{RUN_LABEL}={self.id}"


def metadata(run: Run, owner: Object | None = None, annotations: Mapping[str, str] | None = None) -> Object:
    """Name, labels and, once the Job exists, the reference by which Kubernetes removes the rest along with it."""
    found: Object = {
        "name": run.name,
        "namespace": run.namespace,
        "labels": {**MANAGED_BY, RUN_LABEL: run.id},
    }
    if annotations:
        found["annotations"] = dict(annotations)
    if owner:
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": run.name, "uid": owner["metadata"]["uid"]}
        found["ownerReferences"] = [reference]
    return found


def job(run: Run) -> Object:
    """The Job whose one pod is the echo: its deadline, and its removal by Kubernetes, bound all that a run makes."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(run),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": run.deadline,
            "ttlSecondsAfterFinished": run.linger,
            "template": {
                "metadata": {"labels": {**MANAGED_BY, RUN_LABEL: run.id, **NO_MESH}, "annotations": dict(NO_MESH)},
                "spec": pod_spec(run),
            },
        },
    }


def pod_spec(run: Run) -> Object:
    """A pod that passes Pod Security "restricted" and holds no rights of its own."""
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [echo_container(run)],
        "volumes": [{"name": "code", "configMap": {"name": run.name}}],
    }


def echo_container(run: Run) -> Object:
    """The echo itself."""
    return {
        "name": CONTAINER,
        "image": run.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"{FOLDER}/server.py"],
        "env": [
            # It is worth nothing but an echo for some minutes; a Secret would ask for a right that few will grant.
            {"name": "KONGIP_SECRET", "value": run.secret},
            {"name": "KONGIP_DEADLINE", "value": str(run.deadline)},
            {"name": "KONGIP_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": READY_PATH, "port": PORT}, "periodSeconds": 1, "failureThreshold": 30},
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "code", "mountPath": FOLDER, "readOnly": True}],
    }


def config_map(run: Run, owner: Object, code: Mapping[str, str]) -> Object:
    """The echo's code, by file name."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(run, owner), "data": dict(code)}


def service(run: Run, owner: Object) -> Object:
    """The Service that the route leads to."""
    port = {"name": "http", "port": SERVICE_PORT, "targetPort": PORT, "protocol": "TCP"}
    spec = {"type": "ClusterIP", "selector": {RUN_LABEL: run.id}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(run, owner), "spec": spec}


def ingress(run: Run, owner: Object, ingress_class: str, hosts: Iterable[str | None]) -> Object:
    """The route: one rule for each host, so that no rule of the user's for that host outranks it."""
    backend = {"service": {"name": run.name, "port": {"number": SERVICE_PORT}}}
    path = {"path": run.path, "pathType": "Prefix", "backend": backend}
    rules = [{**({"host": host} if host else {}), "http": {"paths": [path]}} for host in rule_hosts(hosts)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(run, owner, {"konghq.com/strip-path": "false"}),
        "spec": {"ingressClassName": ingress_class, "rules": rules},
    }


def rule_hosts(hosts: Iterable[str | None]) -> tuple[str | None, ...]:
    """The hosts that rules are made for, each once; an address cannot be one, and is served by the rule for any."""
    return tuple(dict.fromkeys(None if host is None or parse_address(host) else host.lower() for host in hosts))
