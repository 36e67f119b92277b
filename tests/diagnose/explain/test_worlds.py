"""Worlds: which are considered, and that what nothing points to is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from diagnose.explain.worlds import Pointers, all_worlds, alternatives, gateways, paths, speaks_tls
from diagnose.path.egress import Egress
from diagnose.path.node import Node
from diagnose.path.proxying import BELIEVES_PROXY, HTTP, Onward, Proxying, Reads
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer
from diagnose.path.world import Hop
from diagnose.site import Entry, EntryKind, Fact

SERVICE = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "203.0.113.80", 80, "http", listener=8000)
NAMED = replace(SERVICE, kind=EntryKind.URL, name="http://shop.example", listener=None)
CLEAN = Pointers(ended=False, believed=False)
BOTH = Settings((Listener(8000), Listener(8443, tls=True)))


def every(entry: Entry = SERVICE, pointers: Pointers = CLEAN, facts: Iterable[Fact] = ()) -> list[tuple[Hop, ...]]:
    return list(paths(entry, tuple(facts), pointers, lambda hop, after: True))


def behaviours(found: Iterable[tuple[Hop, ...]], layer: Layer) -> set[str]:
    return {hop.behaviour.value for path in found for hop in path if hop.layer is layer}


def test_no_path_is_considered_twice() -> None:
    for entry in (SERVICE, NAMED, replace(NAMED, scheme="https")):
        found = every(entry, Pointers(chained=True, naming=("cf-connecting-ip",), hidden=("X-Real-IP",)))
        assert len(found) == len(set(found))


def test_a_path_begins_at_the_caller_and_ends_at_a_node() -> None:
    for path in every(NAMED, Pointers(chained=True)):
        assert path[0].layer is Layer.EGRESS
        assert path[-1].layer is Layer.NODE


def test_where_everything_is_answered_nothing_that_ends_connections_is_considered() -> None:
    assert not {"drops", "refuses"} & behaviours(every(), Layer.LOAD_BALANCER)
    assert {"drops", "refuses"} <= behaviours(every(pointers=Pointers()), Layer.LOAD_BALANCER)


def test_a_second_balancer_needs_two_addresses_that_are_not_the_callers() -> None:
    def most(pointers: Pointers) -> int:
        return max(sum(hop.layer is Layer.LOAD_BALANCER for hop in path) for path in every(pointers=pointers))

    assert (most(CLEAN), most(replace(CLEAN, chained=True))) == (1, 2)


def test_a_node_may_rewrite_before_a_second_balancer() -> None:
    layers = {tuple(hop.layer for hop in path) for path in every(pointers=replace(CLEAN, chained=True))}
    assert (Layer.EGRESS, Layer.NODE, Layer.LOAD_BALANCER, Layer.NODE) in layers


def test_who_believes_callers_is_considered_once_a_callers_proxy_header_got_through() -> None:
    believing = {one.value for one in BELIEVES_PROXY}

    assert not believing & behaviours(every(), Layer.LOAD_BALANCER)
    assert believing <= behaviours(every(pointers=replace(CLEAN, believed=True)), Layer.LOAD_BALANCER)


def test_only_a_named_entry_may_have_an_edge_that_looks_into_http() -> None:
    http = {one.value for one in HTTP}

    assert not http & behaviours(every(), Layer.EDGE)
    assert http & behaviours(every(NAMED), Layer.EDGE)


def test_a_header_that_named_the_caller_was_written_by_a_hop_that_ends_http() -> None:
    for path in every(pointers=replace(CLEAN, naming=("cf-connecting-ip",))):
        writers = [hop for hop in path if "cf-connecting-ip" in hop.manner.sets]
        assert len(writers) == 1
        assert writers[0].behaviour in HTTP


def test_a_hidden_header_may_have_been_written() -> None:
    found = every(pointers=replace(CLEAN, hidden=("X-Real-IP",)))
    assert {hop.manner.sets for path in found for hop in path} == {(), ("X-Real-IP",)}


def test_a_proxy_reads_the_header_of_the_one_before_it_in_every_way() -> None:
    found = every(NAMED)
    reads = {
        path[2].manner.reads
        for path in found
        if path[1].behaviour is Proxying.SENDS_PROXY_V2 and path[2].behaviour is Proxying.HTTP_APPENDS_XFF
    }
    assert reads == {Reads.NOTHING, Reads.NAMES, Reads.PEER}


def test_certain_facts_exclude_and_others_do_not() -> None:
    fact = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a test")

    assert behaviours(every(facts=[replace(fact, certain=True)]), Layer.LOAD_BALANCER) == {"passes_through"}
    assert every(facts=[fact]) == every()


def test_a_second_rewrite_by_the_node_needs_a_fact_that_speaks_of_it() -> None:
    def doubled(*facts: Fact) -> set[tuple[object, ...]]:
        nodes = (tuple(hop.behaviour for hop in path if hop.layer is Layer.NODE) for path in every(facts=facts))
        return {two for two in nodes if len(two) > 1}

    assert doubled() == set()
    spoken = Fact(Layer.NODE, frozenset({"service_lb", "keeps_source"}), "a test")
    assert doubled(spoken) == {(Node.SERVICE_LB, Node.MASQUERADES), (Node.SERVICE_LB, Node.SIDECAR)}


@pytest.mark.parametrize(("scheme", "onward", "tls"), [("http", Onward.TLS, True), ("https", Onward.CLEAR, False)])
def test_what_reaches_kong_is_what_the_last_proxy_speaks(scheme: str, onward: Onward, tls: bool) -> None:
    entry = replace(SERVICE, scheme="https" if scheme == "https" else "http")
    balancer = Hop(Layer.LOAD_BALANCER, Proxying.HTTP_APPENDS_XFF)
    path = (Hop(Layer.EGRESS, Egress.DIRECT), replace(balancer, manner=replace(balancer.manner, onward=onward)))

    assert speaks_tls(path, entry) is tls


def test_a_disagreement_on_tls_is_considered_only_where_a_connection_ended() -> None:
    def disagreeing(pointers: Pointers) -> bool:
        entry = replace(SERVICE, scheme="https", listener=8443)
        found = paths(entry, (), pointers, lambda hop, after: True)
        known = all_worlds(found, gateways(entry, [BOTH]), entry, pointers)
        return any(speaks_tls(world.hops, entry) is not world.listener.tls for world in known)

    assert disagreeing(Pointers())
    assert not disagreeing(CLEAN)


def test_an_entry_of_unknown_listener_may_end_on_any() -> None:
    assert [listener.port for _, listener in gateways(NAMED, [BOTH])] == [8000, 8443]
    assert [listener.port for _, listener in gateways(SERVICE, [BOTH])] == [8000]


def test_of_what_kong_refused_unread_only_a_proxy_header_may_have_counted() -> None:
    refused = alternatives(SERVICE, (), ["10.1.0.4"], read=False)
    assert {settings.real_ip_header for settings, _ in refused if settings.trusted_ips} == {"proxy_protocol"}
    assert all(listener.proxy_protocol for settings, listener in refused if settings.trusted_ips)
    assert {listener.proxy_protocol for _, listener in refused} == {False, True}
    assert len(refused) == 4 < len(alternatives(SERVICE, (), ["10.1.0.4"]))
