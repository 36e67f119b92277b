"""On the wire: which worlds a sighting leaves, and which it rules out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from diagnose.capture.sightings import Sighting
from diagnose.explain.on_the_wire import agrees
from diagnose.path.egress import Egress
from diagnose.path.node import INBOUND, Node
from diagnose.path.proxying import Proxying
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Layer, Traffic
from diagnose.path.world import Hop, World, predict
from probes.wire.proxy_protocol import Header, encode

CALLER, BALANCER, BRIDGE, OTHER, STRANGER = map(
    ip_address, ("198.51.100.9", "10.1.0.4", "10.3.2.1", "10.2.0.12", "192.0.2.77")
)
PUBLISHED = ip_address("203.0.113.80")
PLAIN = Settings()
REAL_IP = Settings(trusted_ips=("10.0.0.0/8",))
FORWARDED_FOR = replace(REAL_IP, real_ip_header="X-Forwarded-For")
SENT = Traffic(CALLER, PUBLISHED, 80, headers=(("X-Forwarded-For", "192.0.2.1"),))

Place = tuple[Layer, Egress | Proxying | Node, Address | None]
DIRECT: Place = (Layer.EGRESS, Egress.DIRECT, None)
FORWARDS: Place = (Layer.LOAD_BALANCER, Proxying.PASSES_THROUGH, None)
PROXIES: Place = (Layer.LOAD_BALANCER, Proxying.PROXIES, BALANCER)
KEEPS: Place = (Layer.NODE, Node.KEEPS_SOURCE, None)
MASQUERADES: Place = (Layer.NODE, Node.MASQUERADES, BRIDGE)


def seen(layer: Layer, source: Address = CALLER, **more: object) -> Sighting:
    return Sighting(layer, source, **more)  # type: ignore[arg-type]


def agree(places: tuple[Place, ...], *sightings: Sighting, settings: Settings = PLAIN, sent: Traffic = SENT) -> bool:
    """Whether sightings of ``sent`` agree with the world of these hops."""
    world = World(tuple(Hop(layer, behaviour) for layer, behaviour, _ in places), settings, Listener(8000))
    prediction = predict(world, sent, tuple(own for *_, own in places))
    return agrees(world, prediction, frozenset(sightings))


CLEAN = (DIRECT, FORWARDS, KEEPS)


@pytest.mark.parametrize("layer", [Layer.LOAD_BALANCER, Layer.NODE, Layer.GATEWAY])
def test_the_source_is_that_with_which_the_connection_came_to_the_layer(layer: Layer) -> None:
    assert agree(CLEAN, seen(layer))
    assert not agree(CLEAN, seen(layer, STRANGER))


def test_what_a_layer_sees_is_what_the_one_before_it_sent_and_not_what_it_sends_itself() -> None:
    masquerading = (DIRECT, FORWARDS, MASQUERADES)
    assert agree(masquerading, seen(Layer.LOAD_BALANCER), seen(Layer.NODE), seen(Layer.GATEWAY, BRIDGE))
    assert not agree(masquerading, seen(Layer.GATEWAY))
    assert not agree((DIRECT, PROXIES, KEEPS), seen(Layer.NODE))
    assert not agree((DIRECT, PROXIES, KEEPS), seen(Layer.LOAD_BALANCER, BALANCER))


def test_a_balancer_that_forwards_and_one_that_proxies_are_told_apart_before_a_node_that_rewrites() -> None:
    forwarding, proxying = (DIRECT, FORWARDS, MASQUERADES), (DIRECT, PROXIES, MASQUERADES)
    at_kong, at_node = seen(Layer.GATEWAY, BRIDGE), seen(Layer.NODE, BALANCER)
    assert agree(forwarding, at_kong)
    assert agree(proxying, at_kong)
    assert not agree(forwarding, at_kong, at_node)
    assert agree(proxying, at_kong, at_node)


def test_on_a_node_packets_may_have_come_through_another_one_before() -> None:
    assert agree((DIRECT, FORWARDS, (Layer.NODE, Node.MASQUERADES, OTHER)), seen(Layer.NODE, OTHER))
    assert not agree((DIRECT, (Layer.LOAD_BALANCER, Proxying.PROXIES, OTHER), KEEPS), seen(Layer.NODE))


def test_what_reaches_the_pod_may_have_a_sidecar_still_to_pass() -> None:
    world = (*CLEAN, (Layer.NODE, Node.SIDECAR, INBOUND))
    assert agree(world, seen(Layer.GATEWAY))
    assert agree(world, seen(Layer.GATEWAY, INBOUND))
    assert not agree(world, seen(Layer.GATEWAY, STRANGER))


def test_a_capture_at_a_layer_that_the_world_has_not_says_nothing_of_it() -> None:
    assert agree(CLEAN, seen(Layer.EDGE, STRANGER))


def test_a_connection_that_was_seen_where_it_does_not_come_speaks_against_the_world() -> None:
    drops = (DIRECT, (Layer.LOAD_BALANCER, Proxying.DROPS, None), KEEPS)
    assert agree(drops, seen(Layer.LOAD_BALANCER))
    assert not agree(drops, seen(Layer.NODE))


@pytest.mark.parametrize(
    ("proxies", "agreed"),
    [
        (((1, CALLER),), True),
        (None, True),
        ((), False),
        (((2, CALLER),), False),
        (((1, STRANGER),), False),
        (((1, CALLER), (1, CALLER)), False),
    ],
    ids=str,
)
def test_proxy_headers_are_those_that_were_put_in_front(
    proxies: tuple[tuple[int, Address], ...] | None, agreed: bool
) -> None:
    sends = (DIRECT, (Layer.LOAD_BALANCER, Proxying.SENDS_PROXY_V1, BALANCER), KEEPS)
    assert agree(sends, seen(Layer.NODE, BALANCER, proxies=proxies)) is agreed
    assert agree(sends, seen(Layer.LOAD_BALANCER, proxies=())), "it sends none to itself"


def test_a_proxy_header_of_the_callers_own_is_behind_that_of_the_balancer() -> None:
    own = encode(Header(2, "PROXY", str(STRANGER), 7, str(PUBLISHED), 80))
    sends = (DIRECT, (Layer.LOAD_BALANCER, Proxying.SENDS_PROXY_V1, BALANCER), KEEPS)
    both = seen(Layer.GATEWAY, BALANCER, proxies=((1, CALLER), (2, STRANGER)))
    assert agree(sends, both, sent=replace(SENT, preface=(own,)))
    assert not agree(sends, both)


def test_one_that_names_nobody_is_no_proxy_header_of_an_address() -> None:
    sent = replace(SENT, preface=(b"PROXY UNKNOWN\r\n",))
    assert agree(CLEAN, seen(Layer.GATEWAY, proxies=((1, None),)), sent=sent)
    assert not agree(CLEAN, seen(Layer.GATEWAY, proxies=((1, CALLER),)), sent=sent)


@pytest.mark.parametrize(
    ("behaviour", "forwarded"),
    [
        (Proxying.HTTP_APPENDS_XFF, ("192.0.2.1", str(CALLER))),
        (Proxying.HTTP_APPENDS_XFF_LINE, ("192.0.2.1", str(CALLER))),
        (Proxying.HTTP_REPLACES_XFF, (str(CALLER),)),
        (Proxying.HTTP_PRESERVES_XFF, ("192.0.2.1",)),
        (Proxying.HTTP_STRIPS_XFF, ()),
    ],
)
def test_forwarded_for_is_what_a_proxy_makes_of_it(behaviour: Proxying, forwarded: tuple[str, ...]) -> None:
    world = (DIRECT, (Layer.LOAD_BALANCER, behaviour, BALANCER), KEEPS)
    assert agree(world, seen(Layer.GATEWAY, BALANCER, forwarded=forwarded))
    assert agree(world, seen(Layer.GATEWAY, BALANCER)), "what was not read speaks for any"
    assert not agree(world, seen(Layer.GATEWAY, BALANCER, forwarded=(*forwarded, str(STRANGER))))


def test_the_very_connection_of_the_caller_does_not_come_behind_a_proxy() -> None:
    assert agree(CLEAN, seen(Layer.GATEWAY, same=True))
    assert agree((DIRECT, FORWARDS, MASQUERADES), seen(Layer.GATEWAY, BRIDGE, same=True))
    assert agree((DIRECT, PROXIES, KEEPS), seen(Layer.LOAD_BALANCER, same=True))
    assert not agree((DIRECT, PROXIES, KEEPS), seen(Layer.NODE, BALANCER, same=True))


@pytest.mark.parametrize(("settings", "asked"), [(REAL_IP, True), (FORWARDED_FOR, False), (PLAIN, False)])
def test_who_writes_x_real_ip_is_asked_only_where_kong_reads_it(settings: Settings, asked: bool) -> None:
    sent = replace(SENT, headers=(("X-Real-IP", "192.0.2.1"),))
    written = seen(Layer.GATEWAY, real_ips=(str(STRANGER),))
    assert agree(CLEAN, written, settings=settings, sent=sent) is not asked
    assert agree(CLEAN, seen(Layer.GATEWAY, real_ips=("192.0.2.1",)), settings=settings, sent=sent)


def test_of_several_lines_of_x_real_ip_the_first_counts_as_it_does_to_kong() -> None:
    sent = replace(SENT, headers=(("X-Real-IP", "192.0.2.1"),))
    assert agree(CLEAN, seen(Layer.GATEWAY, real_ips=("192.0.2.1", str(CALLER))), settings=REAL_IP, sent=sent)
    assert not agree(CLEAN, seen(Layer.GATEWAY, real_ips=(str(CALLER), "192.0.2.1")), settings=REAL_IP, sent=sent)


def test_every_sighting_has_to_agree() -> None:
    assert not agree(CLEAN, seen(Layer.NODE), seen(Layer.GATEWAY, STRANGER))
    assert agree(CLEAN)
