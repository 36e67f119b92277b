"""A mesh that is to inject a sidecar into Kong's pods, and does not leave Kong's own ports alone.

Sources: the annotations that Istio, Linkerd and Kuma document for sidecar injection and inbound ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from diagnose.cluster.controllers import arguments
from diagnose.cluster.objects import annotations_of, at, labels_of, name_of
from diagnose.cluster.replies import Object
from diagnose.inspect.found import Found
from diagnose.inspect.kongs import Kong, annotation_of
from diagnose.inspect.rules.trust import trusted_networks
from diagnose.inspect.ways import Way
from diagnose.remedies.forms import Told
from diagnose.report.report import RemedyStep

SIDECARS = {"istio-proxy": "istio", "linkerd-proxy": "linkerd", "kuma-sidecar": "kuma"}
YES = frozenset({"true", "enabled", "yes", "1"})
INJECTED = YES | {"ingress"}
"""Linkerd's ingress mode is about the requests that Kong sends; those that come to it are taken all the same."""

_ISTIO_INJECT = "sidecar.istio.io/inject"
_ISTIO_INCLUDE = "traffic.sidecar.istio.io/includeInboundPorts"
_ISTIO_EXCLUDE = "traffic.sidecar.istio.io/excludeInboundPorts"
_ISTIO_MODE = "sidecar.istio.io/interceptionMode"
_LINKERD_INJECT = "linkerd.io/inject"
_LINKERD_SKIP = "config.linkerd.io/skip-inbound-ports"
_KUMA_INJECT = "kuma.io/sidecar-injection"
_KUMA_GATEWAY = "kuma.io/gateway"
_KUMA_EXCLUDE = "traffic.kuma.io/exclude-inbound-ports"

_EXCLUDING = ("-d", "--istio-local-exclude-ports", "--inbound-ports-to-ignore")
"""By which istio-init and linkerd-init are told the ports that they leave alone."""

SIDECAR_PEERS = ("127.0.0.6", "127.0.0.1")
"""From where Istio's sidecar and the others connect to Kong."""


def takes_connections(way: Way) -> Iterator[Found]:
    """A sidecar takes the connections that come to Kong, and makes new ones from loopback."""
    for kong in way.kongs:
        ports = tuple(sorted({one.port for one in way.listens if one.port is not None}))
        if kong.settings is None or kong.settings.trusted_ips is None or not ports or _trusts_sidecar(kong):
            continue
        for mesh, why in injections(way, kong).items():
            if not (_left_alone(mesh, kong, ports) or _left_alone_elsewhere(way, kong, ports)):
                lacks = f"{kong.name} pod template has no {_WANTED[mesh]} that leaves the ports of Kong's listeners out"
                yield Found("KIP730", (why, lacks), "leave Kong's ports to Kong", (_step(mesh, kong, ports),))


_WANTED = {"istio": f"annotation {_ISTIO_EXCLUDE}", "linkerd": f"annotation {_LINKERD_SKIP}", "kuma": _KUMA_GATEWAY}


def injections(way: Way, kong: Kong) -> Mapping[str, str]:
    """The meshes whose sidecar is, or is to be, in Kong's pods, each with the field that says so."""
    found: dict[str, str] = {}
    for pod in kong.pods:
        for container in (*(at(pod, "spec", "containers") or ()), *(at(pod, "spec", "initContainers") or ())):
            if mesh := SIDECARS.get(str(container.get("name"))):
                found.setdefault(mesh, f"Pod {name_of(pod)} has a container {container['name']}")
    if kong.pods or at(kong.template, "spec", "hostNetwork"):
        return found  # what runs decides; and no mesh goes into a pod in its node's network
    space = _space(way, kong)
    for mesh, key in (("istio", _ISTIO_INJECT), ("linkerd", _LINKERD_INJECT), ("kuma", _KUMA_INJECT)):
        own = labels_of(kong.template).get(key) or annotation_of(kong.template, key)
        if own is not None:
            if str(own).lower() in INJECTED:
                found[mesh] = f"{kong.name} pod template {key}: {own}"
        elif by_space := _by_namespace(mesh, {**annotations_of(space), **labels_of(space)}):
            found[mesh] = f"Namespace {kong.namespace} {by_space}"
    return found


def _space(way: Way, kong: Kong) -> Object:
    """Kong's namespace, empty where it is not at hand."""
    return next((one for one in way.snapshot.of("namespaces") if name_of(one) == kong.namespace), {})


def _left_alone_elsewhere(way: Way, kong: Kong, ports: tuple[int, ...]) -> bool:
    """Whether the namespace excludes the ports, as Linkerd has it, or what injection made of some setting does."""
    if all(_holds(annotation_of(_space(way, kong), _LINKERD_SKIP), port) for port in ports):
        return True
    made = [container for pod in kong.pods for container in at(pod, "spec", "initContainers") or ()]
    lists = [text for one in made for flag in _EXCLUDING for text in arguments(list(one.get("args") or ()), flag)]
    return any(all(_holds(text, port) for port in ports) for text in lists)


def _by_namespace(mesh: str, told: Mapping[str, str]) -> str | None:
    keys = {"istio": ("istio-injection",), "linkerd": (_LINKERD_INJECT,), "kuma": (_KUMA_INJECT,)}[mesh]
    yes = next((f"{key}: {told[key]}" for key in keys if str(told.get(key) or "").lower() in INJECTED), None)
    revision = told.get("istio.io/rev") if mesh == "istio" and told.get("istio-injection") != "disabled" else None
    if told.get("istio.io/dataplane-mode") or yes or not revision:
        return yes
    return f"istio.io/rev: {revision}"


def _left_alone(mesh: str, kong: Kong, ports: tuple[int, ...]) -> bool:
    """Whether annotations keep the sidecar off every port in ``ports``."""
    template = kong.template
    if mesh == "istio":
        include, mode = annotation_of(template, _ISTIO_INCLUDE), annotation_of(template, _ISTIO_MODE)
        if mode == "TPROXY" or (include is not None and not any(_holds(include, port) for port in ports)):
            return True
        return all(_holds(annotation_of(template, _ISTIO_EXCLUDE), port) for port in ports)
    if mesh == "linkerd":
        return all(_holds(annotation_of(template, _LINKERD_SKIP), port) for port in ports)
    gateway = annotation_of(template, _KUMA_GATEWAY) or labels_of(template).get(_KUMA_GATEWAY)
    excluded = all(_holds(annotation_of(template, _KUMA_EXCLUDE), port) for port in ports)
    return excluded or str(gateway or "").lower() in YES


def _holds(text: str | None, port: int) -> bool:
    """Whether a list of ports and ranges, or "*", holds ``port``."""
    for word in (text or "").split(","):
        first, dash, last = word.strip().partition("-")
        if first == "*":
            return True
        numbers = [int(one) for one in ((first, last) if dash else (first, first)) if _number(one)]
        if len(numbers) == 2 and numbers[0] <= port <= numbers[1]:
            return True
    return False


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def _trusts_sidecar(kong: Kong) -> bool:
    """Whether Kong is told to take the sidecar for a proxy that names the caller."""
    networks = trusted_networks((kong.settings.trusted_ips if kong.settings else None) or ())
    return any(ip_address(peer) in network for peer in SIDECAR_PEERS for network in networks)


def _step(mesh: str, kong: Kong, ports: tuple[int, ...]) -> RemedyStep:
    listed = ",".join(map(str, ports))
    annotations = {
        "istio": {_ISTIO_EXCLUDE: listed},
        "linkerd": {_LINKERD_SKIP: listed},
        "kuma": {_KUMA_GATEWAY: "enabled"},
    }
    return kong.written.settings(Told({}, pod_annotations=annotations[mesh]))
