"""Sightings: what captures say of the run's probes, in the terms in which worlds predict it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from diagnose.capture.connections import Connection
from diagnose.capture.head import Carries
from diagnose.capture.ways import Way, in_order, join
from diagnose.path.naming import unwrapped
from diagnose.path.traffic import Address, Layer, parse_address
from probes.outcome import Sent
from probes.wire.proxy_protocol import Header

PATIENCE, POLL = 2.0, 0.2
"""Seconds that a capture which is still being written is given to show the last of the probes."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One connection as it came to a layer.

    ``source`` is the TCP source on the wire, ``proxies`` the PROXY headers as (version, source that is named or None);
    None where what the connection began with was not captured as far as that.
    ``forwarded`` are the elements of all X-Forwarded-For lines, ``real_ips`` the values of X-Real-IP; None where the
    request was not seen in clear text. ``same`` tells that it is the very TCP connection that the caller's socket made:
    its SYN began with the same sequence number. None where that was not seen; other numbers are no proof of anything,
    since some firewalls draw them anew.
    """

    layer: Layer
    source: Address
    proxies: tuple[tuple[int, Address | None], ...] | None = None
    forwarded: tuple[str, ...] | None = None
    real_ips: tuple[str, ...] | None = None
    same: bool | None = None


Sightings = Mapping[str, frozenset[Sighting]]
"""What was seen of each probe, by its nonce."""

Read = Callable[[], Sequence[Connection]]


def awaited(read: Read, sent: Sequence[Sent], home: Set[str] = frozenset()) -> Sightings:
    """The sightings of ``sent``, as soon as the last probe of which anything could be seen is among them.

    ``home`` are those of the probes' sockets' addresses that belong to the nodes, or to pods on them.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        found = sightings(read(), sent, home)
        last = found.get(sent[-1].probe.nonce, frozenset()) if sent else frozenset()
        if not sent or (last and all(one.proxies is not None for one in last)) or time.monotonic() > deadline:
            return found
        time.sleep(POLL)


def sightings(seen: Sequence[Connection], sent: Sequence[Sent], home: Set[str] = frozenset()) -> Sightings:
    """What connections at several points say of the probes ``sent``. Points whose layer nobody told say nothing."""
    by_nonce = {one.probe.nonce for one in sent}
    by_socket = {(one.socket, one.port): one.probe.nonce for one in sent if one.socket and one.port}
    kongs = {one.destination for one in seen if one.point.layer is Layer.GATEWAY}
    of_probes: dict[str, list[Connection]] = defaultdict(list)
    for way in join(seen):
        nonce = way.nonce if way.nonce in by_nonce else next(_sockets(way, by_socket), None)
        if nonce is not None:
            of_probes[nonce] += way.sightings  # of several ways where TLS ends: nothing joins what is before and behind
    found = {nonce: frozenset(_arrivals(sorted(some, key=in_order), kongs, home)) for nonce, some in of_probes.items()}
    return {nonce: arrived for nonce, arrived in found.items() if arrived}


def _sockets(way: Way, by_socket: Mapping[tuple[str, int], str]) -> Iterator[str]:
    """The probes whose own socket a connection of the way comes from, or names in a PROXY header."""
    for one in way.sightings:
        named = [(header.source or "", header.source_port) for header in one.head.proxies]
        for end in ((one.source, one.source_port), *named):
            if end in by_socket:
                yield by_socket[end]


def _arrivals(way: Sequence[Connection], kongs: Set[str], home: Set[str]) -> Iterator[Sighting]:
    """What came in at each layer first of ``way``, in path order: the rest that was captured there went out, or on.

    A capture may lack packets. What Kong sends on is no arrival, even where the arrival itself is lacking, as on the
    echo's node, or where a balancer sent the request on a connection that it had kept open.
    """
    way = [one for one in way if not (one.head.of_kong or (one.point.layer is Layer.GATEWAY and one.source in kongs))]
    departed = next((one for one in way if one.point.layer is Layer.EGRESS), None)
    firsts: dict[Layer, Connection] = {}
    for one in way:
        if one.point.layer is not None and one.point.layer is not Layer.EGRESS:
            firsts.setdefault(one.point.layer, one)
    others = [one for one in way if one.source not in kongs]
    for layer, first in firsts.items():
        one = _rewritten(first, way) if layer is Layer.GATEWAY else first
        source = parse_address(one.source)
        if source is None or first.left or _overheard(one, others) or (layer is Layer.NODE and _ended(one, way, home)):
            continue
        clear = one.head.carries is Carries.HTTP and one.head.whole
        # Where the SYN is lacking, a PROXY header in front of what was captured may be lacking, too.
        known = one.opening is not None and one.head.carries is not None
        yield Sighting(
            layer,
            source,
            tuple(map(_named, one.head.proxies)) if known else None,
            _listed(one, "x-forwarded-for") if clear else None,
            _listed(one, "x-real-ip") if clear else None,
            _same(departed, one),
        )


def _overheard(one: Connection, way: Sequence[Connection]) -> bool:
    """Whether nobody answered it, and another one at its layer was answered.

    Then it may have been another machine's, whose frames the capture heard.
    """
    answered = any(other.answer is not None for other in way if other.point.layer is one.point.layer)
    return one.opening is not None and one.answer is None and answered


def _ended(one: Connection, way: Sequence[Connection], home: Set[str]) -> bool:
    """Whether something ends connections where they pass a node, which itself ends none, or ``one`` began there.

    Where nodes saw several begin, a proxy did, on the node itself, or behind a node that the caller is on; and where
    what answered is on the machine itself, as a proxy is of which the capture of one interface shows but the one side.
    A caller at ``home`` may be seen by its own node as it leaves.
    """
    begun = {other.opening.sequence for other in way if other.point.layer is Layer.NODE and other.opening is not None}
    return len(begun) > 1 or one.source in home or (one.answer is not None and one.answer.ttl in _FRESH)


def _rewritten(one: Connection, way: Sequence[Connection]) -> Connection:
    """The same TCP connection as it went on to Kong, where what was captured at Kong is the node that rewrites it."""
    begun = [(other, other.opening.sequence) for other in way if other.opening is not None and other.point == one.point]
    return next((other for other, number in reversed(begun) if one.opening and number == one.opening.sequence), one)


_FRESH = frozenset({64, 128, 255})
"""The TTLs that systems begin with. An answer that a node has forwarded, from a pod of its own too, has a lower one."""


def _named(header: Header) -> tuple[int, Address | None]:
    return header.version, parse_address(header.source) if header.source is not None else None


def _listed(one: Connection, wanted: str) -> tuple[str, ...]:
    lines = (value for name, value in one.head.fields if name.lower() == wanted)
    return tuple(unwrapped(element) for line in lines for element in line.split(","))


def _same(departed: Connection | None, one: Connection) -> bool | None:
    if departed is None or departed.opening is None or one.opening is None:
        return None
    return departed.opening.sequence == one.opening.sequence or None
