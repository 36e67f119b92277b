"""Whose address is it: the inventory of address owners, each with the source it was read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Address, Layer

Network = IPv4Network | IPv6Network


class Kind(StrEnum):
    """What sort of thing an address belongs to."""

    CALLER = "caller"
    EDGE = "edge"
    BALANCER = "balancer"
    NODE = "node"
    POD = "pod"
    POD_NETWORK = "pod network"
    SERVICE_LB = "service-lb pod"
    SERVICE = "service"
    LOOPBACK = "loopback"


LAYER_OF_KIND = {
    Kind.CALLER: Layer.EGRESS,
    Kind.EDGE: Layer.EDGE,
    Kind.BALANCER: Layer.LOAD_BALANCER,
    Kind.NODE: Layer.NODE,
    Kind.POD_NETWORK: Layer.NODE,
    Kind.SERVICE_LB: Layer.NODE,
    Kind.LOOPBACK: Layer.NODE,
}
"""The layer that answers from an address of that kind; a pod or a Service proves none by itself."""


INFRASTRUCTURE = frozenset({Kind.EDGE, Kind.BALANCER, Kind.NODE, Kind.POD_NETWORK, Kind.SERVICE_LB, Kind.SERVICE})
"""Kinds of owner whose address is not a caller's, unless the caller is one of them."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns an address or a range: ``name`` for people, ``source`` the object and field that it was read from."""

    kind: Kind
    name: str
    source: str


@dataclass(frozen=True)  # no slots: the index is made once
class Inventory:
    """All that is known of who owns what; a single address is a network of full length.

    ``pods_listed`` tells that every pod is among the owners: another address of a pod network is then no pod's.
    """

    ranges: tuple[tuple[Network, Owner], ...] = ()
    pods_listed: bool = False

    @classmethod
    def of(cls, entries: Iterable[tuple[str, Owner]], *, pods_listed: bool = False) -> Inventory:
        """An inventory of (address or CIDR, owner) pairs; host bits are masked. ValueError for anything else."""
        return cls(tuple((ip_network(text, strict=False), owner) for text, owner in entries), pods_listed)

    def owners(self, address: Address) -> tuple[Owner, ...]:
        """The owners of the most specific ranges that hold ``address``; empty if nobody is known to own it."""
        for length, owners in self._index[address.version]:
            found = owners.get(int(address) >> (address.max_prefixlen - length))
            if found:
                return tuple(found)
        return ()

    def infrastructure(self, address: Address) -> bool:
        """Whether ``address`` is known to belong to what stands between callers and Kong."""
        return any(owner.kind in INFRASTRUCTURE for owner in self.owners(address))

    @cached_property
    def _index(self) -> dict[int, list[tuple[int, dict[int, list[Owner]]]]]:
        """By family, the prefix lengths that occur, longest first, each with its owners by the prefix's bits."""
        by_length: dict[tuple[int, int], dict[int, list[Owner]]] = {}
        for net, owner in self.ranges:
            owners = by_length.setdefault((net.version, net.prefixlen), {})
            owners.setdefault(int(net.network_address) >> (net.max_prefixlen - net.prefixlen), []).append(owner)
        lengths = sorted(by_length, key=lambda key: -key[1])
        return {family: [(key[1], by_length[key]) for key in lengths if key[0] == family] for family in (4, 6)}


Owned = tuple[str, Owner]
"""An address or a CIDR, and who owns it."""

KIND_OF_WORD = {
    "caller": Kind.CALLER,
    "edge": Kind.EDGE,
    "load_balancer": Kind.BALANCER,
    "node": Kind.NODE,
}
"""What ``--owner CIDR=LAYER`` may say."""

LOOPBACK: tuple[Owned, ...] = tuple(
    (net, Owner(Kind.LOOPBACK, "loopback", "loopback of Kong's own pod or node")) for net in ("127.0.0.0/8", "::1")
)


def user_owned(cidr: str, layer: str) -> Owned:
    """What one ``--owner CIDR=LAYER`` says. Stop with status 2 where it says nothing."""
    word = f"--owner {cidr}={layer}"
    try:
        network, kind = ip_network(cidr, strict=False), KIND_OF_WORD[layer]
    except (ValueError, KeyError) as error:
        remedy = f"Write CIDR=LAYER, with LAYER one of {', '.join(KIND_OF_WORD)}."
        raise Stop(f"{word} cannot be used.", remedy, USAGE) from error
    return str(network), Owner(kind, f"{layer.replace('_', ' ')} {network}", word)
