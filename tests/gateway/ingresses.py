"""From Kubernetes objects to routes: what Kong's ingress controller makes of Ingresses, Services and Endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.gateway.routes import PathMatch, Route

Object = Mapping[str, Any]
Key = tuple[str, str]  # namespace, name

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
STRIP_PATH_ANNOTATION = "konghq.com/strip-path"
MATCHES = {
    "Exact": PathMatch.EXACT,
    "Prefix": PathMatch.SEGMENTS,
    "ImplementationSpecific": PathMatch.PREFIX,
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The three kinds of object that routes are made from, each by namespace and name."""

    ingresses: Mapping[Key, Object]
    services: Mapping[Key, Object]
    endpoints: Mapping[Key, Object]


def routes(cluster: Cluster, ingress_class: str) -> list[Route]:
    """Return a route for every path of every Ingress of this class; without ready endpoints it has no targets."""
    return [
        route
        for (namespace, _), ingress in sorted(cluster.ingresses.items())
        if _class(ingress) == ingress_class
        for route in _of(ingress, namespace, cluster)
    ]


def _class(ingress: Object) -> str | None:
    named: str | None = ingress.get("spec", {}).get("ingressClassName")
    return named or annotations_of(ingress).get(CLASS_ANNOTATION)


def annotations_of(thing: Object) -> Mapping[str, str]:
    """Return an object's annotations."""
    return thing["metadata"].get("annotations") or {}


def _of(ingress: Object, namespace: str, cluster: Cluster) -> Iterable[Route]:
    strip = annotations_of(ingress).get(STRIP_PATH_ANNOTATION) == "true"
    for rule in ingress["spec"].get("rules") or []:
        for path in rule.get("http", {}).get("paths") or []:
            match = MATCHES[path.get("pathType", "ImplementationSpecific")]
            reached = targets(path["backend"], namespace, cluster)
            yield Route(rule.get("host"), path.get("path") or "/", match, strip, reached)
    if default := ingress["spec"].get("defaultBackend"):
        yield Route(None, "/", PathMatch.SEGMENTS, strip, targets(default, namespace, cluster))


def targets(backend: Object, namespace: str, cluster: Cluster) -> tuple[tuple[str, int], ...]:
    """Return the ready addresses behind a backend; a Service's port and those of its Endpoints share their name."""
    wanted = backend.get("service", {})
    key = (namespace, wanted.get("name", ""))
    service, endpoints = cluster.services.get(key), cluster.endpoints.get(key)
    if service is None or endpoints is None:
        return ()
    names = {port.get("name") for port in service["spec"].get("ports") or [] if _is(port, wanted["port"])}
    return tuple(
        sorted(
            (address["ip"], port["port"])
            for subset in endpoints.get("subsets") or []
            for address in subset.get("addresses") or []
            for port in subset.get("ports") or []
            if port.get("name") in names
        )
    )


def _is(port: Object, wanted: Object) -> bool:
    """Say whether a Service's port is the one that a backend names, by number or by name."""
    if "number" in wanted:
        return bool(port["port"] == wanted["number"])
    return bool(port.get("name") == wanted.get("name"))
