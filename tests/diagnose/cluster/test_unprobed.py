"""Hosts of routes that lead elsewhere than where probes were sent to."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from diagnose.cluster import unprobed as module
from diagnose.cluster.unprobed import MOST_HOSTS, Lookups, unprobed
from diagnose.site import Entry, EntryKind
from probes.probe import Vantage

ENTRY = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "203.0.113.80", 80, "http")
POD = replace(ENTRY, kind=EntryKind.POD, address="10.0.0.5", vantage=Vantage.INSIDE)

NAMES = {
    "here.example": ("203.0.113.80",),
    "cdn.example": ("198.51.100.1", "198.51.100.2"),
    "www.cdn.example": ("198.51.100.2", "198.51.100.1"),
    "both.example": ("203.0.113.80", "2001:db8::1"),
    "pod.example": ("10.0.0.5",),
}


def told(*hosts: str) -> tuple[str, ...]:
    return unprobed(Lookups(hosts, lambda host: NAMES.get(host, ())).found(), [ENTRY, POD])


def test_a_host_that_leads_to_an_entry_or_nowhere_is_none() -> None:
    assert told("here.example", "nowhere.example", "*.example") == ()


def test_hosts_that_lead_to_the_same_addresses_are_one_way() -> None:
    (line,) = told("cdn.example", "www.cdn.example")

    assert line.startswith("routes are for cdn.example and 1 more, which lead to 198.51.100.1, 198.51.100.2;")
    assert line.endswith("--url http://cdn.example")


@pytest.mark.parametrize(("host", "address"), [("both.example", "2001:db8::1"), ("pod.example", "10.0.0.5")])
def test_an_address_that_was_not_probed_from_outside_is_one(host: str, address: str) -> None:
    (line,) = told(host)

    assert f"leads to {address};" in line


def test_a_silent_name_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    silent = threading.Event()

    def lookup(host: str) -> tuple[str, ...]:
        if host == "slow.example":
            silent.wait(5)
            return ("192.0.2.66",)
        return NAMES.get(host, ())

    lookups = Lookups(["slow.example", "cdn.example"], lookup)

    assert set(lookups.found()) == {"cdn.example"}
    silent.set()


def test_a_name_that_cannot_be_asked_for_is_left_out() -> None:
    def lookup(host: str) -> tuple[str, ...]:
        return NAMES.get(host) or (host.encode("idna").decode(),)

    assert set(Lookups(["a" * 64 + ".example", "cdn.example"], lookup).found()) == {"cdn.example"}


def test_only_so_many_names_are_looked_up() -> None:
    asked: list[str] = []

    def lookup(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ()

    Lookups([f"{number}.example" for number in range(MOST_HOSTS + 9)], lookup).found()

    assert len(asked) == MOST_HOSTS
