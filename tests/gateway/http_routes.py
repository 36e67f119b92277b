"""From Kubernetes objects to routes: what Kong's ingress controller makes of Gateways and HTTPRoutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.gateway.ingresses import STRIP_PATH_ANNOTATION, Cluster, Key, Object, annotations_of, targets
from tests.gateway.routes import PathMatch, Route

CONTROLLER = "konghq.com/kic-gateway-controller"
MATCHES = {"Exact": PathMatch.EXACT, "PathPrefix": PathMatch.SEGMENTS}


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """The three kinds of the Gateway API that routes are made from, each by namespace and name."""

    classes: Mapping[Key, Object]
    gateways: Mapping[Key, Object]
    http_routes: Mapping[Key, Object]


def http_routes(api: GatewayApi, cluster: Cluster) -> list[Route]:
    """Return a route for every path and hostname of every HTTPRoute that a Gateway of this controller's takes."""
    return [
        route
        for (namespace, _), thing in sorted(api.http_routes.items())
        for hosts in [_hosts(thing, _listeners(thing, namespace, api))]
        for route in _of(thing, namespace, hosts, cluster)
    ]


def _listeners(thing: Object, namespace: str, api: GatewayApi) -> list[Object]:
    """Return the listeners, of this controller's Gateways, that an HTTPRoute hangs by."""
    parents = {(one.get("namespace", namespace), one["name"]) for one in thing["spec"].get("parentRefs") or []}
    return [
        listener
        for key in sorted(parents & set(api.gateways))
        for gateway in [api.gateways[key]]
        for listener in gateway["spec"].get("listeners") or []
        if _ours(gateway, api) and listener["protocol"] in ("HTTP", "HTTPS") and _admits(listener, key[0], namespace)
    ]


def _ours(gateway: Object, api: GatewayApi) -> bool:
    found = api.classes.get(("", gateway["spec"]["gatewayClassName"]))
    return found is not None and found["spec"]["controllerName"] == CONTROLLER


def _admits(listener: Object, home: str, namespace: str) -> bool:
    """Say whether a listener takes routes of a namespace. Selectors are not known here, and admit none."""
    origin = (listener.get("allowedRoutes") or {}).get("namespaces", {}).get("from", "Same")
    return origin == "All" or (origin == "Same" and home == namespace)


def _hosts(thing: Object, listeners: Iterable[Object]) -> list[str | None]:
    """Return the hosts that a route serves on its listeners: its own as far as those take them, else theirs."""
    named: list[str] = thing["spec"].get("hostnames") or []
    found: dict[str | None, None] = {}
    for listener in listeners:
        limit = listener.get("hostname")
        found |= dict.fromkeys([one for one in named if _within(one, limit)] if named else [limit])
    return [*found]


def _within(host: str, limit: str | None) -> bool:
    return limit is None or host == limit or (limit.startswith("*.") and host.endswith(limit[1:]))


def _of(thing: Object, namespace: str, hosts: Iterable[str | None], cluster: Cluster) -> Iterable[Route]:
    strip = annotations_of(thing).get(STRIP_PATH_ANNOTATION) == "true"
    for host in hosts:
        for rule in thing["spec"].get("rules") or []:
            backends = [{"name": one["name"], "port": {"number": one["port"]}} for one in rule["backendRefs"]]
            reached = tuple(pair for one in backends for pair in targets({"service": one}, namespace, cluster))
            for match in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]:
                path = match["path"]
                yield Route(host, path["value"], MATCHES[path["type"]], strip, reached)
