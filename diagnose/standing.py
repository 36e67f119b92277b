"""Where an entry stands: what its address tells of the hops before Kong, and how far packets to it are forwarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from diagnose.explain.groups import Part
from diagnose.owners import Kind, Owner
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer, parse_address
from diagnose.site import Entry, EntryKind, Fact, Progress, Site
from probes.probe import Target

_BALANCER = Layer.LOAD_BALANCER


def known_of(site: Site, entry: Entry) -> tuple[Fact, ...]:
    """All that is known of the way through ``entry`` before anything is sent there."""
    told = [fact for fact in site.facts if fact.entry in (None, entry.name)]
    own = any(fact.layer is _BALANCER and fact.entry is not None for fact in told)
    if own or entry.kind in (EntryKind.FRONT, EntryKind.NODE):  # it stands in the place of the Service's own balancer
        told = [fact for fact in told if fact.layer is not _BALANCER or fact.entry is not None]
    return (*told, *of_place(site, entry))


def of_place(site: Site, entry: Entry) -> list[Fact]:
    """What the address itself tells: there is no balancer before a node's own, and no edge before Kong's own.

    kube-proxy answers on every node for the published addresses of a Service, before any process there could. What
    answers at a node's address for an entry that the user named may be anything.
    """
    nothing = frozenset({Proxying.PASSES_THROUGH.value})
    if entry.kind in (EntryKind.DIRECT, EntryKind.NODE):
        return [Fact(layer, nothing, entry.name, certain=True) for layer in (Layer.EDGE, _BALANCER)]
    if entry.kind is EntryKind.URL:
        published = {one.address for one in site.entries if one.kind is EntryKind.SERVICE}
        told = f"{entry.address} is Kong's own published address"
        owners = _owners(site, entry.address)
        if entry.address not in published and {owner.kind for owner in owners} == {Kind.BALANCER}:
            told = f"{entry.address} is an address of the load balancer itself ({owners[0].source})"
        elif entry.address not in published:
            return []
        return [Fact(Layer.EDGE, nothing, told, certain=True)]
    node = next((owner for owner in _owners(site, entry.address) if owner.kind is Kind.NODE), None)
    if entry.kind is not EntryKind.SERVICE or node is None:
        return []
    told = f"{entry.address} is an address of {node.name} itself ({node.source})"
    return [Fact(layer, nothing, told, certain=True) for layer in (Layer.EDGE, _BALANCER)]


def with_reach(
    site: Site, parts: Sequence[Part], facts: Mapping[Entry, tuple[Fact, ...]], progress: Progress
) -> dict[Entry, tuple[Fact, ...]]:
    """``facts``, and for each entry where it matters what a ladder of SYNs tells of the balancer."""
    unsettled = {part.entry for part in parts if _open(part)}
    return {
        entry: (*known, *_forwards(site, entry, progress)) if entry in unsettled else known
        for entry, known in facts.items()
    }


def _open(part: Part) -> bool:
    """Whether it is open if the balancer of Kong's own Service forwards packets or proxies connections."""
    kinds = {hop.behaviour for case in part.explanation.cases for hop in case.world.hops if hop.layer is _BALANCER}
    return part.entry.kind is EntryKind.SERVICE and Proxying.PASSES_THROUGH in kinds and len(kinds) > 1


def _forwards(site: Site, entry: Entry, progress: Progress) -> list[Fact]:
    """Whether the first machine that a packet to the published address gets to is the very node of a Kong pod.

    Where the TTL runs out behind the published address, the error comes back in its name, or a node's: packets are
    forwarded from there. A pod in a network of its own is one hop behind its node; so where the connection comes about
    with a TTL of just one more, nothing stands before that node that could have ended or rewritten it.
    """
    from probes.reach import Expired, ladder

    if any(owner.kind is Kind.NODE for kong in site.kongs for owner in _owners(site, kong.address)):
        return []  # a Kong on its node's own network answers from the node itself
    progress(f"asking how far packets to {entry.address} are forwarded")
    target = Target(entry.address, entry.port, entry.scheme, entry.host or entry.address)
    for ttl, rung in enumerate(ladder(target), start=1):
        if isinstance(rung, Expired) and _behind(site, entry, rung.by):
            return [_forwarding(entry, ttl)] if _arrives(target, ttl + 1) else []
    return []


AT_ONCE, ROUNDS, WAIT = 16, 3, 0.5
"""Attempts side by side, rounds of them, and seconds for each: a router may lead each packet to another node."""


def _arrives(target: Target, ttl: int) -> bool:
    """Whether some connection comes about within ``ttl`` hops; each attempt may be led to another node."""
    from probes.reach import Connected, reach

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return any(
            isinstance(reached, Connected)
            for _ in range(ROUNDS)
            for reached in list(pool.map(lambda _: reach(target, ttl, WAIT), range(AT_ONCE)))
        )


def _owners(site: Site, text: str) -> tuple[Owner, ...]:
    address = parse_address(text)
    return site.inventory.owners(address) if address is not None else ()


def _behind(site: Site, entry: Entry, by: str) -> bool:
    return by == entry.address or any(owner.kind is Kind.NODE for owner in _owners(site, by))


def _forwarding(entry: Entry, ttl: int) -> Fact:
    source = (
        f"packets to {entry.address}:{entry.port} with a TTL of {ttl} run out behind that address, and with {ttl + 1} "
        "they reach Kong: nothing stands before the node of Kong's pod that could have ended the connection"
    )
    return Fact(_BALANCER, frozenset({Proxying.PASSES_THROUGH.value}), source, certain=True)
