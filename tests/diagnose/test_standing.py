"""What an entry's own address tells of the hops before Kong, and what it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.traffic import Layer
from diagnose.site import Entry, EntryKind, Fact
from diagnose.standing import known_of, of_place

NODE = "10.0.0.11"
PUBLISHED = "203.0.113.80"
INVENTORY = Inventory.of(
    [
        (NODE, Owner(Kind.NODE, "node n1", "Node n1 status.addresses")),
        (NODE, Owner(Kind.BALANCER, "load balancer", "status.loadBalancer")),
        (PUBLISHED, Owner(Kind.BALANCER, "load balancer", "status.loadBalancer")),
        ("198.51.100.80", Owner(Kind.BALANCER, "load balancer", "--owner 198.51.100.80=load_balancer")),
    ]
)


def entry(kind: EntryKind, address: str) -> Entry:
    return Entry(kind, "an entry", address, 80, "http")


def told(one: Entry) -> set[tuple[Layer, bool]]:
    site: Any = SimpleNamespace(inventory=INVENTORY, entries=[entry(EntryKind.SERVICE, PUBLISHED), one])
    return {(fact.layer, fact.certain) for fact in of_place(site, one) if fact.behaviours == {"passes_through"}}


def test_a_service_published_at_a_nodes_address_has_no_balancer_before_it() -> None:
    assert told(entry(EntryKind.SERVICE, NODE)) == {(Layer.EDGE, True), (Layer.LOAD_BALANCER, True)}


def test_a_published_address_of_its_own_tells_nothing_of_the_balancer() -> None:
    assert told(entry(EntryKind.SERVICE, PUBLISHED)) == set()


def test_an_entry_that_the_user_named_at_kongs_own_address_has_no_edge() -> None:
    assert told(entry(EntryKind.URL, PUBLISHED)) == {(Layer.EDGE, True)}


def test_an_entry_that_the_user_named_at_a_node_may_lead_to_any_process_there() -> None:
    assert told(entry(EntryKind.URL, NODE)) == set()


def test_an_entry_that_the_user_named_at_a_balancers_own_address_has_no_edge() -> None:
    assert told(entry(EntryKind.URL, "198.51.100.80")) == {(Layer.EDGE, True)}


def test_kongs_own_listener_has_nothing_before_it() -> None:
    assert told(entry(EntryKind.DIRECT, "10.0.0.5")) == {(Layer.EDGE, True), (Layer.LOAD_BALANCER, True)}


def test_a_port_of_a_node_has_nothing_before_it_whoever_knows_the_node() -> None:
    assert told(entry(EntryKind.NODE, NODE)) == {(Layer.EDGE, True), (Layer.LOAD_BALANCER, True)}
    assert told(entry(EntryKind.NODE, "192.0.2.77")) == {(Layer.EDGE, True), (Layer.LOAD_BALANCER, True)}


def test_what_is_told_of_the_services_balancer_is_not_told_of_a_port_of_a_node() -> None:
    general = Fact(Layer.LOAD_BALANCER, frozenset({"proxies_tcp"}), "an annotation")
    site: Any = SimpleNamespace(inventory=INVENTORY, entries=[], facts=[general])
    assert general in known_of(site, entry(EntryKind.SERVICE, PUBLISHED))
    assert general not in known_of(site, entry(EntryKind.NODE, NODE))


def test_a_name_of_a_stranger_tells_nothing() -> None:
    assert told(entry(EntryKind.URL, "192.0.2.77")) == set()


def test_what_is_told_of_one_entrys_balancer_stands_instead_of_what_is_told_of_the_services() -> None:
    proxies = Fact(Layer.LOAD_BALANCER, frozenset({"proxies"}), "the provider's ways")
    nothing = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a node port", certain=True, entry="an entry")
    one = entry(EntryKind.URL, "192.0.2.77")
    site: Any = SimpleNamespace(inventory=INVENTORY, entries=[one], facts=[proxies, nothing])

    assert known_of(site, one) == (nothing,)
    assert known_of(site, Entry(EntryKind.URL, "another", "192.0.2.78", 80, "http")) == (proxies,)
