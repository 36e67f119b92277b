"""Ways to Kong that are not probed: hosts of its routes whose names lead to addresses of no entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import wait
from functools import partial

from diagnose.cluster.beside import beside
from diagnose.cluster.entries import Resolve
from diagnose.path.traffic import parse_address
from diagnose.site import Entry
from probes.probe import Vantage

MOST_HOSTS = 50
"""Hosts that are looked up: what is in front of Kong shows in a few of its names."""

PATIENCE = 2.0
"""Seconds that names are waited for: a resolver that is silent shall not hold up a report."""


class Lookups:
    """Lookups of hosts in the background, from the moment this is made.

    A name server may take long to say nothing, and a lookup cannot be ended: the threads do not keep the process.
    """

    def __init__(self, hosts: Iterable[str], lookup: Resolve) -> None:
        wanted = [host for host in hosts if "*" not in host][:MOST_HOSTS]
        self._asked = {host: beside(partial(lookup, host)) for host in wanted}

    def found(self) -> dict[str, tuple[str, ...]]:
        """The addresses of each host that is known by now, or within the patience there is."""
        told, _ = wait(self._asked.values(), PATIENCE)
        known = ((host, one.result()) for host, one in self._asked.items() if one in told and one.exception() is None)
        return {host: addresses for host, addresses in known if addresses}


def unprobed(found: dict[str, tuple[str, ...]], entries: Sequence[Entry]) -> tuple[str, ...]:
    """A sentence for each set of addresses that hosts of routes resolve to and that were not probed from outside."""
    probed = {parse_address(entry.address) for entry in entries if entry.vantage is Vantage.OUTSIDE}
    elsewhere: dict[frozenset[str], list[str]] = {}
    for host, addresses in found.items():
        strange = frozenset(address for address in addresses if parse_address(address) not in probed)
        if strange:
            elsewhere.setdefault(strange, []).append(host)
    return tuple(_told(sorted(addresses), hosts) for addresses, hosts in elsewhere.items())


def _told(addresses: Sequence[str], hosts: Sequence[str]) -> str:
    named = f"{hosts[0]} and {len(hosts) - 1} more, which lead" if len(hosts) > 1 else f"{hosts[0]}, which leads"
    return f"routes are for {named} to {', '.join(addresses)}; no probe was sent there: --url http://{hosts[0]}"
