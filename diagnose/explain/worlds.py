"""The worlds to consider: every combination of behaviours that an entry and the known facts leave open.

A hop that nothing points to is not assumed. In front of Kong's own published address an edge is thinkable only as the
unseen owner of an address that nobody knows. A second balancer, or a node before it, is thinkable only where some
connection shows two addresses that are not the caller's, or where Kong's peer is a pod, which a balancer leads to; a
second rewrite by the node only where a fact speaks of it; a balancer that believes the PROXY headers of callers only
where one of theirs got further than an ordinary connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from diagnose.path import edge, load_balancer, proxying
from diagnose.path.egress import Egress
from diagnose.path.listens import PROXY_PROTOCOL
from diagnose.path.node import Node
from diagnose.path.proxying import BELIEVES_PROXY, HTTP, Manner, Onward, Reads
from diagnose.path.settings import DEFAULT_REAL_IP_HEADER, Listener, Settings
from diagnose.path.traffic import Address, Layer
from diagnose.path.world import Behaviour, Hop, World, sends_proxy
from diagnose.site import Entry, EntryKind, Fact

Hops = tuple[Hop, ...]

Can = Callable[[Hop, Hops], bool]
"""Tells whether a hop that answers from an address of its own has one, with these hops after it."""

_TRUST_ALL = ("0.0.0.0/0", "::/0")

_BALANCER = Layer.LOAD_BALANCER
_ENDS = proxying.ENDS | {Node.DROPS, Node.REFUSES}


@dataclass(frozen=True, slots=True)
class Pointers:
    """What the evidence points to, and with it which worlds are worth a look.

    ``chained``: some connection shows two addresses that are not the caller's, or came from a pod. ``ended``: an
    ordinary connection got no answer from behind Kong. ``believed``: one with a PROXY header of the caller's got
    further than that, or through. ``naming`` are the headers that named the caller to the echo, which some hop must
    have written; ``hidden`` those that Kong reads and of which no witness can tell. ``kept`` are those of either kind
    that whoever writes them may leave as they came. ``demanded`` tells that Kong passed an ordinary connection and may
    demand PROXY headers. ``reached`` are the addresses in an X-Forwarded-For that a proxy behind another one may have
    been reached on. ``listening`` tells whether Kong's listeners speak TLS: a path that ends on none of them is
    considered only where a connection ended.
    """

    chained: bool = False
    ended: bool = True
    believed: bool = True
    naming: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    demanded: bool = False
    reached: tuple[Address, ...] = ()
    listening: frozenset[bool] = frozenset({False, True})


def paths(entry: Entry, facts: Sequence[Fact], pointers: Pointers, can: Can) -> Iterator[Hops]:
    """Every sequence of hops, in path order, that leads from the caller to Kong through ``entry``."""
    if entry.kind is EntryKind.POD:
        inner = (Node.KEEPS_SOURCE, Node.MASQUERADES, Node.SIDECAR)
        yield from ((Hop(Layer.NODE, behaviour),) for behaviour in inner)
        return
    leaving = [hop for one in Egress if can(hop := Hop(Layer.EGRESS, one), ()) and _allowed(hop, facts)]
    between = list(_between(entry, facts, pointers, can))
    last = list(_nodes(facts, pointers, can))
    for first, proxies, nodes in product(leaving, between, last):
        if _thinkable(first, proxies, nodes):
            yield (first, *proxies, *nodes)


def _allowed(hop: Hop, facts: Sequence[Fact]) -> bool:
    certain = (fact for fact in facts if fact.certain and fact.layer is hop.layer)
    return all(hop.behaviour.value in fact.behaviours for fact in certain)


def _thinkable(first: Hop, proxies: Hops, nodes: Hops) -> bool:
    if first.behaviour is Egress.FOREIGN and proxies[0].layer is Layer.EDGE:
        return False  # one stranger on the way is enough
    if proxies[-1].behaviour in _ENDS:
        return first.behaviour is Egress.DIRECT and nodes[0].behaviour is Node.KEEPS_SOURCE
    return True


def _between(entry: Entry, facts: Sequence[Fact], pointers: Pointers, can: Can) -> Iterator[Hops]:
    """What stands between the caller's side and Kong's node: an edge or none, a balancer, perhaps another one."""

    def hops(layer: Layer, behaviours: Iterable[Behaviour]) -> list[Hop]:
        left_out = (frozenset() if pointers.ended else _ENDS) | (frozenset() if pointers.believed else BELIEVES_PROXY)
        made = (Hop(layer, one) for one in behaviours if one not in left_out)
        return [hop for hop in made if _allowed(hop, facts) and can(hop, ())]

    edges = hops(Layer.EDGE, edge.NAMED if entry.kind is EntryKind.URL else edge.UNNAMED)
    fronts = [() if hop.behaviour is edge.NONE else (hop,) for hop in edges]
    balancers = hops(_BALANCER, load_balancer.BEHAVIOURS)
    for front, balancer in product(fronts, balancers):
        if _reached(front) or balancer.behaviour is edge.NONE:
            yield from _in_all_manners((*front, balancer) if _reached(front) else front, entry, pointers)
    if pointers.chained:
        firsts = hops(_BALANCER, load_balancer.BEFORE_ANOTHER) + hops(Layer.NODE, (Node.MASQUERADES,))
        for first, second in product(firsts, hops(_BALANCER, load_balancer.BEHIND_ANOTHER)):
            if can(first, (second,)):
                yield from _in_all_manners((first, second), entry, pointers)


def _reached(front: Hops) -> bool:
    """Whether anything behind ``front`` is."""
    return not any(hop.behaviour in _ENDS for hop in front)


def _nodes(facts: Sequence[Fact], pointers: Pointers, can: Can) -> Iterator[Hops]:
    """What the nodes do: one thing, or two where a fact speaks of the first, whose traces the second covers up."""
    single = [Hop(Layer.NODE, one) for one in Node if pointers.ended or one not in _ENDS]
    yield from ((hop,) for hop in single if _allowed(hop, facts) and can(hop, ()))
    spoken_of = {name for fact in facts if fact.layer is Layer.NODE for name in fact.behaviours}
    for first, second in (
        (Node.SERVICE_LB, Node.MASQUERADES),
        (Node.SERVICE_LB, Node.SIDECAR),
        (Node.MASQUERADES, Node.SIDECAR),
    ):
        both = (Hop(Layer.NODE, first), Hop(Layer.NODE, second))
        if first.value in spoken_of and all(_allowed(hop, facts) for hop in both) and can(both[1], ()):
            yield both


def _in_all_manners(hops: Hops, entry: Entry, pointers: Pointers) -> Iterator[Hops]:
    """``hops`` with every way in which they may read PROXY headers, write headers of their own, and speak onwards."""
    https = entry.scheme == "https"
    readings = [_readings(hops, index, pointers) for index in range(len(hops))]
    onwards = [_onwards(hop, https, last=hop is hops[-1]) for hop in hops]
    reached = [_reached_on(hops, index, pointers) for index in range(len(hops))]
    kept = ((), pointers.kept) if pointers.kept else ((),)
    prefaces = [_prefacing(hop, pointers, last=hop is hops[-1]) for hop in hops]
    details = product(
        product(*readings), product(*onwards), _written(hops, pointers), product(*reached), kept, product(*prefaces)
    )
    for reads, onward, written, on, keeping, before in details:
        keeps = (tuple(name for name in names if name in keeping) for names in written)
        manners = (Manner(*manner) for manner in zip(reads, written, onward, on, keeps, before, strict=True))
        path = tuple(Hop(hop.layer, hop.behaviour, manner) for hop, manner in zip(hops, manners, strict=True))
        if pointers.ended or speaks_tls(path, entry) in pointers.listening:
            yield path


def _readings(hops: Hops, index: int, pointers: Pointers) -> tuple[Reads, ...]:
    """What a proxy may make of PROXY headers: of those of the proxy before it, or of callers'."""
    hop = hops[index]
    if not _proxies(hop) or hop.behaviour in BELIEVES_PROXY:
        return (Reads.NOTHING,)
    if index and sends_proxy(hops[index - 1]):
        return (Reads.NOTHING, Reads.NAMES, Reads.PEER)
    callers = index == 0 and pointers.believed and not sends_proxy(hop)
    return tuple(Reads) if callers else (Reads.NOTHING,)


def _prefacing(hop: Hop, pointers: Pointers, *, last: bool) -> tuple[bool, ...]:
    """Whether a proxy that ends HTTP may send Kong a PROXY header besides: only where Kong demands one."""
    return (False, True) if last and hop.behaviour in HTTP and pointers.demanded else (False,)


def _reached_on(hops: Hops, index: int, pointers: Pointers) -> tuple[Address | None, ...]:
    """By which address a hop is known that names it: the entry's, or behind another proxy one of its own."""
    names_itself = hops[index].behaviour is proxying.Proxying.HTTP_APPENDS_XFF_AND_SELF
    return pointers.reached if index and names_itself else (None,)


def _onwards(hop: Hop, https: bool, *, last: bool) -> tuple[Onward, ...]:
    if not last or not _proxies(hop):
        return (Onward.AS_IT_CAME,)
    if hop.behaviour in HTTP:
        return (Onward.CLEAR, Onward.TLS)
    return (Onward.AS_IT_CAME, Onward.CLEAR, Onward.TLS) if https else (Onward.AS_IT_CAME,)


def _proxies(hop: Hop) -> bool:
    return hop.behaviour in proxying.EMITS


def _written(hops: Hops, pointers: Pointers) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Which hop writes which header: those that named the caller must come from one, the hidden ones may."""
    writers = [index for index, hop in enumerate(hops) if hop.behaviour in HTTP]
    if pointers.naming and not writers:
        return
    choices: list[list[int | None]] = [[*writers] for _ in pointers.naming]
    choices += [[None, *writers] for _ in pointers.hidden]
    names = (*pointers.naming, *pointers.hidden)
    for chosen in product(*choices):
        yield tuple(
            tuple(name for name, writer in zip(names, chosen, strict=True) if writer == index)
            for index in range(len(hops))
        )


def speaks_tls(hops: Hops, entry: Entry) -> bool:
    """Whether the connection that reaches Kong over ``hops`` is a TLS one."""
    tls = entry.scheme == "https"
    for hop in hops:
        if _proxies(hop) and hop.manner.onward is not Onward.AS_IT_CAME:
            tls = hop.manner.onward is Onward.TLS
    return tls


def gateways(entry: Entry, told: Iterable[Settings]) -> list[tuple[Settings, Listener]]:
    """The (settings, listener) pairs that ``entry`` may end on, for the settings that Kong's pods are told."""
    return [(settings, listener) for settings in told for listener in _listeners(entry, settings)]


def _listeners(entry: Entry, settings: Settings) -> list[Listener]:
    if entry.listener is not None:
        named = [listener for listener in settings.listeners if listener.port == entry.listener]
        if named:
            return named
    return list(settings.listeners)


def alternatives(
    entry: Entry,
    told: Sequence[Settings],
    peers: Iterable[str],
    *,
    taken: bool = True,
    read: bool = True,
    clear_reply: bool = False,
) -> list[tuple[Settings, Listener]]:
    """Settings that Kong may really be running with, for when what it is told does not explain the traffic.

    ``peers`` are addresses that Kong was seen to take connections from: those are what it may trust. Whom it trusts has
    no part in anything unless some connection was ``taken``, and which header it reads unless some request was
    ``read``: of what it refuses unread only a PROXY header may have counted. ``clear_reply`` tells that TLS was
    answered in clear text, so that the listener may speak none.
    """
    tls = entry.scheme == "https"
    port = entry.listener or (8443 if tls else 8000)
    versions = {settings.version for settings in told} or {None}
    trusted: list[tuple[str, ...]] = [()]
    if taken:
        trusted += [_TRUST_ALL, *((peer,) for peer in sorted(set(peers)))]
    headers = dict.fromkeys(
        (DEFAULT_REAL_IP_HEADER, "X-Forwarded-For", PROXY_PROTOCOL, *(one.real_ip_header for one in told))
    )
    return [
        (
            Settings(
                listeners=(found := Listener(port, tls=speaks, proxy_protocol=flag),),
                trusted_ips=trust,
                real_ip_header=header,
                real_ip_recursive=recursive,
                version=version,
            ),
            found,
        )
        for version, speaks in product(versions, {tls, tls and not clear_reply})
        for flag, trust, header, recursive in product((False, True), trusted, headers, (False, True))
        if _differs(flag, trust, header, recursive=recursive, read=read)
    ]


def _differs(flag: bool, trust: Sequence[str], header: str, *, recursive: bool, read: bool) -> bool:
    """Whether a Kong set so does something that none does which was considered before, all else being alike.

    Trusting nobody, it looks at no header at all; and where no request was ``read``, at none but a PROXY header.
    """
    if not trust:
        return (header, recursive) == (DEFAULT_REAL_IP_HEADER, False)
    return read or (flag and header == PROXY_PROTOCOL and not recursive)


def all_worlds(
    hops: Iterable[Hops], kongs: Sequence[tuple[Settings, Listener]], entry: Entry, pointers: Pointers
) -> Iterator[World]:
    """Every path in front of every Kong; those that disagree on TLS with it only where a connection ended somewhere."""
    for path in hops:
        tls = speaks_tls(path, entry)
        for settings, listener in kongs:
            if pointers.ended or entry.kind is EntryKind.POD or tls == listener.tls:
                yield World(path, settings, listener)
