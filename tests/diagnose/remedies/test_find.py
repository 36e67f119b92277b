"""Remedies: the smallest change that cures what remains, and never one that trades loss for forgery."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.explain import explain
from diagnose.explain.senders import find_senders
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.settings import DEFAULT_PROXY_LISTEN, Settings
from diagnose.path.traffic import Layer
from diagnose.remedies.find import find_remedy
from diagnose.remedies.told import Place
from diagnose.remedies.trust import trusts
from diagnose.report.report import Remedy
from diagnose.site import Fact
from tests.diagnose.explain.simulator import BALANCER, BRIDGE, NODES, Way, evidence, inventory

EVERYONE = ("0.0.0.0/0", "::/0")
FORWARDS = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a test", certain=True)
PLACE = Place("kubectl --context prod", "kong/kong-proxy", DEFAULT_PROXY_LISTEN)


def remedy(
    way: Way, *facts: Fact, place: Place = PLACE, owners: Inventory | None = None, other: Way | None = None
) -> Remedy | None:
    """What is offered for ``way``, while connections that go ``other`` are ill in another way."""
    observations = evidence(way)
    owners = owners or inventory()
    addresses = Addresses(owners, find_senders((), observations, owners, None))
    explanation = explain(observations, facts, [way.settings], addresses)
    claims = [(o.probe.claims[0].channel, o.traffic) for o in observations if o.probe.claims and o.traffic]
    seen = frozenset(address for o in observations for address in o.visible)
    others = explain(evidence(other), (), [other.settings], addresses).cases if other is not None else ()
    return find_remedy(explanation.cases, claims, addresses, place, seen, (), others)


def steps(found: Remedy | None) -> dict[str, str]:
    assert found is not None
    return {step.kind: step.text for step in found.steps}


def test_a_masquerading_node_is_cured_by_the_traffic_policy_alone() -> None:
    found = remedy(Way(node=BRIDGE), FORWARDS)

    assert found is not None
    assert found.sufficient
    assert steps(found) == {
        "kubectl": "kubectl --context prod --namespace kong patch service kong-proxy --type merge --patch "
        '\'{"spec":{"externalTrafficPolicy":"Local"}}\''
    }
    assert any("healthCheckNodePort" in effect for effect in found.effects)


def test_a_cure_for_only_some_of_what_remains_is_a_first_step() -> None:
    found = remedy(Way(node=NODES[0]))

    assert found is not None
    assert not found.sufficient


def test_what_most_likely_is_not_at_fault_is_no_first_step() -> None:
    """A balancer answers 502, and nothing is known of Kong: some change would help if that were at fault."""
    observations, owners = evidence(Way("appends", node="refuses"), echo=False, log=False), inventory()
    addresses = Addresses(owners, find_senders((), observations, owners, None))
    cases = explain(observations, (), [], addresses).cases

    assert {"KIP206", "KIP302", "KIP402"} <= {fault.code for case in cases for fault in case.judgement.culprits}
    assert find_remedy(cases, (), addresses, PLACE) is None


def test_that_kong_is_to_trust_nobody_is_no_choice_where_it_may_well_trust_the_right_ones() -> None:
    """Nothing tells Kong's settings; of one that believed a claim it is known that it trusts whoever sent that."""
    observations, owners = evidence(Way(trusted=EVERYONE, header="X-Forwarded-For", recursive=True)), inventory()
    addresses = Addresses(owners, find_senders((), observations, owners, None))
    cases = explain(observations, (), [], addresses).cases
    nobody = replace(cases[0], world=replace(cases[0].world, settings=Settings()))

    assert all(case.world.settings.trusted_ips for case in cases)
    assert () in trusts(cases, addresses, frozenset(), as_told=False)
    assert () not in trusts([*cases, nobody], addresses, frozenset(), as_told=False)
    assert () in trusts([*cases, nobody], addresses, frozenset())


def test_what_leaves_other_connections_ill_is_a_first_step() -> None:
    whole, beside = remedy(Way(node=BRIDGE), FORWARDS), remedy(Way(node=BRIDGE), FORWARDS, other=Way("proxies"))

    assert whole is not None
    assert beside is not None
    assert whole.sufficient
    assert beside == replace(whole, sufficient=False)


def test_nothing_is_offered_that_would_cut_off_other_connections() -> None:
    """Of two server lines one sends PROXY headers: a Kong that demands them would not hear the other."""
    alone, beside = remedy(Way("proxy2")), remedy(Way("proxy2"), other=Way("proxies"))

    assert set(steps(alone)) == {"kong"}
    assert "balancer" in steps(beside)


def test_without_a_service_no_service_is_patched() -> None:
    found = remedy(Way(node=BRIDGE), FORWARDS, place=Place("kubectl", None))

    assert found is None or "kubectl" not in steps(found)


def test_a_silent_proxy_is_told_to_send_the_proxy_protocol_and_kong_to_read_it() -> None:
    found = remedy(Way("proxies"))

    assert found is not None
    assert found.sufficient
    assert steps(found)["kong"].splitlines()[1:] == [
        "KONG_REAL_IP_HEADER=proxy_protocol",
        f"KONG_TRUSTED_IPS={BALANCER}",
    ]
    assert any("together" in effect for effect in found.effects)


def test_the_listeners_own_flags_stay() -> None:
    found = remedy(Way("proxies"))

    assert "8443 http2 ssl reuseport backlog=16384" in steps(found)["kong"]
    assert "0.0.0.0:8000 proxy_protocol reuseport backlog=16384" in steps(found)["kong"]


def test_an_untrusted_hop_is_trusted_by_its_own_address_and_no_wider() -> None:
    found = remedy(Way("appends", header="X-Forwarded-For"))

    assert found is not None
    assert found.sufficient
    assert steps(found) == {"kong": f"KONG_TRUSTED_IPS={BALANCER}"}


def test_a_wrong_header_is_the_only_thing_changed() -> None:
    assert steps(remedy(Way("appends", trusted=(BALANCER,)))) == {"kong": "KONG_REAL_IP_HEADER=X-Forwarded-For"}


def test_trust_in_everyone_is_narrowed_to_the_balancer() -> None:
    found = remedy(Way("appends", header="X-Forwarded-For", trusted=EVERYONE, recursive=True))

    assert found is not None
    assert found.sufficient
    assert steps(found) == {"kong": f"KONG_TRUSTED_IPS={BALANCER}"}


def test_trust_in_everyone_on_a_clean_path_is_taken_back() -> None:
    assert steps(remedy(Way(trusted=EVERYONE))) == {"kong": "KONG_TRUSTED_IPS="}


def test_behind_a_masquerading_node_all_nodes_are_trusted_not_the_one_that_was_seen() -> None:
    found = remedy(Way("appends", node=NODES[0], header="X-Forwarded-For"))

    assert found is not None
    trusted = steps(found).get("kong", "")
    assert all(node in trusted for node in (*NODES, BRIDGE)) or "kubectl" in steps(found)


@pytest.mark.parametrize("kind", ["proxy1", "proxy2"])
def test_a_refused_proxy_header_is_cured_on_kongs_side(kind: str) -> None:
    found = remedy(Way(kind))

    assert found is not None
    assert "proxy_protocol" in steps(found)["kong"]


def test_no_remedy_ever_trusts_everyone() -> None:
    for way in (Way("proxies"), Way("appends"), Way("preserves"), Way(node=BRIDGE), Way("proxy2", flag=True)):
        found = remedy(way)
        assert found is None or "0.0.0.0/0" not in "".join(step.text for step in found.steps)


def test_a_clean_path_needs_no_remedy() -> None:
    found = remedy(Way())

    assert found is None or not found.steps


def test_all_addresses_of_a_balancer_that_were_seen_are_trusted() -> None:
    ways = [Way("appends", header="X-Forwarded-For"), Way("appends", header="X-Forwarded-For", inner="10.1.0.5")]
    observations = [one for way in ways for one in evidence(way)]
    owners = Inventory.of(
        [*((str(net), owner) for net, owner in inventory().ranges), ("10.1.0.5", Owner(Kind.BALANCER, "lb", "a test"))]
    )
    addresses = Addresses(owners, find_senders((), observations, owners, None))
    explanation = explain(observations, (), [ways[0].settings], addresses)
    claims = [(o.probe.claims[0].channel, o.traffic) for o in observations if o.probe.claims and o.traffic]
    seen = frozenset(address for o in observations for address in o.visible)

    assert steps(find_remedy(explanation.cases, claims, addresses, PLACE, seen)) == {
        "kong": "KONG_TRUSTED_IPS=10.1.0.4/31"
    }


def test_where_it_is_not_known_what_kong_listens_on_no_text_of_it_is_made_up() -> None:
    found = remedy(Way("proxies", flag=True), place=Place("kubectl", "kong/kong-proxy"))

    assert "0.0.0.0:8000" not in "".join(steps(found).values())
