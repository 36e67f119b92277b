"""Kong's Gateways: which are Kong's, which one leads to a Service, and which routes it takes.

Sources: the Gateway API (GatewayClassSpec.controllerName, Listener.allowedRoutes, Listener.hostname); Kong's ingress
controller and the Kong Operator, for the names that they control classes by and for the addresses that they publish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from diagnose.cluster.fronts import published_by
from diagnose.cluster.kinds import HTTP_ROUTE
from diagnose.cluster.objects import at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object, Reply
from diagnose.cluster.route import ByGateway, Route
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import USAGE, Stop
from diagnose.site import Gap

KONG_CONTROLLERS = frozenset({"konghq.com/kic-gateway-controller", "konghq.com/gateway-operator"})
OF_HTTP = frozenset({"HTTP", "HTTPS"})
"""The protocols of listeners that HTTPRoutes can hang by."""

Get = Callable[[str], Reply]
"""Asks the API server for the object at a path."""


def kong_gateways(snapshot: Snapshot) -> tuple[Object, ...]:
    """The Gateways of the classes that Kong's controllers have."""
    classes = snapshot.of("gatewayclasses")
    names = {name_of(one) for one in classes if at(one, "spec", "controllerName") in KONG_CONTROLLERS}
    return tuple(one for one in snapshot.of("gateways") if at(one, "spec", "gatewayClassName") in names)


def named_gateway(snapshot: Snapshot, gateway: str) -> Object:
    """The Gateway that ``--gateway`` names. Its class is believed to be Kong's: a controller's name can be changed."""
    known = {full_name(one): one for one in snapshot.of("gateways")}
    if gateway in known:
        return known[gateway]
    if "gateways" in snapshot.refused:
        why = snapshot.refused["gateways"]
        raise Stop(f"Gateway {gateway} cannot be read: {why}.", "Ask for the right to list Gateways.")
    near = get_close_matches(gateway, known, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(sorted(known)[:20]) or 'none'}."
    raise Stop(f"There is no Gateway {gateway}.", hint, USAGE)


def gateway_for(snapshot: Snapshot, service: Object) -> Object | None:
    """The Gateway of Kong's that leads to ``service``, or the only one there is; None where there is none.

    Stop with status 2 where nothing tells which of several it is.
    """
    gateways = kong_gateways(snapshot)
    candidates = [one for one in gateways if leads_to(snapshot, one, service)] or gateways
    if len(candidates) > 1:
        names = [full_name(one) for one in candidates]
        raise Stop(
            f"Several Gateways are Kong's: {', '.join(names)}.",
            f"Choose one for the echo's route with --gateway NAMESPACE/NAME, such as --gateway {names[0]}.",
            USAGE,
        )
    return next(iter(candidates), None)


def leads_to(snapshot: Snapshot, gateway: Object, service: Object) -> bool:
    """Whether ``gateway`` has an address of the Service, or owns it, by itself or through a DataPlane."""
    addresses = {str(one.get("value")) for one in at(gateway, "status", "addresses") or ()}
    if addresses & addresses_of(service):
        return True
    home = namespace_of(service)
    planes = [one for one in snapshot.of("dataplanes") if namespace_of(one) == home and is_owner(one, service)]
    return namespace_of(gateway) == home and any(is_owner(gateway, one) for one in (service, *planes))


def addresses_of(service: Object) -> frozenset[str]:
    """The addresses and names by which a Gateway may tell of a Service: published ones, else the Service's own."""
    own = at(service, "spec", "clusterIPs") or [at(service, "spec", "clusterIP")]
    return frozenset({*published_by(service), *(one for one in own if one and one != "None")})


def is_owner(owner: Object, thing: Object) -> bool:
    """Whether ``thing`` of the same namespace refers to ``owner`` as an owner of its own."""
    uid = at(owner, "metadata", "uid")
    references: Iterable[Object] = at(thing, "metadata", "ownerReferences") or ()
    return uid is not None and any(one.get("uid") == uid for one in references)


@dataclass(frozen=True, slots=True)
class Attachment:
    """The listeners of a Gateway that take the echo's route, and what is not known of that."""

    gateway: Object
    listeners: tuple[Object, ...]
    gaps: tuple[Gap, ...]

    def gaps_for(self, hosts: Sequence[str | None]) -> tuple[Gap, ...]:
        """What is open of probes that ask for one of ``hosts`` (None: an address)."""
        if not hosts or any(fits(one.get("hostname"), host) for one in self.listeners for host in hosts):
            return self.gaps
        only = ", ".join(sorted({str(one["hostname"]) for one in self.listeners}))
        why = f"its listeners are for {only} alone, and no probe asks for such a host: name one with --host"
        return (*self.gaps, Gap(f"the echo behind Gateway {full_name(self.gateway)}", why))


def attach(route: Route | None, namespace: str, get: Get) -> Attachment | None:
    """How a route of ``namespace`` hangs by the Gateway; None where it hangs by none.

    Stop with status 2 where the Gateway takes none of that namespace.
    """
    if not isinstance(route, ByGateway):
        return None
    gateway = route.gateway
    listeners = [one for one in at(gateway, "spec", "listeners") or () if takes_http(one)]
    if not listeners:
        what = f"Gateway {full_name(gateway)} has no listener for HTTPRoutes."
        raise Stop(what, "Name another one with --gateway NAMESPACE/NAME.", USAGE)
    admitting, gaps = admitting_listeners(listeners, gateway, namespace, get)
    if not admitting:
        raise Stop(
            f"Gateway {full_name(gateway)} admits no HTTPRoute from namespace {namespace}.",
            remedy_for(listeners, gateway),
            USAGE,
        )
    return Attachment(gateway, tuple(admitting), gaps)


def takes_http(listener: Object) -> bool:
    """Whether HTTPRoutes may hang by a listener: its protocol is HTTP, and its list of kinds, if any, names them."""
    kinds = at(listener, "allowedRoutes", "kinds") or ()
    named = not kinds or any(one.get("kind") == HTTP_ROUTE.kind for one in kinds)
    return listener.get("protocol") in OF_HTTP and named


def admitting_listeners(
    listeners: Sequence[Object], gateway: Object, namespace: str, get: Get
) -> tuple[list[Object], tuple[Gap, ...]]:
    """The listeners that take routes of ``namespace``. Where its labels cannot be read, selectors are let pass."""
    labels: Mapping[str, str] | None = {}
    gaps: tuple[Gap, ...] = ()
    if any(origin(one) == "Selector" for one in listeners):
        reply = get(f"/api/v1/namespaces/{namespace}")
        labels = labels_of(reply.object()) if reply.ok else None
        if labels is None:
            what = f"whether Gateway {full_name(gateway)} admits routes from namespace {namespace}"
            gaps = (Gap(what, reply.message),)
    return [one for one in listeners if admits(one, gateway, namespace, labels)], gaps


def admits(listener: Object, gateway: Object, namespace: str, labels: Mapping[str, str] | None) -> bool:
    """Whether a listener takes routes of ``namespace``; ``labels`` are the namespace's, None where nobody knows."""
    match origin(listener):
        case "All":
            return True
        case "Same":
            return namespace == namespace_of(gateway)
        case "Selector":
            return labels is None or selects(at(listener, "allowedRoutes", "namespaces", "selector") or {}, labels)
    return False


def origin(listener: Object) -> str:
    """From which namespaces a listener takes routes: All, Same, Selector."""
    return str(at(listener, "allowedRoutes", "namespaces", "from") or "Same")


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels (Kubernetes: LabelSelector)."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions: Iterable[Object] = selector.get("matchExpressions") or ()
    return wanted.items() <= dict(labels).items() and all(holds(one, labels) for one in expressions)


def holds(expression: Object, labels: Mapping[str, str]) -> bool:
    """Whether one expression of a selector is true of these labels."""
    value, values = labels.get(str(expression.get("key"))), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def remedy_for(listeners: Iterable[Object], gateway: Object) -> str:
    """What to do where a Gateway takes no route of the run's namespace."""
    origins = {origin(one) for one in listeners}
    if "Same" in origins:
        return f"Its listeners take those of its own namespace: --namespace {namespace_of(gateway)}"
    if "Selector" in origins:
        return "Its listeners select namespaces by label: name one of them with --namespace NAME."
    return "Let one of its listeners take them (allowedRoutes), or name another one with --gateway NAMESPACE/NAME."


def fits(hostname: str | None, host: str | None) -> bool:
    """Whether a listener of this hostname (None: any) takes requests for ``host`` (None: an address)."""
    if not hostname:
        return True
    if host is None:
        return False
    if hostname.startswith("*."):
        return host.lower().endswith(hostname[1:].lower())
    return host.lower() == hostname.lower()
