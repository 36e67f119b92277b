"""AWS annotations that are not read, or that do not go together: who reads them is settled by who owns the Service.

Sources: AWS Load Balancer Controller, docs/guide/service (nlb.md, annotations.md), pkg/service and webhooks/core;
cloud-provider-aws, docs/service_controller.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from diagnose.cluster.objects import at, name_of
from diagnose.cluster.replies import Object
from diagnose.inspect.aws_owner import (
    ATTRIBUTES,
    BACKEND_PROTOCOL,
    OWN_CLASS,
    PREFIX,
    PROXY,
    PROXY_PER_GROUP,
    TARGETS,
    TYPE,
    Owner,
    asks_for_proxy,
    attributes_of,
    other_cloud,
    owner_of,
    targets_of,
)
from diagnose.inspect.found import Found
from diagnose.inspect.rules.trust import WHOM_TO_TRUST, left_to_clients
from diagnose.inspect.ways import Way
from diagnose.remedies.told import BREAKS
from diagnose.report.report import RemedyStep

CLASSIC = (None, "classic")
"""What the annotation for the type says of a Classic Load Balancer."""

CHECK_PROTOCOL = f"{PREFIX}healthcheck-protocol"

ATTRIBUTES_SINCE = 34
"""The minor version of cloud-provider-aws, and of Kubernetes, from which on it reads target-group-attributes."""

NODES_BEHIND = 3
"""How many minor versions a node may be behind its control plane (Kubernetes: version skew policy)."""

_VERSION = re.compile(r"v?1\.(\d{1,4})\b")


def not_honoured(way: Way) -> Iterator[Found]:
    """An annotation that is to carry the address and that no controller reads."""
    asked = [key for key in (PROXY, PROXY_PER_GROUP, ATTRIBUTES) if way.annotation(key) is not None]
    if not asked:
        return
    noted = tuple(way.noted(key) for key in asked)
    waits = any(one.demands_proxy for one in way.listens)
    if (not way.balanced or other_cloud(way)) and not waits:
        return  # left over from elsewhere: nothing depends on it
    if not way.balanced:
        kind = at(way.service, "spec", "type") or "ClusterIP, which is the default"
        why = "annotations of a load balancer mean nothing on it"
        yield Found(
            "KIP722", (*noted, f"{way.name} spec.type: {kind}", why), "put them on the Service that callers reach"
        )
    elif elsewhere := other_cloud(way):
        yield Found("KIP722", (*noted, elsewhere), "use the annotations of the cloud that the nodes are in")
    elif found := tuple(_by_owner(way)):
        yield from found
    elif way.annotation(PROXY) not in (None, "*"):
        yield from _another_value(way)


def _another_value(way: Way) -> Iterator[Found]:
    """A value that is not read: with the right one the balancer sends PROXY headers, which all listeners then take."""
    because = (way.noted(PROXY), 'the only value that is read is "*"')
    owner, alone = owner_of(way), way.annotation(TYPE) in _ALONE
    if way.listens and all(one.demands_proxy for one in way.listens):
        yield Found("KIP722", because, 'write "*"', (way.step({PROXY: "*"}),))
    elif not alone or owner is None or owner[0] is Owner.CONTROLLER:
        open_ = alone and owner is None and not at(way.service, "spec", "loadBalancerClass")
        step = _claim(way, {PROXY: "*"}) if open_ else way.step({PROXY: "*"})
        expecting = tuple(step for kong in way.kongs for step in kong.expecting_proxy(way.listens))[:1]
        summary = 'write "*", together with proxy_protocol on every listener; or remove the annotation'
        effects = (*((ANEW,) if open_ else ()), BREAKS, *left_to_clients(way.kongs))
        yield Found("KIP722", because, summary, (step, *expecting, WHOM_TO_TRUST), effects)
    # Otherwise AWS's built-in controller reads no value at all, and no listener waits for what it would ask for.


def _by_owner(way: Way) -> Iterator[Found]:
    owner = owner_of(way)
    network = way.annotation(TYPE) == "nlb"
    waits = not way.kongs or any(one.demands_proxy for one in way.listens)
    if owner is None and waits and not (way.admitted or at(way.service, "spec", "loadBalancerClass")):
        yield from _owner_not_named(way)
    if owner is None or owner[0] is not Owner.BUILT_IN:
        return
    if network and waits and way.annotation(PROXY) is not None:
        why = f"{Owner.BUILT_IN} reads it for Classic Load Balancers only, and this one is of type nlb"
        yield Found("KIP722", (way.noted(PROXY), way.noted(TYPE), owner[1], why), RECREATE, (_claim(way),), (ANEW,))
    if waits and way.annotation(PROXY_PER_GROUP) is not None:
        yield Found("KIP722", (way.noted(PROXY_PER_GROUP), owner[1]), RECREATE, (_claim(way),), (ANEW,))
    if way.annotation(ATTRIBUTES) is not None:
        yield from _attributes(way, owner[1], network)


_ALONE = {
    "nlb": "AWS's built-in controller makes the balancer of type nlb, and ignores annotations for PROXY headers on it",
    "external": f"type external is taken by nobody, save the AWS Load Balancer Controller together with {TARGETS}",
}
_UNLESS = "unless the AWS Load Balancer Controller (2.5 or later) or EKS in Auto Mode gives a new Service its own class"


def _owner_not_named(way: Way) -> Iterator[Found]:
    """A manifest that one cluster takes as it is meant, and another does not."""
    asked = tuple(way.noted(key) for key in (PROXY, PROXY_PER_GROUP) if way.annotation(key) is not None)
    why = _ALONE.get(way.annotation(TYPE) or "")
    if asked and why:
        because = (way.noted(TYPE), *asked, f"{why}, {_UNLESS}")
        yield Found("KIP723", because, "name the controller", (_claim(way),), (ANEW,))


ANEW = (
    "Class and type of a Service that a cluster has already cannot be changed: it takes a new Service, and that gets a "
    "new balancer with another address. Make it beside the old one, move the traffic, then remove the old one."
)
RECREATE = "let the AWS Load Balancer Controller own the Service, which takes a new one"


def _attributes(way: Way, owned: str, network: bool) -> Iterator[Found]:
    if not network:
        why = "a Classic Load Balancer has no target groups"
        yield Found("KIP722", (way.noted(ATTRIBUTES), owned, why), RECREATE, (_claim(way),), (ANEW,))
        return
    oldest = oldest_version(way.snapshot.of("nodes"))
    if oldest is not None and oldest[0] + NODES_BEHIND < ATTRIBUTES_SINCE:
        why = (
            f"{Owner.BUILT_IN} reads it from v1.{ATTRIBUTES_SINCE}.0 on, and a control plane is at most "
            f"{NODES_BEHIND} minor versions ahead of a node"
        )
        yield Found("KIP722", (way.noted(ATTRIBUTES), owned, oldest[1], why), RECREATE, (_claim(way),), (ANEW,))


def oldest_version(nodes: tuple[Object, ...]) -> tuple[int, str] | None:
    """The oldest minor version that a node tells, and where it does; None where none does."""
    told = []
    for node in nodes:
        text = str(at(node, "status", "nodeInfo", "kubeletVersion") or "")
        if match := _VERSION.match(text):
            told.append((int(match[1]), f"Node {name_of(node)} status.nodeInfo.kubeletVersion: {text}"))
    return min(told, default=None)


def _claim(way: Way, beside: Mapping[str, str] | None = None) -> RemedyStep:
    """The class of the AWS Load Balancer Controller, by which it reads the annotations there and those ``beside``."""
    targets = {TARGETS: targets_of(way) or "instance", **(beside or {})}
    if way.within:  # the Kong Operator hands on annotations, and no class
        return way.step({TYPE: "external", **targets})
    return way.step(targets, loadBalancerClass=OWN_CLASS)


def health_checks_get_proxy(way: Way) -> Iterator[Found]:
    """PROXY v2, instance targets and Local: the balancer sends PROXY headers to kube-proxy's health check as well."""
    owner, asked = owner_of(way), asks_for_proxy(way)
    if owner is None or owner[0] is not Owner.CONTROLLER or asked is None or way.policy != "Local":
        return
    if targets_of(way) != "instance":
        return
    if (way.annotation(CHECK_PROTOCOL) or "").lower() == "tcp" or not way.balanced:
        return
    targets = (
        way.noted(TARGETS) if way.annotation(TARGETS) else f"{way.name} has no {TARGETS}, so targets are instances"
    )
    policy = way.field("externalTrafficPolicy")
    why = "the check at healthCheckNodePort is preceded by a PROXY header too, which kube-proxy answers as an error"
    step = way.step(externalTrafficPolicy="Cluster")
    effect = "The PROXY header names the caller whatever nodes do to the source; Kong has to trust the nodes as well."
    yield Found("KIP724", (asked, targets, policy, why), "use externalTrafficPolicy: Cluster", (step,), (effect,))


def ip_targets_drop_source(way: Way) -> Iterator[Found]:
    """IP targets of an NLB: the source is replaced unless an attribute or PROXY headers prevent it."""
    owner = owner_of(way)
    if owner is None or owner[0] is not Owner.CONTROLLER or targets_of(way) != "ip" or not way.balanced:
        return
    preserved = attributes_of(way).get("preserve_client_ip.enabled") == "true"
    if preserved or asks_for_proxy(way) or _reads_a_header(way):
        return
    chosen = way.noted(TARGETS) if way.annotation(TARGETS) else way.noted(TYPE)
    lacks = f"{way.name} asks neither for preserve_client_ip.enabled nor for PROXY headers"
    wanted = {**attributes_of(way), "preserve_client_ip.enabled": "true"}
    step = way.step({ATTRIBUTES: ",".join(f"{name}={value}" for name, value in wanted.items())})
    effects = ("Security groups of nodes and pods then have to admit the callers' own addresses.",)
    yield Found("KIP733", (chosen, owner[1], lacks), "let the balancer preserve the source", (step,), effects)


def _reads_a_header(way: Way) -> bool:
    """Whether some Kong takes, or may take, the address from a header that something before the balancer writes."""
    told = [kong.header_told() for kong in way.kongs]
    named = any(one is not None and one.value != "proxy_protocol" for one in told)
    return named or any(kong.header_open for kong in way.kongs)


def proxy_within_tls(way: Way) -> Iterator[Found]:
    """A Classic Load Balancer that encrypts anew and sends PROXY headers: Kong expects the header before TLS."""
    owner, backend = owner_of(way), (way.annotation(BACKEND_PROTOCOL) or "").lower()
    if way.annotation(TYPE) in CLASSIC and way.annotation(PROXY) == "*" and backend in ("ssl", "https"):
        if owner is None and not (way.admitted or at(way.service, "spec", "loadBalancerClass")):
            whose = f"{way.name} has no type, so AWS's built-in controller makes a Classic Load Balancer, {_UNLESS}"
        elif owner is not None and owner[0] is Owner.BUILT_IN:
            whose = owner[1]
        else:
            return
        step = way.step({BACKEND_PROTOCOL: "tcp"})
        lines = (way.noted(PROXY), way.noted(BACKEND_PROTOCOL), whose)
        yield Found("KIP734", lines, "pass TLS through: backend-protocol tcp", (step,))
