"""Which Kong: its proxy Service and its IngressClass or Gateway, or a Stop that lists the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from diagnose.cluster.controllers import Controller, controllers_of
from diagnose.cluster.gateways import gateway_for, leads_to, named_gateway
from diagnose.cluster.objects import at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass, ByGateway, Route
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import COULD_NOT_RUN, USAGE, Stop

KONG_CONTROLLER = "ingress-controllers.konghq.com/kong"
OPERATOR_LABEL = ("gateway-operator.konghq.com/dataplane-service-type", "ingress")
PREVIEW = ("gateway-operator.konghq.com/dataplane-service-state", "preview")
"""What the Operator calls the Service of a data plane that is to take the place of the one callers reach."""

NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"


@dataclass(frozen=True, slots=True)
class Found:
    """Kong as found: its proxy Service, and what a route to it hangs by, None where there is nothing of the kind."""

    service: Object
    route: Route | None


def discover(
    snapshot: Snapshot, service: str | None = None, ingress_class: str | None = None, gateway: str | None = None
) -> Found:
    """The one Kong of a cluster, as narrowed by ``--service``, ``--ingress-class`` and ``--gateway``.

    Stop with status 2 for a name that is wrong and where several Kongs remain, 4 where there is none.
    """
    chosen = named_gateway(snapshot, gateway) if gateway is not None else None
    proxy = find_service(snapshot, service, ingress_class, chosen)
    if chosen is not None:
        return Found(proxy, ByGateway(chosen))
    named = ingress_class or class_for(snapshot, proxy)
    if named is not None:
        return Found(proxy, ByClass(named))
    found = gateway_for(snapshot, proxy)
    return Found(proxy, ByGateway(found) if found is not None else None)


def find_service(
    snapshot: Snapshot, service: str | None, ingress_class: str | None, gateway: Object | None = None
) -> Object:
    """Kong's proxy Service, by its name or as narrowed by a class or a Gateway. Stop as ``discover`` does."""
    controllers = all_controllers(snapshot)
    if ingress_class is not None:
        check_class(snapshot, ingress_class)
        controllers = tuple(one for one in controllers if one.ingress_class == ingress_class)
    if service is not None:
        return named_service(snapshot, service)
    return only_service(snapshot, controllers, gateway, narrowed=ingress_class is not None)


def all_controllers(snapshot: Snapshot) -> tuple[Controller, ...]:
    """The ingress controllers of Kong's."""
    return controllers_of(snapshot.of("deployments", "daemonsets", "pods"))


def kong_classes(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the IngressClasses that a Kong Ingress Controller serves."""
    classes = snapshot.of("ingressclasses")
    return tuple(name_of(one) for one in classes if at(one, "spec", "controller") == KONG_CONTROLLER)


def check_class(snapshot: Snapshot, ingress_class: str) -> None:
    """Stop if the cluster can be asked for its IngressClasses and has no such one."""
    names = [name_of(one) for one in snapshot.of("ingressclasses")]
    if ingress_class not in names and "ingressclasses" not in snapshot.refused:
        raise Stop(f"There is no IngressClass {ingress_class}.", suggestion(ingress_class, names), USAGE)


def named_service(snapshot: Snapshot, service: str) -> Object:
    """The Service that ``--service`` names."""
    known = {full_name(one): one for one in snapshot.of("services")}
    if service in known:
        return known[service]
    if "/" not in service:
        raise Stop(f"--service {service} lacks the namespace.", "Write --service NAMESPACE/NAME.", USAGE)
    if "services" in snapshot.refused:
        raise Stop(f"Service {service} cannot be read: {snapshot.refused['services']}.", "Ask for the right to get it.")
    raise Stop(f"There is no Service {service}.", suggestion(service, list(known)), USAGE)


def only_service(
    snapshot: Snapshot, controllers: Sequence[Controller], gateway: Object | None, *, narrowed: bool
) -> Object:
    """The one Service that a controller publishes or that looks like Kong's proxy.

    ``narrowed`` tells that ``controllers`` are those of a chosen class, which then speak alone. Where several are left,
    it is the one that a chosen ``gateway`` leads to.
    """
    if "services" in snapshot.refused:
        raise Stop(
            f"Kong cannot be looked for: {snapshot.refused['services']}.",
            "Ask for the right to list Services, or name Kong's with --service NAMESPACE/NAME.",
        )
    services = {full_name(one): one for one in snapshot.of("services")}
    published = [services[one.publishes] for one in controllers if one.publishes in services]
    candidates = {full_name(one): one for one in published}
    if not (narrowed and candidates):
        pods = [pods_behind(one) for one in published]
        likely = [one for one in services.values() if looks_like_proxy(one) and pods_behind(one) not in pods]
        candidates |= {full_name(one): one for one in preferred(likely)}
    if gateway is not None:
        led = {name: one for name, one in candidates.items() if leads_to(snapshot, gateway, one)}
        candidates = led or candidates
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if not candidates:
        raise Stop(
            "No Kong was found: no controller of Kong's publishes a Service, and no Service bears Kong's labels.",
            "Name Kong's proxy Service with --service NAMESPACE/NAME.",
            COULD_NOT_RUN,
        )
    told = "; ".join(described(one, controllers) for one in candidates.values())
    raise Stop(
        f"There are several Kongs: {told}.",
        f"Choose one with --service NAMESPACE/NAME, such as --service {next(iter(candidates))}.",
        USAGE,
    )


def described(service: Object, controllers: Sequence[Controller]) -> str:
    """A candidate, as a Stop lists it."""
    name = full_name(service)
    classes = sorted({one.ingress_class for one in controllers if one.publishes == name})
    served = f", ingress class {', '.join(classes)}" if classes else ""
    return f"{name} ({at(service, 'spec', 'type') or 'ClusterIP'}{served})"


def pods_behind(service: Object) -> tuple[str, frozenset[tuple[str, str]]]:
    """What tells two Services of the same pods: namespace and selector."""
    return namespace_of(service), frozenset((at(service, "spec", "selector") or {}).items())


def looks_like_proxy(service: Object) -> bool:
    """Whether labels or name are those that Kong's charts and operator give to the proxy Service."""
    labels, name = labels_of(service), name_of(service)
    if at(service, "spec", "clusterIP") == "None" or labels.get(PREVIEW[0]) == PREVIEW[1]:
        return False
    if labels.get(OPERATOR_LABEL[0]) == OPERATOR_LABEL[1]:
        return True
    if name == "kong-proxy" or name.endswith(("-kong-proxy", "-gateway-proxy")):
        return True
    if labels.get(NAME_LABEL) not in ("kong", "gateway"):
        return False
    return labels.get(COMPONENT_LABEL) == "proxy" or name.endswith("proxy")


def preferred(services: Iterable[Object]) -> list[Object]:
    """Of Services of the same pods, the one of type LoadBalancer where that is one alone."""
    groups: dict[tuple[str, frozenset[tuple[str, str]]], list[Object]] = {}
    for service in services:
        groups.setdefault(pods_behind(service), []).append(service)
    chosen: list[Object] = []
    for group in groups.values():
        balanced = [one for one in group if at(one, "spec", "type") == "LoadBalancer"]
        chosen.extend(balanced if len(balanced) == 1 else group)
    return chosen


def class_for(snapshot: Snapshot, service: Object) -> str | None:
    """The class whose Ingresses end at ``service``: its controller's, else the only one that is no other Kong's."""
    controllers, classes = all_controllers(snapshot), kong_classes(snapshot)
    if "ingressclasses" in snapshot.refused:
        classes = tuple(sorted({one.ingress_class for one in controllers}))
    known = {full_name(one): pods_behind(one) for one in (*snapshot.of("services"), service)}
    same = {name for name, pods in known.items() if pods == pods_behind(service)}
    served = sorted({one.ingress_class for one in controllers if one.publishes in same} & set(classes))
    others = {one.ingress_class for one in controllers if one.publishes in known.keys() - same}
    candidates = served or [name for name in classes if name not in others]
    if len(candidates) > 1:
        raise Stop(
            f"Several ingress classes are Kong's: {', '.join(candidates)}.",
            f"Choose the one that Service {full_name(service)} serves with --ingress-class NAME.",
            USAGE,
        )
    return candidates[0] if candidates else None


def suggestion(wrong: str, names: Sequence[str]) -> str:
    """What might have been meant."""
    near = get_close_matches(wrong, names, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(sorted(names)[:20])}." if names else "There are none that could be read."
