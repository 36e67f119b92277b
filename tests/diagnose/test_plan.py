"""The plan: every probe is told apart by its nonce, every channel by its claim, and each has a reason."""

from __future__ import annotations

from diagnose.plan import Planner
from diagnose.site import Entry, EntryKind
from probes.claims import Claims
from probes.probe import Preamble

ENTRY = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "203.0.113.80", 80, "http")
SIX = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "2001:db8::80", 443, "https", host="shop.example")


def planner() -> Planner:
    return Planner("/kongip-abc", "secret", Claims())


def test_nonces_and_claimed_ports_are_unique() -> None:
    plan = planner()
    probes = [one.probe for one in (*plan.plain(ENTRY, 20), *plan.kinds(ENTRY), *plan.kinds(SIX))]

    assert len({probe.nonce for probe in probes}) == len(probes)
    assert len({probe.claimed_port for probe in probes}) == len(probes)
    assert all(probe.path == f"/kongip-abc/{probe.nonce}" for probe in probes)


def test_a_plain_probe_claims_nothing() -> None:
    (one,) = planner().plain(ENTRY)

    assert (one.probe.claims, one.probe.preamble) == ((), Preamble.NONE)


def test_the_two_headers_that_kong_reads_first_never_share_a_request() -> None:
    for one in planner().kinds(ENTRY):
        names = {claim.channel for claim in one.probe.claims}
        assert not {"X-Forwarded-For", "X-Real-IP"} <= names


def test_each_channel_claims_an_address_of_its_own() -> None:
    claims = [claim for one in planner().kinds(ENTRY) for claim in one.probe.claims]

    assert len({claim.address for claim in claims}) == len(claims)


def test_every_kind_of_preamble_is_sent_once() -> None:
    preambles = [one.probe.preamble for one in planner().kinds(ENTRY) if one.probe.preamble is not Preamble.NONE]

    assert sorted(preambles) == sorted(set(Preamble) - {Preamble.NONE})


def test_a_proxy_header_claims_an_address_of_the_connections_family() -> None:
    claims = [one.probe.claim("PROXY") for one in planner().kinds(SIX)]

    assert all(":" in claim for claim in claims if claim)
    assert any(claims)


def test_the_host_of_an_entry_is_what_probes_ask_for() -> None:
    assert planner().plain(SIX)[0].probe.target.host == "shop.example"
    assert planner().plain(ENTRY)[0].probe.target.host == "203.0.113.80"


def test_every_probe_has_a_reason() -> None:
    plan = planner()

    assert all(len(one.why) > 20 for one in (*plan.plain(ENTRY), *plan.kinds(ENTRY)))


def test_without_an_echo_probes_ask_for_a_host_that_no_route_can_have() -> None:
    plan = Planner("/kongip-abc", "secret", Claims(), routed=False)
    probe = plan.plain(ENTRY)[0].probe

    assert probe.target.host == f"{probe.nonce}.invalid"
    assert plan.plain(SIX)[0].probe.target.host == "shop.example"
