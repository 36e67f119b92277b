"""Who owns a Service on AWS, and what that makes of its annotations.

Sources: AWS Load Balancer Controller, docs/guide/service (nlb.md, annotations.md), pkg/service and webhooks/core;
cloud-provider-aws, docs/service_controller.md.
"""

from __future__ import annotations

import re
from enum import StrEnum

from diagnose.cluster.objects import at, name_of
from diagnose.inspect.ways import Way
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer
from diagnose.site import Fact

PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
PROXY = f"{PREFIX}proxy-protocol"
PROXY_PER_GROUP = f"{PREFIX}proxy-protocol-per-target-group"
ATTRIBUTES = f"{PREFIX}target-group-attributes"
TYPE = f"{PREFIX}type"
TARGETS = f"{PREFIX}nlb-target-type"
BACKEND_PROTOCOL = f"{PREFIX}backend-protocol"

OWN_CLASS, AUTO_MODE = "service.k8s.aws/nlb", "eks.amazonaws.com/nlb"
CONTROLLER_CLASSES = frozenset({OWN_CLASS, AUTO_MODE})
CONTROLLER_FINALIZER = "service.k8s.aws/resources"
BUILT_IN_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
TARGET_TYPES = frozenset({"ip", "instance"})

_CLASSIC = re.compile(r"^[^.]+\.[a-z0-9-]+\.elb\.amazonaws\.com(\.cn)?$")
"""Names of Classic Load Balancers (cloud-provider-aws); those of an NLB have elb before the region."""


class Owner(StrEnum):
    """Who reconciles a Service on AWS."""

    CONTROLLER = "the AWS Load Balancer Controller"
    BUILT_IN = "AWS's built-in controller"


def owner_of(way: Way) -> tuple[Owner, str] | None:
    """Who owns the Service, and the field that says so. None where nothing does.

    A manifest without a class is no proof: a webhook of the AWS Load Balancer Controller may still add one.
    """
    named = at(way.service, "spec", "loadBalancerClass")
    finalizers = at(way.service, "metadata", "finalizers") or ()
    if named:
        return (Owner.CONTROLLER, way.field("loadBalancerClass")) if named in CONTROLLER_CLASSES else None
    if CONTROLLER_FINALIZER in finalizers:
        return Owner.CONTROLLER, f"{way.name} metadata.finalizers: {CONTROLLER_FINALIZER}"
    kind = way.annotation(TYPE)
    if kind == "nlb-ip" or (kind == "external" and way.annotation(TARGETS) in TARGET_TYPES):
        return Owner.CONTROLLER, way.noted(TYPE)
    if way.admitted and BUILT_IN_FINALIZER in finalizers:
        lacks = f"and no finalizer {CONTROLLER_FINALIZER}"
        return Owner.BUILT_IN, f"{way.name} has metadata.finalizers {BUILT_IN_FINALIZER}, no loadBalancerClass {lacks}"
    return None


def targets_of(way: Way) -> str | None:
    """Whether an NLB of the AWS Load Balancer Controller sends to instances or to "ip"; None where nothing tells.

    Its own class has a default, instances; EKS in Auto Mode may have another.
    """
    if way.annotation(TYPE) == "nlb-ip":
        return "ip"
    default = "instance" if at(way.service, "spec", "loadBalancerClass") in (None, OWN_CLASS) else None
    return way.annotation(TARGETS) or default


def attributes_of(way: Way) -> dict[str, str]:
    """The target group attributes that the Service asks for, those of single ports among them."""
    keys = (key for key in (at(way.service, "metadata", "annotations") or {}) if str(key).startswith(ATTRIBUTES))
    words = ",".join(way.annotation(key) or "" for key in sorted(keys)).split(",")
    pairs = (word.partition("=") for word in words)
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def asks_for_proxy(way: Way) -> str | None:
    """The annotation that asks the AWS Load Balancer Controller for PROXY headers, as evidence; None without one."""
    if way.annotation(PROXY) == "*":
        return way.noted(PROXY)
    if (way.annotation(PROXY_PER_GROUP) or "").strip():
        return way.noted(PROXY_PER_GROUP)
    if attributes_of(way).get("proxy_protocol_v2.enabled") == "true":
        return way.noted(ATTRIBUTES) if way.annotation(ATTRIBUTES) else f"{way.name} annotations {ATTRIBUTES}.PORT"
    return None


def other_cloud(way: Way) -> str | None:
    """The field that says that the nodes are none of AWS's; None where nothing says so."""
    told = [(node, str(at(node, "spec", "providerID") or "")) for node in way.snapshot.of("nodes")]
    if not told or any(not one or one.startswith("aws://") for _, one in told):
        return None
    node, provider = told[0]
    return f"Node {name_of(node)} spec.providerID: {provider}"


def expected_on_aws(way: Way) -> Fact | None:
    """What the owner of the Service makes of it; None where that is not settled, or chosen for single ports."""
    owner, asked = owner_of(way), asks_for_proxy(way)
    if owner is None or other_cloud(way) or not way.balanced or _by_port(way):
        return None
    if owner[0] is Owner.CONTROLLER:
        return _balancer(Proxying.SENDS_PROXY_V2, asked) if asked else None
    if way.annotation(TYPE) is not None or (way.annotation(BACKEND_PROTOCOL) or "tcp").lower() not in ("tcp", "ssl"):
        return None
    if way.annotation(PROXY) == "*":
        return _balancer(Proxying.SENDS_PROXY_V1, way.noted(PROXY))
    name = next((name for name in _published(way) if _CLASSIC.search(name)), None)
    told = f"{way.name} is published as {name}, a Classic Load Balancer, and has no annotation {PROXY}"
    return _balancer(Proxying.PROXIES, told) if name else None


def _balancer(behaviour: Proxying, source: str) -> Fact:
    return Fact(Layer.LOAD_BALANCER, frozenset({behaviour.value}), source)


def _by_port(way: Way) -> bool:
    annotations = at(way.service, "metadata", "annotations") or {}
    return PROXY_PER_GROUP in annotations or any(str(key).startswith(f"{ATTRIBUTES}.") for key in annotations)


def _published(way: Way) -> list[str]:
    return [str(one.get("hostname") or "") for one in at(way.service, "status", "loadBalancer", "ingress") or ()]
