"""Entries of a Kong outside Kubernetes, and whose their addresses are taken to be."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from diagnose.errors import Stop
from diagnose.outside.entries import all_entries, is_own, read_inventory
from diagnose.owners import Kind
from diagnose.site import Entry, EntryKind

NAMES = {"shop.example": ("192.0.2.10", "2001:db8::10"), "kong.example": ("10.0.0.5",)}


def lookup(name: str) -> tuple[str, ...]:
    return (name,) if name[0].isdigit() else NAMES.get(name, ())


def entries(*urls: str, direct: str | None = None, host: str | None = None) -> tuple[Entry, ...]:
    return all_entries(urls, direct, host, lookup)


def test_each_address_of_a_url_is_an_entry_and_kongs_own_listener_is_beside_them() -> None:
    found = entries("https://shop.example", direct="http://kong.example:8000")
    assert [(one.kind, one.address, one.port, one.scheme, one.host, one.beside) for one in found] == [
        (EntryKind.URL, "192.0.2.10", 443, "https", "shop.example", False),
        (EntryKind.URL, "2001:db8::10", 443, "https", "shop.example", False),
        (EntryKind.DIRECT, "10.0.0.5", 8000, "http", "kong.example", True),
    ]


def test_kongs_own_listener_alone_is_what_is_judged() -> None:
    [only] = entries(direct="http://10.0.0.5:8000", host="shop.example")
    assert (only.kind, only.host, only.beside) == (EntryKind.DIRECT, "shop.example", False)


@pytest.mark.parametrize(("urls", "direct"), [(("http://gone.example",), None), ((), "http://gone.example")])
def test_a_name_that_does_not_resolve_stops_the_run(urls: tuple[str, ...], direct: str | None) -> None:
    with pytest.raises(Stop, match=r"gone\.example does not resolve"):
        entries(*urls, direct=direct)


def kinds(found: tuple[Entry, ...], address: str, *words: tuple[str, str], own: str = "") -> set[Kind]:
    inventory = read_inventory(found, words, lambda text: text == own)
    return {owner.kind for owner in inventory.owners(ip_address(address))}


BOTH = entries("http://192.0.2.10", direct="http://10.0.0.5:8000")


def test_what_answers_at_a_url_is_an_edge_or_a_balancer_and_a_proxy_at_kongs_address_is_a_balancer() -> None:
    assert kinds(BOTH, "192.0.2.10") == {Kind.EDGE, Kind.BALANCER}
    assert kinds(BOTH, "10.0.0.5") == {Kind.BALANCER}
    assert kinds(BOTH, "10.0.0.6") == set()


def test_what_answers_on_kongs_own_machine_is_no_edge() -> None:
    beside = entries("http://10.0.0.5", direct="http://10.0.0.5:8000")
    assert kinds(beside, "10.0.0.5") == {Kind.BALANCER}


def test_the_users_word_is_all_that_counts_of_an_address() -> None:
    assert kinds(BOTH, "192.0.2.10", ("192.0.2.0/24", "load_balancer")) == {Kind.BALANCER}
    assert kinds(BOTH, "10.0.0.5", ("10.0.0.0/8", "caller")) == {Kind.CALLER}


def test_an_address_of_the_callers_own_machine_tells_nothing() -> None:
    assert kinds(BOTH, "10.0.0.5", own="10.0.0.5") == set()
    assert kinds(BOTH, "192.0.2.10", own="10.0.0.5") == {Kind.EDGE, Kind.BALANCER}


def test_loopback_is_kongs_unless_the_caller_is_on_the_same_machine() -> None:
    assert kinds(BOTH, "127.0.0.1") == {Kind.BALANCER, Kind.LOOPBACK}
    assert kinds(BOTH, "127.0.0.1", own="10.0.0.5") == set()


def test_istios_sidecar_alone_hands_on_from_its_own_loopback_address() -> None:
    assert kinds(BOTH, "127.0.0.6") == {Kind.LOOPBACK}


def test_the_machines_own_addresses_are_known() -> None:
    assert is_own("127.0.0.9")
    assert is_own("::1")
    assert not is_own("192.0.2.1")
    assert not is_own("no address")
