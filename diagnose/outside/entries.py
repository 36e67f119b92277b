"""Where probes are sent to, and whose the addresses are, as far as the user's words tell."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_network

from diagnose.cluster.entries import Resolve, parse_url, url_entries
from diagnose.errors import Stop
from diagnose.owners import Inventory, Kind, Owner, user_owned
from diagnose.path.node import INBOUND
from diagnose.path.traffic import Address, parse_address
from diagnose.site import Entry, EntryKind

IsOwn = Callable[[str], bool]
"""Tells whether an address is one of this machine's own."""

LOOPBACK = ("127.0.0.0/8", "::1")


def all_entries(urls: Sequence[str], direct: str | None, host: str | None, lookup: Resolve) -> tuple[Entry, ...]:
    """The entries of ``--url``, then that of ``--direct``: beside them it does not enter the verdict.

    Stop for a URL that is wrong, or a name that does not resolve.
    """
    named = url_entries(urls, host, lookup).entries
    return (*named, *(direct_entries(direct, host, lookup, beside=bool(named)) if direct else ()))


def direct_entries(url: str, host: str | None, lookup: Resolve, *, beside: bool) -> tuple[Entry, ...]:
    """An entry for each address of Kong's own listener."""
    scheme, name, port = parse_url(url, "--direct")
    addresses = lookup(name)
    if not addresses:
        raise Stop(f"The host of --direct {url} does not resolve.", "Check the name, or give an address and --host.")
    wanted = host or (None if parse_address(name) else name)
    shown = f"Kong itself (--direct {url})"
    return tuple(Entry(EntryKind.DIRECT, shown, address, port, scheme, wanted, beside=beside) for address in addresses)


def is_own(text: str) -> bool:
    """Whether an address is one of this machine's own. Nothing is sent: the kernel is asked for the way."""
    address = parse_address(text)
    if address is None or address.is_loopback:
        return address is not None
    with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((text, 9))
        except OSError:
            return False
        return str(asking.getsockname()[0]) == text


def read_inventory(entries: Sequence[Entry], words: Iterable[tuple[str, str]], own: IsOwn = is_own) -> Inventory:
    """Who owns what: the user's ``words`` (``--owner``), and what the entries' addresses tell where those are silent.

    What answers at an entry's address is not the caller, unless it is on this very machine: there the caller may have
    that address, too, and it tells nothing.
    """
    told = [user_owned(cidr, layer) for cidr, layer in words]
    networks = [ip_network(cidr, strict=False) for cidr, _ in told]

    def spoken_of(address: Address | None) -> bool:
        return address is not None and any(address.version == net.version and address in net for net in networks)

    at_kong = {one.address for one in entries if one.kind is EntryKind.DIRECT}
    silent = [
        one
        for one in entries
        if not spoken_of(parse_address(one.address))
        and not own(one.address)
        and (one.kind is EntryKind.DIRECT or one.address not in at_kong)  # on Kong's own machine nothing is an edge
    ]
    apart = not any(own(entry.address) for entry in entries)
    return Inventory.of(
        dict.fromkeys([*told, *(pair for one in silent for pair in _owned(one)), *(_loopback() if apart else ())])
    )


def _owned(entry: Entry) -> Iterator[tuple[str, Owner]]:
    """Who may connect to Kong from an entry's address: what answers there, at Kong's own a proxy beside Kong."""
    if entry.kind is EntryKind.DIRECT:
        yield entry.address, Owner(Kind.BALANCER, "a proxy on Kong's own machine", f"the address of {entry.name}")
        return
    for kind in (Kind.BALANCER, Kind.EDGE):
        yield entry.address, Owner(kind, f"what answers at {entry.name}", f"--url {entry.name}")


def _loopback() -> Iterator[tuple[str, Owner]]:
    """Where the caller is on another machine, loopback is Kong's: a proxy beside it, or a mesh's redirect."""
    for network in LOOPBACK:
        for kind, name in ((Kind.BALANCER, "a proxy on Kong's own machine"), (Kind.LOOPBACK, "loopback")):
            yield network, Owner(kind, name, "loopback of Kong's own machine")
    yield str(INBOUND), Owner(Kind.LOOPBACK, "Istio's sidecar", "the address that it hands connections on from")
