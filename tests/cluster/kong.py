"""Kong in the test cluster: what its Helm chart would install, with the stand-in of tests/gateway in Kong's place."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.cluster.bed import NODES, PATIENCE, Object, apply, get, kubectl, run, until

NAMESPACE = "kong"
SERVICE = "kong-proxy"
LABELS = {"app.kubernetes.io/name": "kong", "app.kubernetes.io/instance": "kong", "app.kubernetes.io/component": "app"}
REVISION = "testbed/revision"
IMAGE = "localhost/gateway:1"


@dataclass(frozen=True, slots=True)
class Kong:
    """Kong as it is to be installed: its settings, its Service's policy, and the nodes that have a pod each.

    ``pods`` is how many these nodes share instead, as the scheduler spreads them.
    """

    settings: Mapping[str, str]
    policy: str
    nodes: tuple[str, ...]
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """Kong as it runs: the node of each pod by the pod's name, and the Service's node ports."""

    policy: str
    pods: Mapping[str, str]
    node_port: int
    health_port: int | None

    @property
    def nodes(self) -> set[str]:
        """The nodes that have a pod of Kong's."""
        return set(self.pods.values())

    def log(self) -> list[str]:
        """Return what all of Kong's pods have logged so far, access log and error log."""
        logs = [kubectl("logs", f"--namespace={NAMESPACE}", pod, "--container=proxy") for pod in self.pods]
        return "".join(logs).splitlines()


def install(kong: Kong, address: str | None) -> Installed:
    """Install Kong, or change the one that is there, and wait until every node's rules follow.

    `address` is the published one; None leaves the Service without.
    """
    apply(*_objects(kong))
    _publish(address)
    return settled(kong.policy, address, PATIENCE + 3 * (kong.pods or 0))


@contextlib.contextmanager
def one_more(kong: Kong) -> Iterator[None]:
    """Pods of another Deployment behind the same Service, as a canary or a forgotten release has them."""
    deployment = _deployment(kong)
    spec, track = deployment["spec"], {"track": "canary"}
    deployment["metadata"] = deployment["metadata"] | {"name": "kong-canary"}
    spec["selector"] = {"matchLabels": LABELS | track}
    spec["template"]["metadata"]["labels"] |= track
    apply(deployment)
    try:
        kubectl("rollout", "status", f"--namespace={NAMESPACE}", "deployment/kong-canary", f"--timeout={PATIENCE:.0f}s")
        yield
    finally:
        kubectl("delete", f"--namespace={NAMESPACE}", "deployment/kong-canary", "--wait")


def settled(policy: str, address: str | None, seconds: float = PATIENCE) -> Installed:
    """Wait until Kong's pods are rolled and every node's rules follow, and return what is there then."""
    kubectl("rollout", "status", f"--namespace={NAMESPACE}", "deployment/kong", f"--timeout={seconds:.0f}s")
    until("the Service has the new pods, and no others, as endpoints", lambda: _endpoints() == set(_pods().values()))
    service = get("service", f"--namespace={NAMESPACE}", SERVICE)["spec"]
    node_port = service["ports"][0]["nodePort"]
    until(
        "kube-proxy on every node has the rules for this Service",
        lambda: all(_rules(node) == Rules(_endpoints(), policy == "Local", address) for node in NODES),
    )
    pods = get("pods", f"--namespace={NAMESPACE}", f"--selector={_selector()}")["items"]
    running = {p["metadata"]["name"]: p["spec"]["nodeName"] for p in pods if "deletionTimestamp" not in p["metadata"]}
    return Installed(policy, running, node_port, service.get("healthCheckNodePort"))


def _selector() -> str:
    return ",".join(f"{name}={value}" for name, value in LABELS.items())


def _publish(address: str | None) -> None:
    """Give the Service its published address, as a cloud's controller would."""
    service = get("service", f"--namespace={NAMESPACE}", SERVICE)
    service["status"] = {"loadBalancer": {"ingress": [{"ip": address}] if address else []}}
    path = f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}/status"
    kubectl("replace", f"--raw={path}", "--filename=-", text=json.dumps(service))  # kubectl patch cannot before 1.24


def _pods() -> dict[str, str]:
    """Return the address of each pod that is ready and not on its way out."""
    pods = get("pods", f"--namespace={NAMESPACE}", f"--selector={_selector()}")["items"]
    return {
        pod["metadata"]["name"]: pod["status"]["podIP"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    }


def _endpoints() -> set[str]:
    subsets = get("endpoints", f"--namespace={NAMESPACE}", SERVICE).get("subsets") or []
    return {address["ip"] for subset in subsets for address in subset.get("addresses") or []}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a node's packet filter does with connections to Kong's Service."""

    pods: set[str]
    local: bool
    published: str | None


def _rules(node: str) -> Rules:
    """Read a node's rules, as kube-proxy 1.20 writes them (pkg/proxy/iptables/proxier.go)."""
    comment = f'--comment "{NAMESPACE}/{SERVICE}:proxy'
    ours = [line for line in run(node, "iptables-save", "-t", "nat").splitlines() if comment in line]
    pods = {found[1] for line in ours if (found := re.search(r"--to-destination (\S+):8000", line))}
    published = {found[1] for line in ours if (found := re.search(r"-d (\S+)/32 .*-j KUBE-FW-", line))}
    local = any(line.startswith("-A KUBE-NODEPORTS") and "-j KUBE-XLB-" in line for line in ours)
    return Rules(pods, local, next(iter(published), None))


def _objects(kong: Kong) -> list[Object]:
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "kong"},
            "spec": {"controller": "ingress-controllers.konghq.com/kong"},
        },
        *_rights(),
        _service(kong.policy),
        _deployment(kong),
    ]


def _named(kind: str, version: str, name: str = "kong") -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE, "labels": LABELS}}


def _rights() -> list[Object]:
    role = {
        "rules": [
            {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["list", "watch"]},
            {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list", "watch"]},
            {
                "apiGroups": ["gateway.networking.k8s.io"],
                "resources": ["gatewayclasses", "gateways", "httproutes"],
                "verbs": ["list", "watch"],
            },
        ]
    }
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kong"},
        "subjects": [{"kind": "ServiceAccount", "name": "kong", "namespace": NAMESPACE}],
    }
    return [
        _named("ServiceAccount", "v1"),
        _named("ClusterRole", "rbac.authorization.k8s.io/v1") | role,
        _named("ClusterRoleBinding", "rbac.authorization.k8s.io/v1") | binding,
    ]


def _service(policy: str) -> Object:
    spec = {
        "type": "LoadBalancer",
        "externalTrafficPolicy": policy,
        "selector": LABELS,
        "ports": [{"name": "proxy", "port": 80, "targetPort": 8000}],
    }
    return _named("Service", "v1", SERVICE) | {"spec": spec}


def _deployment(kong: Kong) -> Object:
    """Two containers, named as in the chart; the stand-in's controller hands its routes over in a volume."""
    shared = {
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "workingDir": "/opt",
        "volumeMounts": [{"name": "routes", "mountPath": "/routes"}, {"name": "prefix", "mountPath": "/kong_prefix"}],
    }
    routes = {"GATEWAY_ROUTES": "/routes/routes.lua"}
    proxy = shared | {
        "name": "proxy",
        "command": ["python3", "-m", "tests.gateway.proxy"],
        "env": _environment(routes | {"KONG_PREFIX": "/kong_prefix"} | dict(kong.settings)),
        "ports": [{"name": "proxy", "containerPort": 8000}],
        # Not an HTTP probe: a listener that wants the PROXY header would refuse it. Nothing is logged of this one.
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
    }
    controller = shared | {
        "name": "ingress-controller",
        "command": ["python3", "-m", "tests.gateway.controller"],
        "env": _environment(routes | {"CONTROLLER_PUBLISH_SERVICE": f"{NAMESPACE}/{SERVICE}"}),
    }
    pod = {
        "serviceAccountName": "kong",
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
        "containers": [controller, proxy],
        "volumes": [{"name": "routes", "emptyDir": {}}, {"name": "prefix", "emptyDir": {}}],
    }
    # Pods of one revision keep apart. Those of the last one stay for up to 40 s after their end, and must not count.
    shape = [pod, kong.nodes, *([kong.pods] if kong.pods else [])]
    revision = {REVISION: hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]}
    spec = {
        "replicas": kong.pods or len(kong.nodes),
        "selector": {"matchLabels": LABELS},
        "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": LABELS | revision},
            "spec": pod | {"affinity": _on(kong.nodes) | ({} if kong.pods else _apart(revision))},
        },
    }
    return _named("Deployment", "apps/v1") | {"spec": spec}


def _environment(values: Mapping[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _on(nodes: tuple[str, ...]) -> Object:
    """Return the affinity that keeps pods to these nodes."""
    chosen = [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}]
    terms = {"nodeSelectorTerms": [{"matchExpressions": chosen}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _apart(labels: Mapping[str, str]) -> Object:
    """Return the affinity that puts no two pods with these labels on one node."""
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
