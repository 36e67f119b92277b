"""Whose load balancer it is: every provider by a realistic fixture, and who wins where several could be meant."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster.replies import Object
from diagnose.providers.load import providers
from diagnose.providers.provider import Clue, Match
from diagnose.providers.recognise import is_internal, recognise, recognise_front
from tests.diagnose.cluster.things import proxy_service, thing
from tests.diagnose.providers.known import fixtures

AWS = "service.beta.kubernetes.io/aws-load-balancer"
CLEANUP = "service.kubernetes.io/load-balancer-cleanup"


def node(provider: str | None = None, **labels: str) -> Object:
    return thing("n1", {"providerID": provider} if provider else {}, namespace=None, metadata={"labels": labels})


def service(
    *finalizers: str, name: str = "", klass: str | None = None, kind: str = "LoadBalancer", **more: str
) -> Object:
    """A proxy Service with annotations, finalizers, a class and a published name."""
    spec: dict[str, Any] = {"type": kind} | ({"loadBalancerClass": klass} if klass else {})
    published = [{"hostname": name}] if name else [{"ip": "192.0.2.10"}]
    metadata = {"annotations": {key.replace("@", AWS): value for key, value in more.items()}, "finalizers": finalizers}
    return proxy_service(spec=spec, metadata=metadata, published=published)


def keys(found: tuple[Match, ...]) -> set[str]:
    return {match.provider.key for match in found}


def test_every_provider_has_a_fixture_and_every_fixture_a_provider() -> None:
    assert fixtures().keys() == {one.key for one in providers()}


@pytest.mark.parametrize("key", sorted(fixtures()))
def test_a_fixture_is_its_providers_and_nobody_elses(key: str) -> None:
    fixture = fixtures()[key]
    assert {match.provider.key for match in fixture.matches()} | fixture.hinted() == {key}


def test_what_is_recognised_names_the_object_and_the_field() -> None:
    (match,) = fixtures()["metallb"].matches()
    assert match.source == "Service kong/kong-kong-proxy annotation metallb.io/ip-allocated-from-pool: public"


def test_an_object_with_several_fields_is_named_once() -> None:
    told = service(**{"@-type": "external", "@-nlb-target-type": "ip"})
    (match,) = recognise(told)
    named = f"Service kong/kong-proxy annotation {AWS}-type: external"
    assert match.source == f"{named}, annotation {AWS}-nlb-target-type: ip"


AWS_NODE = node("aws:///eu-central-1a/i-0a1b")


@pytest.mark.parametrize(
    ("thing", "owner"),
    [
        (service(CLEANUP), {"aws-classic"}),
        (service(CLEANUP, **{"@-type": "nlb"}), {"aws-nlb-ccm"}),
        (service(CLEANUP, "service.k8s.aws/resources", **{"@-type": "nlb"}), {"aws-nlb-instance"}),
        (service(klass="service.k8s.aws/nlb", **{"@-type": "nlb"}), {"aws-nlb-instance"}),
        (service(klass="service.k8s.aws/nlb", **{"@-nlb-target-type": "ip"}), {"aws-nlb-ip"}),
        (service("service.k8s.aws/resources", **{"@-type": "nlb-ip"}), {"aws-nlb-ip"}),
        (service(**{"@-type": "external", "@-nlb-target-type": "ip"}), {"aws-nlb-ip"}),
        (service(klass="eks.amazonaws.com/nlb", **{"@-nlb-target-type": "ip"}), {"eks-auto-mode"}),
        (service(**{"@-type": "external"}), set()),
        (service(), set()),
    ],
)
def test_on_aws_the_owner_of_the_service_is_settled_before_its_annotations_are_read(
    thing: Object, owner: set[str]
) -> None:
    assert keys(recognise(thing, [AWS_NODE])) == owner


def test_a_class_of_nobody_known_leaves_the_annotations_unread() -> None:
    theirs = service(klass="example.org/own", **{"load-balancer.hetzner.cloud/location": "fsn1"})
    assert recognise(theirs, [node("hcloud://1")]) == ()


def test_what_a_controller_wrote_says_more_than_the_cloud_that_the_nodes_are_in() -> None:
    bare_metal = service(CLEANUP, **{"metallb.io/ip-allocated-from-pool": "public"})
    (match,) = recognise(bare_metal, [node("hcloud://1")])
    assert (match.provider.key, match.by) == ("metallb", Clue.WRITTEN)


def test_annotations_left_over_from_another_cloud_say_nothing() -> None:
    moved = service(**{"load-balancer.hetzner.cloud/location": "fsn1"})
    assert keys(recognise(moved, [node("azure:///subscriptions/0")])) == {"azure-load-balancer"}


def test_where_the_version_of_a_controller_decides_both_stay_possible() -> None:
    assert keys(recognise(service(CLEANUP), [node("digitalocean://1")])) == {
        "digitalocean-regional",
        "digitalocean-network",
    }


def test_a_service_of_another_type_asks_for_no_load_balancer() -> None:
    assert recognise(service(kind="NodePort", **{"metallb.io/address-pool": "x"}), [node("gce://p/z/n")]) == ()


def test_endpoint_groups_of_google_are_asked_for_by_other_services() -> None:
    grouped = service(kind="ClusterIP", **{"cloud.google.com/neg": '{"exposed_ports":{"80":{}}}'})
    assert keys(recognise(grouped, [node("gce://p/z/n")])) == {"google-tcp-proxy"}


def test_a_cluster_that_tells_nothing_has_a_load_balancer_of_nobody() -> None:
    assert recognise(proxy_service(), [node()]) == ()


@pytest.mark.parametrize(
    ("key", "asked", "what"),
    [
        (
            "digitalocean-regional",
            {"service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol": "true"},
            "with PROXY headers",
        ),
        (
            "digitalocean-regional",
            {"service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol": "false"},
            "by default",
        ),
        ("digitalocean-regional", {"service.beta.kubernetes.io/do-loadbalancer-protocol": "http"}, "ending HTTP"),
    ],
)
def test_annotations_choose_the_mode(key: str, asked: dict[str, str], what: str) -> None:
    told = service(**{"service.beta.kubernetes.io/do-loadbalancer-type": "REGIONAL", **asked})
    assert [(m.provider.key, m.mode.what) for m in recognise(told, [node("digitalocean://1")])] == [(key, what)]


HETZNER = "load-balancer.hetzner.cloud/uses-proxyprotocol"
DIGITALOCEAN = "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol"
VULTR = "service.beta.kubernetes.io/vultr-loadbalancer-proxy-protocol"
SCALEWAY = "service.beta.kubernetes.io/scw-loadbalancer-proxy-protocol-v2"
OPENSTACK = "loadbalancer.openstack.org/proxy-protocol"
ORACLE = "oci-network-load-balancer.oraclecloud.com/is-ppv2-enabled"


def behaviours(key: str, value: str) -> set[str]:
    """What a balancer that an annotation tells of may do."""
    beside = {
        DIGITALOCEAN: {"service.beta.kubernetes.io/do-loadbalancer-type": "REGIONAL"},
        ORACLE: {"oci.oraclecloud.com/load-balancer-type": "nlb"},
    }
    (match,) = recognise(service(**beside.get(key, {}), **{key: value}))
    return set(match.mode.behaviours)


@pytest.mark.parametrize("key", [HETZNER, DIGITALOCEAN, VULTR, SCALEWAY])
@pytest.mark.parametrize("value", ["t", "T", "TRUE", "true", "True"])
def test_a_controller_that_reads_booleans_as_go_does_takes_each_word_for_true(key: str, value: str) -> None:
    assert all("sends_proxy" in one for one in behaviours(key, value))


@pytest.mark.parametrize("key", [HETZNER, DIGITALOCEAN, VULTR, SCALEWAY])
@pytest.mark.parametrize("value", ["f", "F", "FALSE", "false", "False"])
def test_a_controller_that_reads_booleans_as_go_does_takes_each_word_for_false(key: str, value: str) -> None:
    assert behaviours(key, value) == {"proxies"}


@pytest.mark.parametrize("key", [HETZNER, DIGITALOCEAN, VULTR])
def test_one_and_zero_are_booleans(key: str) -> None:
    assert all("sends_proxy" in one for one in behaviours(key, "1"))
    assert behaviours(key, "0") == {"proxies"}


def test_one_is_a_port_where_ports_are_told_as_well() -> None:
    assert behaviours(SCALEWAY, "1") == {"proxies", "sends_proxy_v1", "sends_proxy_v2"}
    assert behaviours(SCALEWAY, "*") == {"sends_proxy_v2"}
    assert behaviours(SCALEWAY, "") == {"proxies"}


@pytest.mark.parametrize("key", [HETZNER, DIGITALOCEAN, SCALEWAY, ORACLE])
@pytest.mark.parametrize("value", ["yes", "on", "tRuE ", "enabled"])
def test_a_value_that_a_controller_refuses_is_neither_on_nor_off(key: str, value: str) -> None:
    found = behaviours(key, value)
    assert "proxies" in found
    assert any("sends_proxy" in one for one in found)


def test_a_controller_that_takes_one_word_alone_is_off_with_another() -> None:
    assert behaviours(VULTR, "yes") == {"proxies"}
    assert not any("sends_proxy" in one for one in behaviours(OPENSTACK, "True"))
    assert behaviours(OPENSTACK, "true") == {"sends_proxy_v1"}


@pytest.mark.parametrize(("value", "sends"), [("TRUE", True), ("tRue", True), ("False", False)])
def test_a_controller_that_minds_no_letter_case(value: str, sends: bool) -> None:
    assert (behaviours(ORACLE, value) == {"sends_proxy_v2"}) is sends
    assert any("sends_proxy" in one for one in behaviours(ORACLE, value)) is sends


def test_one_attribute_of_a_list_chooses_the_mode_and_another_does_not() -> None:
    attributes = "deregistration_delay.timeout_seconds=10, proxy_protocol_v2.enabled=true"
    on, off = (
        service(klass="service.k8s.aws/nlb", **{"@-target-group-attributes": text})
        for text in (attributes, attributes.replace("=true", "=false"))
    )
    assert [recognise(one, [AWS_NODE])[0].mode.behaviours for one in (on, off)] == [
        {"sends_proxy_v2"},
        {"passes_through"},
    ]


@pytest.mark.parametrize(
    ("told", "internal"),
    [
        (service(CLEANUP, **{"@-internal": "0.0.0.0/0"}), True),
        (service(CLEANUP, **{"@-internal": "false"}), False),
        (service(CLEANUP, name="internal-a1b2-3.eu-central-1.elb.amazonaws.com"), True),
        (service(CLEANUP, name="a1b2-3.eu-central-1.elb.amazonaws.com"), False),
        (service(klass="service.k8s.aws/nlb", **{"@-scheme": "internal"}), True),
        (service(klass="service.k8s.aws/nlb", **{"@-scheme": "internet-facing", "@-internal": "true"}), False),
        (service(**{"load-balancer.hetzner.cloud/disable-public-network": "true"}), True),
        (service(**{"load-balancer.hetzner.cloud/disable-public-network": "1"}), True),
        (service(**{"load-balancer.hetzner.cloud/use-private-ip": "true"}), False),
        (service(**{"networking.gke.io/load-balancer-type": "Internal"}), True),
        (service(klass="networking.gke.io/l4-regional-external"), False),
        (service(**{"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}), True),
        (service(**{"service.beta.kubernetes.io/azure-load-balancer-internal": "True"}), True),
        (service(**{"service.beta.kubernetes.io/azure-load-balancer-internal": "1"}), False),
        (service(**{"service.beta.kubernetes.io/azure-load-balancer-internal": "false"}), False),
    ],
)
def test_a_balancer_without_a_public_address_is_told_by_what_the_service_says(told: Object, internal: bool) -> None:
    found = recognise(told)
    assert found
    assert is_internal(told, found) is internal


def test_what_makes_one_of_two_balancers_internal_tells_nothing_where_either_may_be_meant() -> None:
    told = service(**{"@-scheme": "internal"})
    assert keys(recognise(told)) == {"aws-classic", "aws-nlb-instance"}
    assert not is_internal(told, recognise(told))
    assert not is_internal(told, ())


def test_pods_that_stand_in_for_another_service_say_nothing_of_this_one() -> None:
    labels = {"svccontroller.k3s.cattle.io/svcname": "kong-proxy", "svccontroller.k3s.cattle.io/svcnamespace": "other"}
    pod = thing("svclb-1", namespace="kube-system", metadata={"labels": labels})
    assert recognise(proxy_service(), [], [pod]) == ()


def ingress(**spec: str) -> Object:
    return thing("front", {"rules": [], **spec})


def test_an_ingress_without_a_class_is_googles_only_in_its_cloud() -> None:
    assert keys(recognise_front(ingress(), [], [node("gce://p/z/n")])) == {"google-application"}
    assert recognise_front(ingress(), [], [node("azure:///s")]) == ()
    assert recognise_front(ingress(ingressClassName="nginx"), [], [node("gce://p/z/n")]) == ()


def test_the_controller_of_a_class_says_more_than_its_name() -> None:
    named = thing("alb", {"controller": "example.org/own"}, namespace=None)
    assert recognise_front(ingress(ingressClassName="alb"), [named], [AWS_NODE]) == ()
    assert keys(recognise_front(ingress(ingressClassName="alb"), [], [AWS_NODE])) == {"aws-alb"}


def test_a_gateway_is_told_by_its_class() -> None:
    found = recognise_front(thing("front", {"gatewayClassName": "gke-l7-global-external-managed"}))
    assert keys(found) == {"google-application"}
