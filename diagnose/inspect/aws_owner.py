"""Who owns a Service on AWS, and what that makes of its annotations.

Sources: AWS Load Balancer Controller, docs/guide/service (nlb.md, annotations.md), pkg/service and webhooks/core;
cloud-provider-aws, docs/service_controller.md.
"""

from __future__ import annotations

from enum import StrEnum

from diagnose.cluster.objects import at, name_of
from diagnose.inspect.ways import Way

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
