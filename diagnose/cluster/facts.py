"""What the cluster's configuration lets one expect of a hop, before any traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diagnose.cluster.inventory import SERVICE_LB_LABEL
from diagnose.cluster.objects import annotations_of, at, full_name, name_of
from diagnose.cluster.replies import Object
from diagnose.path.traffic import Layer
from diagnose.site import Fact

PASSING_ANNOTATIONS = ("metallb.universe.tf/", "metallb.io/", "kube-vip.io/", "purelb.io/", "lbipam.cilium.io/")
"""Written on a Service by load balancers that forward packets to the nodes and end no connection."""

PASSING_PROVIDERS = {"gce://": "Google Cloud's", "azure://": "Azure's"}
"""Clouds whose load balancer for a plain Service forwards packets, by the scheme of Node.spec.providerID."""


def facts_of(service: Object, nodes: Iterable[Object], pods: Iterable[Object]) -> tuple[Fact, ...]:
    """What is to be expected of the load balancer and the nodes in front of ``service``; none of it is certain."""
    return (*balancer_facts(service, nodes), *node_facts(service), *service_lb_facts(service, pods))


def node_facts(service: Object) -> Iterator[Fact]:
    """externalTrafficPolicy: Cluster lets kube-proxy rewrite the source, Local does not (Kubernetes: Source IP)."""
    policy = at(service, "spec", "externalTrafficPolicy")
    behaviour = {"Cluster": "masquerades", "Local": "keeps_source"}.get(policy or "")
    if behaviour:
        source = f"Service {full_name(service)} spec.externalTrafficPolicy: {policy}"
        yield Fact(Layer.NODE, frozenset({behaviour}), source)


def service_lb_facts(service: Object, pods: Iterable[Object]) -> Iterator[Fact]:
    """Whether pods stand in for a load balancer, as k3s has it; whatever kube-proxy does comes after them."""
    for pod in pods:
        labels = at(pod, "metadata", "labels") or {}
        if labels.get(SERVICE_LB_LABEL) == name_of(service):
            behaviours = frozenset({"service_lb", "masquerades", "keeps_source"})
            yield Fact(Layer.NODE, behaviours, f"Pod {full_name(pod)} stands in for a load balancer")
            return


def balancer_facts(service: Object, nodes: Iterable[Object]) -> Iterator[Fact]:
    """Whether the load balancer is of a sort that passes packets through."""
    if at(service, "spec", "type") != "LoadBalancer":
        return
    passing = frozenset({"passes_through"})
    for key in annotations_of(service):
        if key.startswith(PASSING_ANNOTATIONS):
            yield Fact(Layer.LOAD_BALANCER, passing, f"Service {full_name(service)} annotation {key}")
            return
    for node in nodes:
        provider = str(at(node, "spec", "providerID") or "")
        owner = next((words for scheme, words in PASSING_PROVIDERS.items() if provider.startswith(scheme)), None)
        if owner:
            source = f"Node {name_of(node)} spec.providerID: {owner} load balancer for a Service passes packets through"
            yield Fact(Layer.LOAD_BALANCER, passing, source)
            return
