"""What configuration lets one expect."""

from __future__ import annotations

import pytest

from diagnose.cluster.facts import facts_of
from diagnose.path.traffic import Layer
from tests.diagnose.cluster.things import proxy_service, thing


@pytest.mark.parametrize(("policy", "behaviour"), [("Cluster", "masquerades"), ("Local", "keeps_source")])
def test_the_traffic_policy_tells_of_the_node(policy: str, behaviour: str) -> None:
    (fact,) = facts_of(proxy_service(spec={"externalTrafficPolicy": policy}), [], [])
    assert (fact.layer, fact.behaviours, fact.certain) == (Layer.NODE, frozenset({behaviour}), False)
    assert fact.source == f"Service kong/kong-proxy spec.externalTrafficPolicy: {policy}"


def test_without_a_policy_nothing_is_expected_of_the_node() -> None:
    assert facts_of(proxy_service(spec={"type": "ClusterIP", "externalTrafficPolicy": None}), [], []) == ()


@pytest.mark.parametrize("annotation", ["metallb.universe.tf/ip-allocated-from-pool", "metallb.io/address-pool"])
def test_a_balancer_that_forwards_packets_is_known_by_its_annotation(annotation: str) -> None:
    service = proxy_service(metadata={"annotations": {annotation: "x"}})
    assert [fact.behaviours for fact in facts_of(service, [], []) if fact.layer is Layer.LOAD_BALANCER] == [
        {"passes_through"}
    ]


@pytest.mark.parametrize(("provider", "passing"), [("gce://p/z/n", 1), ("azure:///x", 1), ("aws:///eu-west-1a/i-1", 0)])
def test_a_cloud_whose_balancer_forwards_packets_is_known_by_its_nodes(provider: str, passing: int) -> None:
    node = thing("n1", {"providerID": provider}, namespace=None)
    assert len([fact for fact in facts_of(proxy_service(), [node], []) if fact.layer is Layer.LOAD_BALANCER]) == passing


def test_pods_that_stand_in_for_a_load_balancer_are_spoken_of() -> None:
    labels = {"svccontroller.k3s.cattle.io/svcname": "kong-proxy"}
    pod = {"metadata": {"name": "svclb-1", "namespace": "kube-system", "labels": labels}}
    facts = facts_of(proxy_service("kong-proxy"), [], [pod])

    assert any("service_lb" in fact.behaviours and not fact.certain for fact in facts)
    assert not any("service_lb" in fact.behaviours for fact in facts_of(proxy_service("other"), [], [pod]))
