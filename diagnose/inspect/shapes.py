"""The shapes of the objects that rules read: what stands in a place of the wrong type is told before any rule runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.site import Gap

EVERY = object()
"""Stands for every key of a mapping."""


class Needed(str):
    """A key that has to be there."""

    __slots__ = ()


WORDS = {EVERY: str}
PORT = (int, str)

_NAMED = {"name": str, "key": str}
_META = {
    "name": str,
    "namespace": str,
    "uid": str,
    "labels": WORDS,
    "annotations": WORDS,
    "finalizers": [str],
    "ownerReferences": [{"kind": str, "name": str}],
}
_PROBE = {"httpGet": {"port": PORT}}
_CONTAINER = {
    "name": str,
    "image": str,
    "command": [str],
    "args": [str],
    "env": [
        {"name": str, "value": str, "valueFrom": {"configMapKeyRef": _NAMED, "secretKeyRef": _NAMED, "fieldRef": {}}}
    ],
    "envFrom": [{"prefix": str, "configMapRef": _NAMED, "secretRef": _NAMED}],
    "ports": [{"name": str, "containerPort": int, "hostPort": int}],
    "volumeMounts": [{"mountPath": str}],
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
}
_POD = {
    "hostNetwork": bool,
    "nodeName": str,
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [{"configMap": {"name": str}}],
}
_TEMPLATE = {"metadata": _META, "spec": _POD}
_WORKLOAD = {"metadata": _META, "spec": {"template": _TEMPLATE}}
_BALANCER = {"loadBalancer": {"ingress": [{"ip": str, "hostname": str, "ipMode": str}]}}
_SERVICE_PORT = {"name": str, "port": int, "targetPort": PORT, "protocol": str, "appProtocol": str}
_BACKEND = {"service": {"name": str, "port": {"number": int, "name": str}}}
_PLANE = {
    "deployment": {"podTemplateSpec": _TEMPLATE},
    "network": {
        "services": {"ingress": {"type": str, "externalTrafficPolicy": str, "annotations": WORDS, "ports": [{}]}}
    },
}

SHAPES: Mapping[str, Any] = {
    "ingressclasses": {"metadata": _META, "spec": {"controller": str}},
    "gatewayclasses": {"metadata": _META, "spec": {"controllerName": str}},
    "services": {
        "metadata": _META,
        "spec": {
            "type": str,
            "externalTrafficPolicy": str,
            "loadBalancerClass": str,
            "loadBalancerSourceRanges": [str],
            "clusterIP": str,
            "externalIPs": [str],
            "selector": WORDS,
            "ports": [_SERVICE_PORT],
            "ipFamilies": [str],
        },
        "status": _BALANCER,
    },
    "deployments": _WORKLOAD,
    "daemonsets": _WORKLOAD,
    "statefulsets": _WORKLOAD,
    "ingresses": {
        "metadata": _META,
        "spec": {
            "ingressClassName": str,
            "tls": [{"secretName": str, "hosts": [str]}],
            "rules": [{"host": str, "http": {"paths": [{"path": str, "backend": _BACKEND}]}}],
            "defaultBackend": _BACKEND,
        },
        "status": _BALANCER,
    },
    "nodes": {
        "metadata": _META,
        "spec": {"providerID": str, "podCIDR": str, "podCIDRs": [str]},
        "status": {"addresses": [{"type": str, "address": str}], "nodeInfo": {"kubeletVersion": str}},
    },
    "pods": {"metadata": _META, "spec": _POD, "status": {"phase": str, "podIP": str, "podIPs": [{"ip": str}]}},
    "gateways": {
        "metadata": _META,
        "spec": {
            "gatewayClassName": str,
            "listeners": [
                {"name": str, Needed("port"): int, Needed("protocol"): str, "tls": {"certificateRefs": [{"name": str}]}}
            ],
        },
        "status": {"addresses": [{"value": str}]},
    },
    "httproutes": {
        "metadata": _META,
        "spec": {
            "hostnames": [str],
            "parentRefs": [{"kind": str, "name": str, "namespace": str}],
            "rules": [
                {
                    "matches": [{"path": {"value": str}}],
                    "backendRefs": [{"kind": str, "name": str, "namespace": str, "port": int}],
                }
            ],
        },
    },
    "namespaces": {"metadata": _META},
    "configmaps": {"metadata": _META, "data": WORDS},
    "secrets": {"metadata": _META, "data": WORDS, "stringData": WORDS},
    "dataplanes": {"metadata": _META, "spec": _PLANE},
    "gatewayconfigurations": {"metadata": _META, "spec": {"dataPlaneOptions": _PLANE}},
    "kongplugins": {"metadata": _META, "plugin": str},
    "kongclusterplugins": {"metadata": _META, "plugin": str},
}
"""What rules read of each kind. Nothing has to be there, save keys that are ``Needed``; what is there fits."""

_KINDS = {
    type(None): "nothing",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def without_misfits(snapshot: Snapshot) -> tuple[Snapshot, tuple[Gap, ...]]:
    """The snapshot without the objects that rules cannot read, and each of those as a gap."""
    objects, gaps = {}, []
    for kind, things in snapshot.objects.items():
        problems = [(thing, misfit(thing, kind)) for thing in things]
        objects[kind] = tuple(thing for thing, problem in problems if problem is None)
        gaps += [Gap(f"one of the {kind}", problem) for _, problem in problems if problem is not None]
    return Snapshot(objects, snapshot.refused, snapshot.pods_cut), tuple(gaps)


def misfit(thing: Object, kind: str) -> str | None:
    """The first field of ``thing`` that has the wrong type, as a clause; None where all fit or the kind has no shape.

    Kubernetes takes no true, no number and no list for text either: its API server refuses the whole object.
    """
    return _misfit(thing, SHAPES.get(kind, {}), "")


def _misfit(value: Any, shape: Any, path: str) -> str | None:
    if isinstance(shape, Mapping):
        return _mapping(value, shape, path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _told(value, "a list", path)
        found = (_misfit(one, shape[0], f"{path}[{index}]") for index, one in enumerate(value))
        return next((problem for problem in found if problem), None)
    wanted = shape if isinstance(shape, tuple) else (shape,)
    fits = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
    return None if fits else _told(value, " or ".join(_KINDS[one] for one in wanted), path)


def _mapping(value: Any, shape: Mapping[Any, Any], path: str) -> str | None:
    if not isinstance(value, dict):
        return _told(value, "a mapping", path)
    for key, inner in shape.items():
        for name in list(value) if key is EVERY else [key]:
            held = value.get(name)
            if held is None and not isinstance(key, Needed):
                continue
            if problem := _misfit(held, inner, f"{path}.{name}" if path else str(name)):
                return problem
    return None


def _told(value: Any, wanted: str, path: str) -> str:
    return f"{path or 'the object'} is {_KINDS.get(type(value), type(value).__name__)}, not {wanted}"
