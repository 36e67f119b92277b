"""The worlds to consider: every combination of behaviours that an entry's kind and the known facts leave open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from diagnose.path import edge, load_balancer
from diagnose.path.egress import Egress
from diagnose.path.node import Node
from diagnose.path.proxying import Proxying
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer
from diagnose.path.world import Behaviour, Hop, World
from diagnose.site import Entry, EntryKind, Fact

ENDS = frozenset({Proxying.DROPS, Proxying.REFUSES})
"""Behaviours behind which no later hop is reached."""

_TRUST_ALL = ("0.0.0.0/0", "::/0")


def paths(kind: EntryKind, facts: Sequence[Fact]) -> Iterator[tuple[Hop, ...]]:
    """Every sequence of hops, in path order, that leads from the caller to Kong through an entry of ``kind``.

    A hop that nothing points to is not assumed: in front of Kong's own published address an edge is thinkable only as
    the unseen owner of an address that nobody knows, and one stranger on the way is enough.
    """
    if kind is EntryKind.POD:
        for behaviour in (Node.KEEPS_SOURCE, Node.MASQUERADES, Node.SIDECAR):
            yield (Hop(Layer.NODE, behaviour),)
        return
    edges = edge.NAMED if kind is EntryKind.URL else edge.UNNAMED
    layers = (
        (Layer.EGRESS, _allowed(Layer.EGRESS, tuple(Egress), facts)),
        (Layer.EDGE, _allowed(Layer.EDGE, edges, facts)),
        (Layer.LOAD_BALANCER, _allowed(Layer.LOAD_BALANCER, load_balancer.BEHAVIOURS, facts)),
        (Layer.NODE, _allowed(Layer.NODE, tuple(Node), facts)),
    )
    for behaviours in product(*(behaviours for _, behaviours in layers)):
        hops = tuple(Hop(layer, behaviour) for (layer, _), behaviour in zip(layers, behaviours, strict=True))
        if _thinkable(hops):
            yield hops


def _allowed(layer: Layer, behaviours: Sequence[Behaviour], facts: Sequence[Fact]) -> tuple[Behaviour, ...]:
    certain = [fact.behaviours for fact in facts if fact.certain and fact.layer is layer]
    return tuple(behaviour for behaviour in behaviours if all(behaviour.value in names for names in certain))


def _thinkable(hops: tuple[Hop, ...]) -> bool:
    egress, front, balancer, node = (hop.behaviour for hop in hops)
    if egress is Egress.FOREIGN and front is not edge.NONE:
        return False
    if balancer in ENDS:
        return egress is Egress.DIRECT and front is edge.NONE and node is Node.KEEPS_SOURCE
    return True


def gateways(entry: Entry, told: Iterable[Settings]) -> list[tuple[Settings, Listener]]:
    """The (settings, listener) pairs that ``entry`` may end on, for the settings that Kong's pods are told."""
    return [(settings, listener) for settings in told for listener in _listeners(entry, settings)]


def _listeners(entry: Entry, settings: Settings) -> list[Listener]:
    if entry.listener is not None:
        named = [listener for listener in settings.listeners if listener.port == entry.listener]
        if named:
            return named
    return [listener for listener in settings.listeners if listener.tls == (entry.scheme == "https")]


def alternatives(entry: Entry, told: Iterable[Settings], peers: Iterable[str]) -> list[tuple[Settings, Listener]]:
    """Settings that Kong may really be running with, for when what it is told does not explain the traffic.

    ``peers`` are addresses that Kong was seen to take connections from: those are what it may trust.
    """
    listener = entry.listener or (8443 if entry.scheme == "https" else 8000)
    versions = {settings.version for settings in told} or {None}
    trusted: list[tuple[str, ...]] = [(), _TRUST_ALL, *((peer,) for peer in sorted(set(peers)))]
    headers = ("X-Real-IP", "X-Forwarded-For", "proxy_protocol")
    return [
        (
            Settings(
                listeners=(found := Listener(listener, tls=entry.scheme == "https", proxy_protocol=flag),),
                trusted_ips=trust,
                real_ip_header=header,
                real_ip_recursive=recursive,
                version=version,
            ),
            found,
        )
        for version in versions
        for flag, trust, header, recursive in product((False, True), trusted, headers, (False, True))
        if trust or (header, recursive) == ("X-Real-IP", False)  # trusting nobody, Kong looks at no header at all
    ]


def all_worlds(hops: Iterable[tuple[Hop, ...]], kongs: Sequence[tuple[Settings, Listener]]) -> list[World]:
    """Every path in front of every Kong."""
    return [World(path, settings, listener) for path, (settings, listener) in product(hops, kongs)]
