"""What a known provider is told: the lines to paste for exactly that one, and whom to trust behind it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from ipaddress import ip_network

import pytest

from diagnose.explain.bindings import STRANGER, Addresses
from diagnose.explain.explain import explain
from diagnose.explain.senders import find_senders
from diagnose.installation import Form, Installation
from diagnose.owners import Inventory, Kind, Network, Owner
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise
from diagnose.remedies.change import Change
from diagnose.remedies.told import as_remedy
from diagnose.report.report import Remedy
from tests.diagnose.cluster.things import proxy_service
from tests.diagnose.explain.simulator import BALANCER, Way, evidence, inventory
from tests.diagnose.remedies import schemas
from tests.diagnose.remedies.test_find import PLACE, remedy

AWS = "service.beta.kubernetes.io/aws-load-balancer"


def service(annotations: dict[str, str], klass: str | None = None) -> Match:
    """Whose the Service with these annotations is."""
    spec = {"loadBalancerClass": klass} if klass else {}
    (match,) = recognise(proxy_service(spec=spec, metadata={"annotations": annotations}))
    return match


HETZNER = service({"load-balancer.hetzner.cloud/location": "fsn1"})
POD_TARGETS = service({f"{AWS}-nlb-target-type": "ip"}, "service.k8s.aws/nlb")
INSTANCES = service({f"{AWS}-target-group-attributes": "preserve_client_ip.enabled=false"}, "service.k8s.aws/nlb")
METALLB = service({"metallb.io/address-pool": "x"})
FORWARDING = service({"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-id": "x"})
"""It can be told to send PROXY headers, and never connects from an address of its own."""


def cured(match: Match, way: Way, installation: Installation | None = None) -> Remedy:
    place = replace(PLACE, provider=match, installation=installation)
    found = remedy(way, place=place)
    assert found is not None
    assert found.sufficient
    return found


def patch_in(found: Remedy) -> dict[str, object]:
    """The patch of Kong's Service that a remedy prints, held to its shape."""
    (text,) = (step.text for step in found.steps if step.kind == "kubectl")
    *command, patch = shlex.split(text)
    assert command == [
        *[
            "kubectl",
            "--context",
            "prod",
            "--namespace",
            "kong",
            "patch",
            "service",
            "kong-proxy",
            "--type",
            "merge",
            "--patch",
        ]
    ]
    told: dict[str, object] = json.loads(patch)
    schemas.check(told, schemas.SERVICE_PATCH)
    return told


def test_a_known_balancer_is_told_by_its_own_annotation() -> None:
    found = cured(HETZNER, Way("proxies"))

    assert patch_in(found) == {"metadata": {"annotations": {"load-balancer.hetzner.cloud/uses-proxyprotocol": "true"}}}
    assert not any("HAProxy" in step.text for step in found.steps)


def test_what_the_balancer_needs_besides_is_in_the_same_patch() -> None:
    found = remedy(Way("proxies"), place=replace(PLACE, provider=INSTANCES))

    assert found is not None
    assert patch_in(found) == {
        "metadata": {"annotations": {f"{AWS}-target-group-attributes": "preserve_client_ip.enabled=true"}},
    } or "proxy-protocol" in json.dumps(patch_in(found))


def test_one_that_can_keep_the_source_is_told_that_alone() -> None:
    found = cured(POD_TARGETS, Way("proxies"))

    assert found.summary == "Let the balancer keep the client's source address"
    assert patch_in(found) == {
        "metadata": {"annotations": {f"{AWS}-target-group-attributes": "preserve_client_ip.enabled=true"}}
    }
    assert [step.text for step in found.steps if step.kind == "balancer"] == [
        "Security groups of nodes and pods then have to admit the clients' own addresses."
    ]


def test_a_service_that_a_chart_writes_gets_its_annotations_from_values() -> None:
    chart = Installation(Form.HELM, "edge", "kong", "a test", "kong", addresses=("0.0.0.0",))

    found = cured(HETZNER, Way("proxies"), chart)
    texts = [step.text for step in found.steps]

    assert any(effect.startswith("kong/kong names the chart") for effect in found.effects)
    assert any("load-balancer.hetzner.cloud/uses-proxyprotocol: 'true'" in text for text in texts)
    assert not any("patch service" in text for text in texts)


@pytest.mark.parametrize("match", [METALLB, FORWARDING], ids=lambda one: one.provider.key)
def test_a_proxy_that_the_provider_cannot_be_is_told_in_general_words(match: Match) -> None:
    found = cured(match, Way("proxies"))

    assert any("HAProxy" in step.text for step in found.steps if step.kind == "balancer")
    assert not any("annotations" in step.text for step in found.steps)


def test_whom_to_trust_behind_a_provider_is_said_beside_the_addresses_that_were_seen() -> None:
    found = cured(HETZNER, Way("proxies"))

    assert any("Hetzner Cloud Load Balancer" in effect and "private address" in effect for effect in found.effects)


def test_a_change_that_is_taken_back_from_elsewhere_is_said_to_be() -> None:
    flux = Installation(Form.MANIFEST, "deployment/kong", "kong", "a test", keeper="Flux's Kustomization flux/all")

    assert any(effect.startswith("Flux's Kustomization") for effect in cured(HETZNER, Way("proxies"), flux).effects)


def test_ranges_that_are_known_to_be_the_balancers_are_trusted_instead_of_the_address_seen() -> None:
    subnets = Owner(Kind.BALANCER, "its subnets", "a test")
    known = Inventory((*_without(BALANCER), *((ip_network(one), subnets) for one in ("10.1.0.0/24", "10.1.7.0/24"))))

    found = remedy(Way("appends", header="X-Forwarded-For"), owners=known)

    assert found is not None
    assert [step.text for step in found.steps if step.kind == "kong"] == ["KONG_TRUSTED_IPS=10.1.0.0/24,10.1.7.0/24"]


def _without(address: str) -> list[tuple[Network, Owner]]:
    return [(net, owner) for net, owner in inventory().ranges if str(net.network_address) != address]


def test_where_an_nginx_directive_decides_that_one_is_set() -> None:
    twins = frozenset({"KONG_NGINX_PROXY_REAL_IP_HEADER"})

    found = remedy(Way("appends", header="X-Client", trusted=(BALANCER,)), place=replace(PLACE, twins=twins))

    assert found is not None
    assert [step.text for step in found.steps] == ["KONG_NGINX_PROXY_REAL_IP_HEADER=X-Forwarded-For"]


def test_where_nobody_knows_from_where_the_balancer_connects_no_address_is_made_up() -> None:
    observations, owners = evidence(Way("proxies", flag=True)), inventory()
    addresses = Addresses(owners, find_senders((), observations, owners, None))
    cases = explain(observations, (), [Way("proxies", flag=True).settings], addresses).cases
    trusting = Change(trusted_ips=("10.0.0.0/8", str(STRANGER)))

    (step,) = as_remedy(trusting, cases, (), addresses, PLACE, sufficient=False).steps

    assert step.text == "KONG_TRUSTED_IPS=10.0.0.0/8,(the addresses from which the balancer connects to Kong)"
