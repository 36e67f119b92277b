"""Objects as manifests have them, cut down to what the rules read; each test varies one field."""

from __future__ import annotations

from typing import Any

from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.judge import judge
from diagnose.inspect.manifests import KINDS
from diagnose.report.report import Finding

AWS = "service.beta.kubernetes.io/aws-load-balancer-"
LISTEN = "0.0.0.0:8000, [::]:8000, 0.0.0.0:8443 http2 ssl, [::]:8443 http2 ssl"
PROXIED = (
    "0.0.0.0:8000 proxy_protocol, [::]:8000 proxy_protocol, "
    "0.0.0.0:8443 http2 ssl proxy_protocol, [::]:8443 http2 ssl proxy_protocol"
)
"""What Kong's chart writes by default, and with proxy_protocol among its parameters."""

APPS, NET = "apps/v1", "networking.k8s.io/v1"


def made(version: str, kind: str, name: str, spec: Any = None, **metadata: Any) -> Object:
    """An object of any kind."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec or {}}


def env(**variables: str) -> list[Object]:
    """Variables, written without the prefix."""
    return [{"name": f"KONG_{name}", "value": value} for name, value in variables.items()]


def kong(annotations: Any = None, labels: Any = None, container: Any = None, pod: Any = None, **told: str) -> Object:
    """A Deployment of Kong's, told ``told``."""
    proxy = {
        "name": "proxy",
        "image": "kong:3.9",
        "env": env(**told),
        "ports": [{"name": "proxy", "containerPort": 8000}, {"name": "proxy-tls", "containerPort": 8443}],
        **(container or {}),
    }
    metadata = {"labels": {"app": "kong", **(labels or {})}, "annotations": annotations or {}}
    template = {"metadata": metadata, "spec": {"containers": [proxy], **(pod or {})}}
    return made(APPS, "Deployment", "kong", {"template": template}, namespace="kong")


def proxied(container: Any = None, **told: str) -> Object:
    """A Kong that reads PROXY headers, and whose settings are in order."""
    settings = {"PROXY_LISTEN": PROXIED, "REAL_IP_HEADER": "proxy_protocol", "TRUSTED_IPS": "10.0.0.0/8", **told}
    return kong(container=container, **settings)


def service(annotations: Any = None, metadata: Any = None, status: Any = None, **spec: Any) -> Object:
    """Kong's proxy Service, of type LoadBalancer."""
    ports = [{"name": "kong-proxy", "port": 80, "targetPort": "proxy"}]
    ports.append({"name": "kong-proxy-tls", "port": 443, "targetPort": "proxy-tls"})
    whole = {"type": "LoadBalancer", "selector": {"app": "kong"}, "ports": ports, **spec}
    more = {"namespace": "kong", "annotations": annotations or {}, **(metadata or {})}
    return {**made("v1", "Service", "kong-proxy", whole, **more), "status": status or {}}


def admitted(finalizer: str | None = None) -> Object:
    """The metadata of a Service that a cluster holds."""
    return {"uid": "6f1c", "finalizers": [finalizer] if finalizer else []}


BUILT_IN = admitted("service.kubernetes.io/load-balancer-cleanup")
CONTROLLER = admitted("service.k8s.aws/resources")


def node(
    name: str = "n1",
    address: str = "10.1.0.7",
    provider: str = "aws:///eu/i-1",
    version: str = "",
    public: str | None = None,
) -> Object:
    """A node of some cloud; ``public`` is its ExternalIP."""
    addresses = [{"type": "InternalIP", "address": address}]
    addresses += [{"type": "ExternalIP", "address": public}] if public else []
    status = {"addresses": addresses, "nodeInfo": {"kubeletVersion": version}}
    return {**made("v1", "Node", name, {"providerID": provider}), "status": status}


def ingress(name: str, ingress_class: str, backend: str = "shop", annotations: Any = None, **more: Any) -> Object:
    """An Ingress with one rule; ``published`` are the addresses in its status."""
    published = [{"ip": address} for address in more.pop("published", ())]
    path = {"path": "/", "backend": {"service": {"name": backend, "port": {"number": 80}}}}
    spec = {"ingressClassName": ingress_class, "rules": [{"http": {"paths": [path]}}], **more}
    thing = made(NET, "Ingress", name, spec, namespace="kong", annotations=annotations or {})
    return {**thing, "status": {"loadBalancer": {"ingress": published}}}


def front(ingress_class: str = "alb", annotations: Any = None, **more: Any) -> Object:
    """An Ingress of another's that leads to Kong's Service."""
    return ingress("front", ingress_class, "kong-proxy", annotations, **more)


def gateway_class(controller: str = "konghq.com/kic-gateway-controller") -> Object:
    """The class of ``gateway``, Kong's own unless told otherwise."""
    return made("gateway.networking.k8s.io/v1", "GatewayClass", "kong", {"controllerName": controller})


def gateway() -> Object:
    """A Gateway with a certificate."""
    listener = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "shop-tls"}]}}
    spec = {"gatewayClassName": "kong", "listeners": [listener]}
    return made("gateway.networking.k8s.io/v1", "Gateway", "own", spec, namespace="kong")


def plugin(name: str, kind: str = "KongPlugin", **config: Any) -> Object:
    """A plugin of Kong's that the controller hands on; ``kind`` tells whether it has a namespace."""
    where = {"namespace": "shop"} if kind == "KongPlugin" else {}
    thing = made("configuration.konghq.com/v1", kind, "own", **where)
    return {**thing, "plugin": name, "config": config}


def kube_proxy(mode: str, key: str = "config.conf", name: str = "kube-proxy") -> Object:
    """The ConfigMap that kube-proxy's settings stand in."""
    text = f"apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: {mode}\n"
    return {**made("v1", "ConfigMap", name, namespace="kube-system"), "data": {key: text}}


def kube_proxy_pods(*arguments: str, settings: str = "kube-proxy") -> Object:
    """The DaemonSet that runs kube-proxy, with its settings mounted."""
    container = {"name": "kube-proxy", "image": "kube-proxy:v1.30.1", "command": ["kube-proxy", *arguments]}
    volumes = [{"name": "settings", "configMap": {"name": settings}}, {"name": "modules", "hostPath": {"path": "/lib"}}]
    pods = {"containers": [container], "volumes": volumes}
    template = {"metadata": {"labels": {"k8s-app": "kube-proxy"}}, "spec": pods}
    return made(APPS, "DaemonSet", "kube-proxy", {"template": template}, namespace="kube-system")


def namespace(labels: Any = None, annotations: Any = None) -> Object:
    """Kong's namespace."""
    return made("v1", "Namespace", "kong", labels=labels or {}, annotations=annotations or {})


def pod(*containers: str, init: Any = ()) -> Object:
    """A pod of Kong's Deployment, with containers of these names beside its own; ``init`` are words of its first."""
    spec = {
        "containers": [{"name": name} for name in ("proxy", *containers)],
        "initContainers": [{"name": "init", "args": list(init)}],
    }
    thing = made("v1", "Pod", "kong-1", spec, namespace="kong", labels={"app": "kong"})
    return {**thing, "status": {"phase": "Running"}}


def snapshot_of(*things: Object) -> Snapshot:
    """Objects by kind, as those of a file are."""
    by_kind: dict[str, tuple[Object, ...]] = {}
    for thing in things:
        kind = KINDS[str(thing["apiVersion"]).rpartition("/")[0], thing["kind"]]
        by_kind[kind] = (*by_kind.get(kind, ()), thing)
    return Snapshot(by_kind)


def found_in(*things: Object) -> dict[str, Finding]:
    """The findings on these objects, by code."""
    return {finding.code: finding for finding in judge(snapshot_of(*things)).findings}
