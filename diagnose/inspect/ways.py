"""The ways to Kong: each Service before it, with the ports that end on Kong's listeners and what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.cluster.discover import KONG_CONTROLLER, looks_like_proxy
from diagnose.cluster.fronts import Front, fronts_of
from diagnose.cluster.objects import annotations_of, at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.found import manifest_step
from diagnose.inspect.kongs import OPERATED, Kong
from diagnose.inspect.written import admitted, service_step
from diagnose.path.listens import Listen
from diagnose.remedies.forms import Told
from diagnose.report.report import RemedyStep


@dataclass(frozen=True, slots=True)
class Way:
    """One Service and the Kongs behind it. ``name`` says where its fields stand written.

    ``kongs`` is empty where none of the workloads at hand is behind it. ``listens`` are the entries of Kong's listen
    settings that the Service's ports end on. ``fronts`` are Ingresses and Gateways of others that lead to it.
    ``within`` is the path to the Service's options within another object that it is made from, empty for a Service.
    """

    service: Object
    name: str
    kongs: tuple[Kong, ...]
    listens: tuple[Listen, ...]
    fronts: tuple[Front, ...]
    snapshot: Snapshot
    within: tuple[str, ...] = ()
    kubectl: str = "kubectl"

    @property
    def admitted(self) -> bool:
        """Whether an API server holds this very object."""
        return admitted(self.service)

    @property
    def balanced(self) -> bool:
        """Whether a load balancer is asked for."""
        return bool(at(self.service, "spec", "type") == "LoadBalancer")

    @property
    def policy(self) -> str:
        """externalTrafficPolicy, which is Cluster where nothing is told (Kubernetes: Service)."""
        return str(at(self.service, "spec", "externalTrafficPolicy") or "Cluster")

    @property
    def families(self) -> frozenset[int]:
        """The address families that the Service is known to have; empty where nothing tells."""
        known = {"IPv4": 4, "IPv6": 6}
        return frozenset(known[one] for one in at(self.service, "spec", "ipFamilies") or () if one in known)

    def annotation(self, key: str) -> str | None:
        """One annotation of the Service."""
        value = annotations_of(self.service).get(key)
        return None if value is None else str(value)

    def field(self, key: str) -> str:
        """A field of the Service's spec as evidence."""
        return f"{self.name} {'.'.join((*self.within, key) if self.within else ('spec', key))}: {self.spec(key)}"

    def spec(self, key: str) -> Any:
        """A field of the Service's spec, None where it is not told."""
        return at(self.service, "spec", key)

    def step(self, annotations: Mapping[str, str] | None = None, **spec: str) -> RemedyStep:
        """What the Service, or what it is made from, is to say, in the form that Kong was installed in."""
        told = Told({}, spec.get("externalTrafficPolicy"), None, annotations or {}, spec.get("loadBalancerClass"))
        if self.kongs:
            return self.kongs[0].written.service(self.service, told)
        if self.within:
            noted = {"annotations": dict(annotations)} if annotations else {}
            return manifest_step({**spec, **noted}, *self.within)
        return service_step(self.service, told, None, self.kubectl)

    def noted(self, key: str) -> str:
        """An annotation of the Service as evidence."""
        where = f"{'.'.join(self.within)} annotation" if self.within else "annotation"
        return f"{self.name} {where} {key}: {self.annotation(key)}"


def find_ways(snapshot: Snapshot, kongs: tuple[Kong, ...], kubectl: str = "kubectl") -> tuple[Way, ...]:
    """The Services that lead to a proxy listener of some Kong, or that are named as Kong's proxy Service is."""
    found = []
    for service in snapshot.of("services"):
        behind = tuple(kong for kong in kongs if _selects(service, kong))
        listens = tuple(dict.fromkeys(one for kong in behind for one in listens_behind(service, kong)))
        if listens or (looks_like_proxy(service) and not (behind and all(kong.listens_known for kong in behind))):
            fronts = tuple(_fronts(snapshot, service))
            name = f"Service {full_name(service)}"
            found.append(Way(service, name, behind, listens, fronts, snapshot, kubectl=kubectl))
    return (*found, *_operated(snapshot, kongs))


def _selects(service: Object, kong: Kong) -> bool:
    selector = at(service, "spec", "selector") or {}
    same = namespace_of(service) == kong.namespace
    return same and bool(selector) and selector.items() <= dict(labels_of(kong.template)).items()


def listens_behind(service: Object, kong: Kong) -> Iterator[Listen]:
    """The entries of Kong's listen settings that the TCP ports of ``service`` end on."""
    names = {one.get("name"): one.get("containerPort") for one in kong.container.get("ports") or ()}
    for port in at(service, "spec", "ports") or ():
        target = port.get("targetPort") or port.get("port")
        number = names.get(target, target)
        if (port.get("protocol") or "TCP") == "TCP":
            yield from (one for one in (*kong.listens, *kong.streams) if one.port is not None and one.port == number)


def _fronts(snapshot: Snapshot, service: Object) -> Iterator[Front]:
    """The fronts of a Service that are none of Kong's."""
    classes = kong_classes(snapshot)
    for front in fronts_of(snapshot, service, None):
        if class_of(front.thing) not in classes:
            yield front


def kong_classes(snapshot: Snapshot) -> frozenset[str]:
    """The names of the IngressClasses that are Kong's; the charts' own name where no IngressClass is at hand."""
    told = snapshot.of("ingressclasses")
    found = {name_of(one) for one in told if at(one, "spec", "controller") == KONG_CONTROLLER}
    return frozenset(found if told else {"kong"})


def class_of(thing: Object) -> str | None:
    """The class of an Ingress or a Gateway."""
    told = at(thing, "spec", "ingressClassName") or at(thing, "spec", "gatewayClassName")
    return str(told or annotations_of(thing).get("kubernetes.io/ingress.class") or "") or None


def _operated(snapshot: Snapshot, kongs: tuple[Kong, ...]) -> Iterator[Way]:
    """The Services that the Kong Operator makes for data planes that are at hand."""
    for kind, (word, path) in OPERATED.items():
        for thing in snapshot.of(kind):
            options = at(thing, *path, "network", "services", "ingress")
            if not isinstance(options, dict):
                continue
            name = f"{word} {full_name(thing)}"
            behind = tuple(kong for kong in kongs if kong.name == name)
            spec = {"type": "LoadBalancer", **{key: value for key, value in options.items() if key != "annotations"}}
            metadata = {"name": name_of(thing), "namespace": namespace_of(thing)}
            service = {"metadata": {**metadata, "annotations": options.get("annotations") or {}}, "spec": spec}
            listens = tuple(one for kong in behind for one in _operated_listens(service, kong))
            yield Way(service, name, behind, listens, (), snapshot, (*path, "network", "services", "ingress"))


OPERATED_PORTS = frozenset({8000, 8443})
"""The ports of Kong that the Operator has its Service lead to where none are told."""


def _operated_listens(service: Object, kong: Kong) -> Iterator[Listen]:
    """The entries that a Service of the Operator's leads to: those of its ports, else the usual ones if there are."""
    if at(service, "spec", "ports"):
        yield from listens_behind(service, kong)
    else:
        usual = [one for one in kong.listens if one.port in OPERATED_PORTS]
        yield from usual or kong.listens
