"""Ways: connections at several points that are one caller's on its way to Kong, and what happened between the points.

What a rewriting router leaves alone: the sequence number that a SYN begins with, and its timestamp. What a proxy that
copies bytes leaves alone: the request, and with TLS the ClientHello. What a PROXY header tells: the addresses of the
connection before. Where none of these is known: the address and port that it comes from. Some firewalls draw sequence
numbers anew; to these the text says "a new TCP connection", too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from itertools import pairwise

from diagnose.capture.connections import Connection
from diagnose.capture.head import Carries
from diagnose.path.traffic import PATH, Address, Layer, parse_address
from probes.wire.proxy_protocol import Header

NONCE = re.compile(r"[0-9a-f]{16}(?![0-9a-f])")
"""What a probe's path ends with."""


class Between(StrEnum):
    """What a connection is at one point to what it was at the one before."""

    SAME = "forwarded"
    """The same TCP connection, from the same source."""
    REWRITTEN = "source_rewritten"
    """The same TCP connection, from another source: a router or node rewrote it."""
    NEW = "new_connection"
    """Another TCP connection: something between the two points ended the first one."""
    UNKNOWN = "unknown"
    """The beginning of one of the two was not captured."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What happened between two sightings.

    ``sent`` are PROXY headers that were put in front, ``taken`` those that were taken off. ``fields`` are header lines
    of the request that were not there before, or not so. ``tls`` says if TLS was "ended" or "begun", None for neither.
    """

    between: Between
    sent: tuple[Header, ...] = ()
    taken: tuple[Header, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    tls: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One caller's connection, as it was seen at each point, in path order."""

    sightings: tuple[Connection, ...]

    @property
    def passages(self) -> tuple[Passage, ...]:
        """What happened from each sighting to the next one."""
        return tuple(passage(before, after) for before, after in pairwise(self.sightings))

    @property
    def nonce(self) -> str | None:
        """The probe that it is, None where no request in clear text tells."""
        return next((nonce for one in self.sightings if (nonce := nonce_of(one)) is not None), None)

    @property
    def lost_after(self) -> int | None:
        """The number of the last sighting that still told the address of the first; None where all of them do."""
        first = parse_address(self.sightings[0].source)
        told = [first in {parse_address(one.source), *map(parse_address, one.head.addresses)} for one in self.sightings]
        return next((number - 1 for number, still in enumerate(told) if not still), None)


def nonce_of(connection: Connection) -> str | None:
    """The nonce that the path of a probe ends with, None for any other request."""
    path = (connection.head.request or "").partition(" ")[2].partition("?")[0]
    found = NONCE.fullmatch(path.rpartition("/")[2])
    return found[0] if found is not None else None


def passage(before: Connection, after: Connection) -> Passage:
    """What happened to a connection between two points."""
    sent, taken = _difference(before.head.proxies, after.head.proxies)
    was, now = before.head.carries, after.head.carries
    known = frozenset(before.head.fields)
    both_clear = (was, now) == (Carries.HTTP, Carries.HTTP)
    return Passage(
        _between(before, after),
        sent if now is not None or after.head.proxies else (),
        taken if now is not None or after.head.proxies else (),
        tuple(line for line in after.head.fields if line not in known) if both_clear else (),
        {(Carries.TLS, Carries.HTTP): "ended", (Carries.HTTP, Carries.TLS): "begun"}.get((was, now)),  # type: ignore[arg-type]
    )


def _between(before: Connection, after: Connection) -> Between:
    if before.opening is None or after.opening is None:
        return Between.UNKNOWN
    if before.opening.sequence != after.opening.sequence:
        return Between.NEW
    return Between.SAME if before.source == after.source else Between.REWRITTEN


def _difference(before: Sequence[Header], after: Sequence[Header]) -> tuple[tuple[Header, ...], tuple[Header, ...]]:
    """The headers that were put in front, and those that were taken off; the last ones are the oldest."""
    common = 0
    while common < min(len(before), len(after)) and before[-1 - common] == after[-1 - common]:
        common += 1
    return tuple(after[: len(after) - common]), tuple(before[: len(before) - common])


def join(seen: Iterable[Connection]) -> list[Way]:
    """The ways that connections of all points make up, in the order in which they begin."""
    all_seen = _once(list(seen))
    groups = _Groups(len(all_seen))
    by_key: dict[Hashable, int] = {}
    for number, connection in enumerate(all_seen):
        for key in _keys(connection):
            groups.unite(number, by_key.setdefault(key, number))
    for number, named in _named(all_seen):
        groups.unite(number, named)
    ways = (Way(tuple(sorted((all_seen[number] for number in one), key=in_order))) for one in groups.all())
    return sorted(ways, key=lambda way: min(one.time for one in way.sightings))


def chosen(ways: Iterable[Way], nonce: str | None, client: str | None) -> list[Way]:
    """Those that are the probe's, and that come from ``client`` (an address or CIDR) or name it; None: any."""
    network = ip_network(client, strict=False) if client is not None else None
    return [
        way
        for way in ways
        if nonce in (None, way.nonce) and (network is None or any(one in network for one in _told(way)))
    ]


def _told(way: Way) -> Iterator[Address]:
    for one in way.sightings:
        yield from filter(None, map(parse_address, (one.source, *one.head.addresses)))


def _keys(connection: Connection) -> Iterator[Hashable]:
    if connection.opening is not None:
        told = connection.opening.stamp
        yield "syn", connection.opening.sequence, (connection.opening.window if told is None else told)
    if connection.head.hello is not None:
        yield "hello", connection.head.hello
    nonce = nonce_of(connection)
    if nonce is not None:
        yield "nonce", nonce


def _once(seen: Sequence[Connection]) -> list[Connection]:
    """Without what a socket alone tells of a connection whose packets were captured there as well."""

    def ends(one: Connection) -> Hashable:
        return one.source, one.source_port, one.destination, one.destination_port

    captured = {ends(one) for one in seen if one.opening is not None and one.point.layer is Layer.EGRESS}
    own = (one.opening is None and one.point.layer is Layer.EGRESS and ends(one) in captured for one in seen)
    return [one for one, double in zip(seen, own, strict=True) if not double]


def _named(seen: Sequence[Connection]) -> Iterator[tuple[int, int]]:
    """Pairs of a connection and the one that its PROXY header names, of several the nearest in time.

    One of which nothing tells what it is but where it comes from is that which comes from there at another point.
    """
    by_tuple: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, connection in enumerate(seen):
        by_tuple[connection.source, connection.source_port].append(number)
    for number, connection in enumerate(seen):
        named = [by_tuple.get((one.source or "", one.source_port), []) for one in connection.head.proxies]
        if not any(_keys(connection)):
            same = by_tuple[connection.source, connection.source_port]
            named.append([one for one in same if seen[one].point != connection.point])
        for candidates in named:
            others = [one for one in candidates if one != number]
            if others:
                yield number, min(others, key=lambda one: abs(seen[one].time - connection.time))


def in_order(connection: Connection) -> tuple[int, float]:
    """Path order: by layer where the points are told, then by time."""
    layer = connection.point.layer
    return (PATH.index(layer) if layer is not None else 0, connection.time)


class _Groups:
    """Numbers from 0 on, in groups that are united bit by bit."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def unite(self, one: int, other: int) -> None:
        """Make one group of the two that these numbers are in."""
        self._parent[self._root(one)] = self._root(other)

    def all(self) -> list[list[int]]:
        """Every group, each in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._parent)):
            found[self._root(number)].append(number)
        return list(found.values())
