"""What stands in front of Kong within the cluster's own objects: an Ingress or Gateway of another class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.cluster.objects import (
    annotations_of,
    at,
    full_name,
    ingress_class_of,
    name_of,
    namespace_of,
)
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass, ByGateway, Route
from diagnose.cluster.snapshot import Snapshot
from probes.probe import Scheme

ALB_PORTS = "alb.ingress.kubernetes.io/listen-ports"
ALB_CERTIFICATE = "alb.ingress.kubernetes.io/certificate-arn"
WHOLE_PATHS = frozenset({None, "", "/", "/*"})
SCHEMES: dict[str, Scheme] = {"HTTP": "http", "HTTPS": "https"}


@dataclass(frozen=True, slots=True)
class Front:
    """One such ``thing``: its published addresses or names, its ports, the host of the rule that leads to Kong.

    ``whole`` is False where only some paths lead to Kong, so that a probe's path would go elsewhere.
    """

    name: str
    published: tuple[str, ...]
    ports: tuple[tuple[int, Scheme], ...]
    host: str | None
    service_port: int | str | None
    thing: Object
    whole: bool = True


def fronts_of(snapshot: Snapshot, service: Object, own: Route | None) -> tuple[Front, ...]:
    """All that lead to Kong's ``service`` but what Kong serves itself: Ingresses of its ``own`` class, its Gateway."""
    ingresses = (one for one in snapshot.of("ingresses") if not of_class(one, own))
    found = [front for ingress in ingresses if (front := ingress_front(ingress, service))]
    for gateway in snapshot.of("gateways"):
        if isinstance(own, ByGateway) and place(gateway) == place(own.gateway):
            continue
        for route in snapshot.of("httproutes"):
            if front := gateway_front(gateway, route, service):
                found.append(front)
                break
    return tuple(found)


def of_class(ingress: Object, own: Route | None) -> bool:
    """Whether an Ingress is of Kong's ``own`` class."""
    return isinstance(own, ByClass) and ingress_class_of(ingress) == own.name


def ingress_front(ingress: Object, service: Object) -> Front | None:
    """An Ingress as a front, None if none of its backends is ``service``; a rule for every path comes first."""
    leading = [rule for rule in ingress_rules(ingress) if at(rule[2], "service", "name") == name_of(service)]
    if namespace_of(ingress) != namespace_of(service) or not leading:
        return None
    host, path, backend = min(leading, key=lambda rule: rule[1] not in WHOLE_PATHS)
    port = at(backend, "service", "port", "number") or at(backend, "service", "port", "name")
    return Front(
        f"Ingress {full_name(ingress)}",
        published_by(ingress),
        ingress_ports(ingress),
        host,
        port,
        ingress,
        path in WHOLE_PATHS,
    )


def ingress_rules(ingress: Object) -> Iterator[tuple[str | None, str | None, Object]]:
    """Host, path and backend of every rule of an Ingress, its default backend last."""
    for rule in at(ingress, "spec", "rules") or ():
        for path in at(rule, "http", "paths") or ():
            yield rule.get("host"), path.get("path"), path.get("backend") or {}
    if default := at(ingress, "spec", "defaultBackend"):
        yield None, None, default


def published_by(thing: Object) -> tuple[str, ...]:
    """The addresses and names in status.loadBalancer of a Service or an Ingress."""
    entries = at(thing, "status", "loadBalancer", "ingress") or ()
    return tuple(str(entry.get("ip") or entry.get("hostname")) for entry in entries if entry)


def ingress_ports(ingress: Object) -> tuple[tuple[int, Scheme], ...]:
    """The ports an Ingress is served on: what an ALB is told by annotation, else 80, and 443 with TLS."""
    annotations = annotations_of(ingress)
    try:
        told = [(int(port), SCHEMES[word]) for one in json.loads(annotations[ALB_PORTS]) for word, port in one.items()]
    except (KeyError, ValueError, TypeError, AttributeError):
        told = []
    if told:
        return tuple(told)
    if ALB_CERTIFICATE in annotations:
        return ((443, "https"),)
    return ((80, "http"), (443, "https")) if at(ingress, "spec", "tls") else ((80, "http"),)


def gateway_front(gateway: Object, route: Object, service: Object) -> Front | None:
    """A Gateway as a front by way of one HTTPRoute, None if that does not lead from it to ``service``."""
    home = namespace_of(route)
    if not hangs_by(route, gateway):
        return None
    for rule in at(route, "spec", "rules") or ():
        for backend in rule.get("backendRefs") or ():
            leads = (backend.get("namespace", home), backend.get("name")) == place(service)
            if leads and backend.get("kind", "Service") == "Service":
                paths = [at(match, "path", "value") for match in rule.get("matches") or [{}]]
                listeners = at(gateway, "spec", "listeners") or ()
                return Front(
                    f"Gateway {full_name(gateway)}",
                    tuple(str(one["value"]) for one in at(gateway, "status", "addresses") or () if one.get("value")),
                    tuple(
                        (int(one["port"]), SCHEMES[one["protocol"]]) for one in listeners if one["protocol"] in SCHEMES
                    ),
                    next(iter(at(route, "spec", "hostnames") or ()), None),
                    backend.get("port"),
                    gateway,
                    any(path in WHOLE_PATHS for path in paths),
                )
    return None


def hangs_by(route: Object, gateway: Object) -> bool:
    """Whether ``gateway`` is a parent of an HTTPRoute."""
    home = namespace_of(route)
    parents = (one for one in at(route, "spec", "parentRefs") or () if one.get("kind", "Gateway") == "Gateway")
    return any((one.get("namespace", home), one.get("name")) == place(gateway) for one in parents)


def route_hosts(snapshot: Snapshot, own: Route | None) -> tuple[str, ...]:
    """The hosts that the Ingresses of Kong's class, or the HTTPRoutes on its Gateway, are for, sorted."""
    ingresses = (one for one in snapshot.of("ingresses") if of_class(one, own))
    named = {str(rule["host"]) for one in ingresses for rule in at(one, "spec", "rules") or () if rule.get("host")}
    if isinstance(own, ByGateway):
        attached = (one for one in snapshot.of("httproutes") if hangs_by(one, own.gateway))
        named |= {str(host) for one in attached for host in at(one, "spec", "hostnames") or ()}
    return tuple(sorted(named))


def place(thing: Object) -> tuple[str, str]:
    """Namespace and name."""
    return namespace_of(thing), name_of(thing)
