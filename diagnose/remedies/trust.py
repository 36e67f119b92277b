"""Trust: the smallest ranges that are sure to hold what connects to Kong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case
from diagnose.owners import Kind, Network
from diagnose.path.traffic import Address
from diagnose.path.trust import UNIX, read_network
from diagnose.path.world import predict


def trusts(
    cases: Sequence[Case], addresses: Addresses, seen: frozenset[Address], *, as_told: bool = True
) -> list[tuple[str, ...] | None]:
    """What trusted_ips may be set to: as it is, the balancer's side alone, that besides what is listed, nobody.

    Where whom Kong trusts now is assumed (not ``as_told``), nobody is a choice only if it trusts some in every case:
    those whom it trusts may be the right ones.

    With real_ip_recursive, the proxies that a header names besides the client have to be trusted as well. Where none
    of Kong's peers was seen, those of the likeliest cases are the ones.
    """
    likeliest = [case for case in cases if case.rank == cases[0].rank]
    peers = {peer for case in cases if (peer := _peer(case)) in seen and peer is not None}
    peers = peers or {peer for case in likeliest if (peer := _peer(case)) is not None}
    told = cases[0].world.settings.trusted_ips
    listed = tuple(text for text in told if text not in ("0.0.0.0/0", "::/0"))
    offered: list[tuple[str, ...] | None] = [None]
    for some in (peers, peers | _passed_by(cases, addresses, seen)):
        ranges = collapse(net for peer in some for net in smallest_ranges(peer, addresses))
        if ranges:
            offered += [(*listed, *_beyond(listed, ranges)), ranges]
    if told and (as_told or all(case.world.settings.trusted_ips for case in cases)):
        offered.append(())
    return list(dict.fromkeys(offered))


def _peer(case: Case) -> Address | None:
    """The TCP peer that Kong sees on the plain connection of ``case``, unless it is the caller itself."""
    prediction = predict(case.world, case.plain, case.binding)
    if len(prediction.arrivals) <= len(case.world.hops):
        return None
    peer = prediction.arrivals[-1].source
    return None if peer == case.plain.source else peer


def _passed_by(cases: Sequence[Case], addresses: Addresses, seen: frozenset[Address]) -> set[Address]:
    """The addresses of edges and balancers that were seen, though not as Kong's peer."""
    used = {address for case in cases for address in (*case.binding, case.sight.logged) if address in seen}
    return {
        address
        for address in used
        if address is not None
        and any(owner.kind in (Kind.BALANCER, Kind.EDGE) for owner in addresses.inventory.owners(address))
    }


def _beyond(listed: Sequence[str], ranges: Sequence[str]) -> Iterator[str]:
    """Those of ``ranges`` that no listed one holds already."""
    known = [read_network(text) for text in listed if text != UNIX]
    for text in ranges:
        net = read_network(text)
        if not any(within(net, one) for one in known):
            yield text


def within(inner: Network, outer: Network) -> bool:
    """Whether every address of ``inner`` is one of ``outer``; networks of two families share none."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


_NETWORK = {
    Kind.NODE: Kind.NODE,
    Kind.POD: Kind.POD_NETWORK,
    Kind.SERVICE_LB: Kind.POD_NETWORK,
    Kind.POD_NETWORK: Kind.POD_NETWORK,
}
"""Whose ranges hold an address's successors: a pod of the same purpose comes up with any address of the network."""


def smallest_ranges(address: Address, addresses: Addresses) -> tuple[Network, ...]:
    """The smallest ranges that are sure to hold what answers in the place of ``address``.

    Nodes come and go: one node's address stands for all nodes'. A pod's stands for the pod network, if it is known,
    a balancer's for all ranges that are known to be that balancer's.
    """
    owners = addresses.inventory.owners(address)
    family = {_NETWORK.get(owner.kind) for owner in owners} - {None}
    proxies = () if family else tuple(owner for owner in owners if owner.kind in (Kind.BALANCER, Kind.EDGE))
    ranges = tuple(
        net
        for net, owner in addresses.inventory.ranges
        if net.version == address.version and (owner.kind in family or owner in proxies)
    )
    return ranges or (ip_network(address),)


def collapse(networks: Iterator[Network]) -> tuple[str, ...]:
    """The fewest networks that cover the same addresses, as text; single addresses without a prefix length."""
    every = set(networks)
    merged: list[Network] = [
        *collapse_addresses(net for net in every if isinstance(net, IPv4Network)),
        *collapse_addresses(net for net in every if isinstance(net, IPv6Network)),
    ]
    return tuple(str(net.network_address) if net.num_addresses == 1 else str(net) for net in merged)
