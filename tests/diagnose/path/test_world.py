"""Worlds: what becomes of one connection through all hops, and what the caller may see of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from diagnose.path.egress import Egress
from diagnose.path.node import Node
from diagnose.path.proxying import Answer, Manner, Onward, Proxying
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Headers, Layer, Traffic
from diagnose.path.world import Behaviour, Hop, World, emits, predict

SOCKET, CALLER, EDGE, BALANCER, NODE = (
    IPv4Address(text) for text in ("192.168.1.5", "198.51.100.9", "203.0.113.30", "10.0.0.5", "10.0.2.7")
)
LAYERS: dict[Layer, Address] = {
    Layer.EGRESS: CALLER,
    Layer.EDGE: EDGE,
    Layer.LOAD_BALANCER: BALANCER,
    Layer.NODE: NODE,
}
SENT = Traffic(SOCKET, IPv4Address("203.0.113.80"), 80, host="kong.test")
PROXY_KONG = Settings(trusted_ips=("10.0.0.0/8",), real_ip_header="proxy_protocol")
CHAIN_KONG = Settings(trusted_ips=("10.0.0.0/8",), real_ip_header="X-Forwarded-For")


def world(settings: Settings, listener: Listener, **behaviours: Behaviour) -> World:
    return World(tuple(Hop(Layer(layer), behaviour) for layer, behaviour in behaviours.items()), settings, listener)


def through(made: World, traffic: Traffic = SENT) -> tuple[list[str], str | None, set[Answer]]:
    """The sources that the hops and the gateway see, the address that is logged, and the possible answers."""
    seen = predict(made, traffic, tuple(LAYERS[hop.layer] if emits(hop) else None for hop in made.hops))
    logged = seen.conclusion.address if seen.conclusion is not None else None
    return [str(arrival.source) for arrival in seen.arrivals], logged, set(seen.answers)


def test_a_path_that_keeps_the_source_ends_with_the_caller() -> None:
    made = world(
        Settings(),
        Listener(8000),
        egress=Egress.NAT,
        load_balancer=Proxying.PASSES_THROUGH,
        node=Node.KEEPS_SOURCE,
    )
    sources = ["192.168.1.5", "198.51.100.9", "198.51.100.9", "198.51.100.9"]
    assert through(made) == (sources, "198.51.100.9", {Answer.PASSED})


def test_a_masquerading_node_ends_with_the_node() -> None:
    made = world(Settings(), Listener(8000), load_balancer=Proxying.PASSES_THROUGH, node=Node.MASQUERADES)
    assert through(made) == (["192.168.1.5", "192.168.1.5", "10.0.2.7"], "10.0.2.7", {Answer.PASSED})


@pytest.mark.parametrize("behaviour", [Proxying.SENDS_PROXY_V1, Proxying.SENDS_PROXY_V2])
def test_a_proxy_header_carries_the_caller_over_a_masquerading_node(behaviour: Proxying) -> None:
    listener = Listener(8000, proxy_protocol=True)
    made = world(PROXY_KONG, listener, egress=Egress.NAT, load_balancer=behaviour, node=Node.MASQUERADES)
    assert through(made) == (
        ["192.168.1.5", "198.51.100.9", "10.0.0.5", "10.0.2.7"],
        "198.51.100.9",
        {Answer.PASSED},
    )


def test_two_http_proxies_make_a_chain_that_recursion_walks() -> None:
    listener, both = Listener(8000), Proxying.HTTP_APPENDS_XFF
    trusting = replace(CHAIN_KONG, trusted_ips=("10.0.0.0/8", "203.0.113.30"))
    one = world(trusting, listener, egress=Egress.NAT, edge=both, load_balancer=both)
    assert through(one)[1] == "203.0.113.30"
    walking = world(
        replace(trusting, real_ip_recursive=True), listener, egress=Egress.NAT, edge=both, load_balancer=both
    )
    assert through(walking)[1] == "198.51.100.9"


@pytest.mark.parametrize(
    ("behaviour", "logged"),
    [
        (Proxying.HTTP_APPENDS_XFF, "192.168.1.5"),
        (Proxying.HTTP_APPENDS_XFF_LINE, "192.168.1.5"),
        (Proxying.HTTP_REPLACES_XFF, "192.168.1.5"),
        (Proxying.HTTP_PRESERVES_XFF, "192.0.2.1"),
        (Proxying.HTTP_STRIPS_XFF, "10.0.0.5"),
    ],
)
def test_a_claim_through_an_http_proxy(behaviour: Proxying, logged: str) -> None:
    claims: Headers = (("X-Forwarded-For", "192.0.2.1"),)
    made = world(CHAIN_KONG, Listener(8000), load_balancer=behaviour)
    assert through(made, replace(SENT, headers=claims))[1] == logged


def test_a_proxy_header_that_is_not_expected_is_rejected() -> None:
    made = world(Settings(), Listener(8000), load_balancer=Proxying.SENDS_PROXY_V1)
    assert through(made) == (["192.168.1.5", "10.0.0.5"], "10.0.0.5", {Answer.REJECTED})


def test_inside_tls_it_is_a_failed_handshake() -> None:
    made = world(Settings(), Listener(8443, tls=True), load_balancer=Proxying.SENDS_PROXY_V1)
    assert through(made, replace(SENT, tls=True))[2] == {Answer.TLS_FAILED, Answer.CLOSED}


def test_a_proxy_header_that_is_missing_closes_the_connection() -> None:
    made = world(PROXY_KONG, Listener(8000, proxy_protocol=True), load_balancer=Proxying.PASSES_THROUGH)
    assert through(made) == (["192.168.1.5", "192.168.1.5"], None, {Answer.CLOSED})


def test_an_http_proxy_in_front_of_it_answers_for_kong() -> None:
    made = world(PROXY_KONG, Listener(8000, proxy_protocol=True), load_balancer=Proxying.HTTP_APPENDS_XFF)
    assert through(made)[2] == {Answer.CLOSED, Answer.BAD_GATEWAY}


def test_so_does_one_two_hops_away() -> None:
    made = world(
        Settings(),
        Listener(8000),
        edge=Proxying.HTTP_APPENDS_XFF,
        load_balancer=Proxying.PROXIES,
        node=Node.REFUSES,
    )
    sources, logged, answers = through(made)
    assert (sources, logged) == (["192.168.1.5", "203.0.113.30", "10.0.0.5"], None)
    assert answers == {Answer.REFUSED, Answer.CLOSED, Answer.BAD_GATEWAY}


def test_an_http_proxy_behind_the_end_has_no_say() -> None:
    made = world(
        Settings(), Listener(8000), edge=Proxying.DROPS, load_balancer=Proxying.HTTP_APPENDS_XFF, node=Node.KEEPS_SOURCE
    )
    assert through(made) == (["192.168.1.5"], None, {Answer.TIMED_OUT})


def test_an_http_proxy_takes_a_claimed_proxy_header_for_no_request() -> None:
    made = world(Settings(), Listener(8000), load_balancer=Proxying.HTTP_STRIPS_XFF)
    sources, logged, answers = through(made, replace(SENT, preface=(b"PROXY UNKNOWN\r\n",)))
    assert (sources, logged) == (["192.168.1.5"], None)
    assert Answer.REJECTED in answers
    assert Answer.PASSED not in answers


def test_a_proxy_that_disagrees_on_tls_with_kong_gets_no_request_through() -> None:
    speaks = Hop(Layer.LOAD_BALANCER, Proxying.HTTP_APPENDS_XFF, Manner(onward=Onward.TLS))
    for listener, answer in ((Listener(8443, tls=True), Answer.PASSED), (Listener(8000), Answer.BAD_GATEWAY)):
        assert answer in through(World((speaks,), Settings(), listener))[2]
    clear = replace(speaks, manner=Manner(onward=Onward.CLEAR))
    assert through(World((clear,), Settings(), Listener(8443, tls=True)))[2] == {Answer.REJECTED}


@pytest.mark.parametrize(
    ("behaviour", "own"),
    [
        (Egress.DIRECT, False),
        (Egress.NAT, True),
        (Egress.FOREIGN, True),
        (Proxying.PASSES_THROUGH, False),
        (Proxying.PROXIES, True),
        (Proxying.HTTP_STRIPS_XFF, True),
        (Proxying.DROPS, False),
        (Node.KEEPS_SOURCE, False),
        (Node.MASQUERADES, True),
        (Node.SIDECAR, True),
        (Node.REFUSES, False),
    ],
)
def test_which_hops_show_an_address_of_their_own(behaviour: Behaviour, own: bool) -> None:
    assert emits(Hop(Layer.NODE, behaviour)) is own
