"""What a run creates, as plain objects: a Job, and a ConfigMap, a Service and the route to it that hang by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from diagnose.cluster.kinds import (
    CONFIG_MAP,
    HTTP_ROUTE,
    INGRESS,
    JOB,
    NETWORK_POLICY,
    POD,
    SERVICE,
    Resource,
)
from diagnose.cluster.objects import name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass, Route
from diagnose.path.traffic import parse_address

MANAGED_BY = {"app.kubernetes.io/managed-by": "kongip"}
RUN_LABEL = "kongip/run"
CONTAINER = "echo"
PORT = 8080
SERVICE_PORT = 80
READY_PATH = "/kongip-ready"
FOLDER = "/kongip"
COMPILED = "/kongip-compiled"
PYTHON = ("python3", "-I", "-S", "-X", f"pycache_prefix={COMPILED}")
"""The interpreter of the echo pod with the standard library alone: its start is most of what it has to do.

Images have that library uncompiled, the official ones too. What the echo compiles as it starts, the sender finds.
"""

NOBODY = 65534

NO_MESH = {
    "sidecar.istio.io/inject": "false",
    "istio.io/dataplane-mode": "none",  # Istio without sidecars
    "linkerd.io/inject": "disabled",
    "kuma.io/sidecar-injection": "disabled",  # Kong Mesh too
    "consul.hashicorp.com/connect-inject": "false",
    "openservicemesh.io/sidecar-injection": "disabled",
    "injector.nsm.nginx.com/auto-inject": "false",
    "appmesh.k8s.aws/sidecarInjectorWebhook": "disabled",
}
"""A sidecar would answer for the echo and keep its Job from ending. Meshes read these as labels or annotations."""

KEEPS_PATH = {"konghq.com/strip-path": "false"}
"""The echo knows its requests by their path, so Kong shall not take the prefix away."""

MOST_HOSTNAMES = 16
"""An HTTPRoute takes no more hostnames (Gateway API: HTTPRouteSpec)."""


class Made(Protocol):
    """What tells the objects that one run makes, whatever they are for. The Job comes first among their ``kinds``."""

    @property
    def id(self) -> str:
        """What is in their names and their label."""

    @property
    def namespace(self) -> str:
        """Where they all are."""

    @property
    def selector(self) -> str:
        """Their label selector."""

    @property
    def kinds(self) -> tuple[Resource, ...]:
        """Their kinds."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the user says for the echo's pod to be let in and to be reached.

    ``node_selector`` are labels of nodes, ``tolerations`` as a pod has them, each as (key, value or None for any,
    effect or None for any). ``policy`` asks for a NetworkPolicy that lets connections to the echo through.
    """

    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[tuple[str, str | None, str | None], ...] = ()
    policy: bool = False


AS_USUAL = Admission()


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one run's objects: ``id`` is in their name and label, ``path`` and ``secret`` cannot be guessed.

    ``route`` is what the route to the echo hangs by, ``hosts`` those that it serves (None: any). ``deadline`` is in
    seconds: the echo ends by then whatever becomes of kongip, and is removed ``linger`` later.
    """

    id: str
    namespace: str
    path: str
    secret: str
    image: str
    route: Route
    hosts: tuple[str | None, ...]
    admission: Admission = AS_USUAL
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

    @property
    def kinds(self) -> tuple[Resource, ...]:
        """The kinds of the run's objects. The Job comes first: the others hang by it."""
        return (*created(self.route, self.admission), POD)


def created(route: Route, admission: Admission) -> tuple[Resource, ...]:
    """The kinds that kongip creates itself, the Job first."""
    return JOB, CONFIG_MAP, SERVICE, route.kind, *((NETWORK_POLICY,) if admission.policy else ())


def metadata(
    run: Run, owner: Object | None = None, annotations: Mapping[str, str] | None = None, name: str | None = None
) -> Object:
    """Name, labels and, once the Job exists, the reference by which Kubernetes removes the rest along with it."""
    found: Object = {
        "name": name or run.name,
        "namespace": run.namespace,
        "labels": {**MANAGED_BY, RUN_LABEL: run.id},
    }
    if annotations:
        found["annotations"] = dict(annotations)
    if owner:
        reference = {"apiVersion": JOB.api_version, "kind": JOB.kind, "name": run.name, "uid": owner["metadata"]["uid"]}
        found["ownerReferences"] = [reference]
    return found


def job(run: Run) -> Object:
    """The Job whose one pod is the echo: its deadline, and its removal by Kubernetes, bound all that a run makes."""
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
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
        "nodeSelector": {"kubernetes.io/os": "linux", **dict(run.admission.node_selector)},
        **({"tolerations": tolerations} if (tolerations := list(map(toleration, run.admission.tolerations))) else {}),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [echo_container(run)],
        "volumes": [
            {"name": "code", "configMap": {"name": run.name}},
            {"name": "compiled", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }


def toleration(told: tuple[str, str | None, str | None]) -> Object:
    """One toleration as a pod has it; without a value it is for any, without an effect for all of them."""
    key, value, effect = told
    matching = {"operator": "Exists"} if value is None else {"operator": "Equal", "value": value}
    return {"key": key, **matching, **({"effect": effect} if effect is not None else {})}


def echo_container(run: Run) -> Object:
    """The echo itself."""
    return {
        "name": CONTAINER,
        "image": run.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*PYTHON, f"{FOLDER}/server.py"],
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
            # Half a core takes Python almost a second to start, twice in a run; a whole one half of that.
            "limits": {"cpu": "1", "memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "code", "mountPath": FOLDER, "readOnly": True},
            {"name": "compiled", "mountPath": COMPILED},
        ],
    }


def config_map(run: Run, owner: Object, code: Mapping[str, str]) -> Object:
    """The echo's code, by file name."""
    head = {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.kind}
    return {**head, "metadata": metadata(run, owner), "data": dict(code)}


def service(run: Run, owner: Object) -> Object:
    """The Service that the route leads to."""
    port = {"name": "http", "port": SERVICE_PORT, "targetPort": PORT, "protocol": "TCP"}
    # Kong may lead there as soon as the pod has an address; the first probes find out whether it answers.
    early = {"publishNotReadyAddresses": True}
    spec = {"type": "ClusterIP", "selector": {RUN_LABEL: run.id}, "ports": [port], **early}
    head = {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind}
    return {**head, "metadata": metadata(run, owner), "spec": spec}


def network_policy(run: Run, owner: Object) -> Object:
    """What lets connections to the echo's port through where policies deny all that is not allowed.

    From anywhere: who comes is Kong, or a node on behalf of the API server or of a readiness probe, and no policy can
    name those everywhere. The echo answers nobody without the run's secret. On its way out it sends to Kong's pods.
    """
    head = {"apiVersion": NETWORK_POLICY.api_version, "kind": NETWORK_POLICY.kind}
    spec = {
        "podSelector": {"matchLabels": {**MANAGED_BY, RUN_LABEL: run.id}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
        "egress": [{"ports": [{"protocol": "TCP"}]}],
    }
    return {**head, "metadata": metadata(run, owner), "spec": spec}


def routes(run: Run, owner: Object) -> tuple[Object, ...]:
    """The route to the echo, in as many objects as it takes; they are named as ``route_names`` tells."""
    if isinstance(run.route, ByClass):
        return (ingress(run, owner, run.route.name),)
    groups = zip(route_names(run), hostname_groups(run.hosts), strict=True)
    return tuple(http_route(run, owner, run.route.gateway, name, hostnames) for name, hostnames in groups)


def route_names(run: Run) -> tuple[str, ...]:
    """The names of the objects that the route is made of."""
    number = 1 if isinstance(run.route, ByClass) else len(hostname_groups(run.hosts))
    return (run.name, *(f"{run.name}-{index}" for index in range(1, number)))


def ingress(run: Run, owner: Object, ingress_class: str) -> Object:
    """The route as an Ingress: one rule for each host, so that no rule of the user's for that host outranks it."""
    backend = {"service": {"name": run.name, "port": {"number": SERVICE_PORT}}}
    path = {"path": run.path, "pathType": "Prefix", "backend": backend}
    rules = [{**({"host": host} if host else {}), "http": {"paths": [path]}} for host in rule_hosts(run.hosts)]
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": metadata(run, owner, KEEPS_PATH),
        "spec": {"ingressClassName": ingress_class, "rules": rules},
    }


def http_route(run: Run, owner: Object, gateway: Object, name: str, hostnames: Sequence[str]) -> Object:
    """One HTTPRoute on ``gateway`` for these hostnames, without any for all that its listeners take."""
    parent = {
        "group": HTTP_ROUTE.group,
        "kind": "Gateway",
        "namespace": namespace_of(gateway),
        "name": name_of(gateway),
    }
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": run.path}}],
        "backendRefs": [{"kind": "Service", "name": run.name, "port": SERVICE_PORT}],
    }
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": metadata(run, owner, KEEPS_PATH, name),
        "spec": {"parentRefs": [parent], **({"hostnames": [*hostnames]} if hostnames else {}), "rules": [rule]},
    }


def rule_hosts(hosts: Iterable[str | None]) -> tuple[str | None, ...]:
    """The hosts that rules are made for, each once; an address cannot be one, and is served by the rule for any."""
    return tuple(dict.fromkeys(None if host is None or parse_address(host) else host.lower() for host in hosts))


def hostname_groups(hosts: Iterable[str | None]) -> tuple[tuple[str, ...], ...]:
    """The hostnames of each HTTPRoute: none for the one that serves any host, else as many as one may have."""
    wanted = rule_hosts(hosts)
    named = [host for host in wanted if host is not None]
    whole: tuple[tuple[str, ...], ...] = ((),) if None in wanted else ()
    return (*whole, *(tuple(named[at : at + MOST_HOSTNAMES]) for at in range(0, len(named), MOST_HOSTNAMES)))
