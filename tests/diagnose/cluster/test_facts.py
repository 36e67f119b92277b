"""What configuration lets one expect."""

from __future__ import annotations

import pytest

from diagnose.cluster.facts import facts_of, known_providers
from diagnose.path.traffic import Layer
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise, recognise_front
from tests.diagnose.cluster.things import proxy_service, thing

NODE = thing("n1", {"providerID": "aws:///eu-west-1a/i-1"}, namespace=None)
ALB = recognise_front(thing("front", {"ingressClassName": "alb"}), [], [NODE])
GOOGLE = recognise_front(thing("other", {"ingressClassName": "gce"}))


def of_aws(**annotations: str) -> tuple[Match, ...]:
    """An NLB of the AWS Load Balancer Controller."""
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    told = {f"{prefix}{key.replace('_', '-')}": value for key, value in annotations.items()}
    service = proxy_service(spec={"loadBalancerClass": "service.k8s.aws/nlb"}, metadata={"annotations": told})
    return recognise(service, [NODE])


@pytest.mark.parametrize(("policy", "behaviour"), [("Cluster", "masquerades"), ("Local", "keeps_source")])
def test_the_traffic_policy_tells_of_the_node(policy: str, behaviour: str) -> None:
    (fact,) = facts_of(proxy_service(spec={"externalTrafficPolicy": policy}), (), {})
    assert (fact.layer, fact.behaviours, fact.certain) == (Layer.NODE, frozenset({behaviour}), False)
    assert fact.source == f"Service kong/kong-proxy spec.externalTrafficPolicy: {policy}"


def test_without_a_policy_nothing_is_expected_of_the_node() -> None:
    assert facts_of(proxy_service(spec={"type": "ClusterIP", "externalTrafficPolicy": None}), (), {}) == ()


def test_a_balancer_that_leads_to_pods_passes_the_nodes_by_whatever_the_policy() -> None:
    told = facts_of(proxy_service(), of_aws(nlb_target_type="ip"), {})
    assert [(fact.layer, set(fact.behaviours)) for fact in told] == [
        (Layer.LOAD_BALANCER, {"proxies"}),
        (Layer.NODE, {"keeps_source"}),
    ]


def test_pods_that_stand_in_for_a_load_balancer_are_spoken_of_beside_the_policy() -> None:
    labels = {"svccontroller.k3s.cattle.io/svcname": "kong-proxy"}
    pod = thing("svclb-1", namespace="kube-system", metadata={"labels": labels})
    told = facts_of(proxy_service(), recognise(proxy_service(), [], [pod]), {})
    assert [set(fact.behaviours) for fact in told] == [{"service_lb", "masquerades", "keeps_source"}, {"masquerades"}]


def test_what_a_front_does_is_told_of_its_own_entries_alone() -> None:
    told = facts_of(proxy_service(), (), {"Ingress kong/front": ALB})
    assert [(fact.layer, fact.entry) for fact in told] == [
        (Layer.LOAD_BALANCER, "Ingress kong/front"),
        (Layer.NODE, None),
    ]


def test_a_provider_is_known_where_there_is_one_alone() -> None:
    found = known_providers(
        proxy_service(), of_aws(), {"Ingress kong/front": ALB, "Ingress kong/other": (*ALB, *GOOGLE)}
    )
    assert {name: match.provider.key for name, match in found.items()} == {
        "Service kong/kong-proxy": "aws-nlb-instance",
        "Ingress kong/front": "aws-alb",
    }
