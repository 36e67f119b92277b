"""What configuration lets one expect of the hops before Kong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from diagnose.cluster.objects import at, full_name
from diagnose.cluster.replies import Object
from diagnose.path.traffic import Layer
from diagnose.providers import advice
from diagnose.providers.provider import Match
from diagnose.site import Fact

Fronts = Mapping[str, Sequence[Match]]
"""Whose each front of Kong is, by its name as an entry."""


def facts_of(service: Object, balancer: Sequence[Match], fronts: Fronts) -> tuple[Fact, ...]:
    """What is to be expected of load balancer, edges and nodes in front of ``service``; none of it is certain."""
    told = advice.facts(balancer)
    before = (fact for name, matches in fronts.items() for fact in _in_balancers_place(name, matches))
    return (*told, *before, *node_facts(service, told))


def _in_balancers_place(front: str, matches: Sequence[Match]) -> Iterator[Fact]:
    """What a front does: for the entry that it is, it is the balancer."""
    for fact in advice.facts(matches):
        yield replace(fact, layer=Layer.LOAD_BALANCER if fact.layer is Layer.EDGE else fact.layer, entry=front)


def node_facts(service: Object, told: Sequence[Fact]) -> Iterator[Fact]:
    """externalTrafficPolicy: Cluster lets kube-proxy rewrite the source, Local does not (Kubernetes: Source IP).

    Where the balancer is ``told`` to lead to pods, it decides nothing.
    """
    policy = at(service, "spec", "externalTrafficPolicy")
    behaviour = {"Cluster": "masquerades", "Local": "keeps_source"}.get(policy or "")
    led_to_pods = any(fact.layer is Layer.NODE and fact.behaviours == {"keeps_source"} for fact in told)
    if behaviour and not led_to_pods:
        source = f"Service {full_name(service)} spec.externalTrafficPolicy: {policy}"
        yield Fact(Layer.NODE, frozenset({behaviour}), source)


def known_providers(service: Object, balancer: Sequence[Match], fronts: Fronts) -> dict[str, Match]:
    """Whose the balancer of each entry is, by the entry's name, as far as it is one provider's alone."""
    whole = {f"Service {full_name(service)}": balancer, **fronts}
    return {name: found[0] for name, found in whole.items() if len(found) == 1}
