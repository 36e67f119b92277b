"""Sights: what worlds are held against - one observation of each sort, and what all of them together point to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address

from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, departure
from diagnose.explain.worlds import Pointers, alternatives
from diagnose.owners import Kind
from diagnose.path.proxying import Answer
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Layer, Traffic, parse_address
from diagnose.site import Entry
from probes.claims import FORWARDED_FOR, REAL_IP
from probes.probe import Preamble, Probe

UNKNOWN_SOURCE = ip_address("198.18.0.2")
"""Stands for the caller's socket where no connection was made and nothing depends on it (RFC 2544)."""


@dataclass(frozen=True, slots=True)
class Sights:
    """What worlds are held against: one observation of each sort, and what all of them together tell.

    ``plain`` are those that are judged, ``claims`` all probes that claim something, ``visible`` all addresses seen,
    ``forged`` the channels that Kong was seen to believe, ``source`` where a connection left from that was made,
    ``naming`` the headers that named the caller to the echo.
    """

    entry: Entry
    distinct: tuple[Observation, ...]
    plain: tuple[Observation, ...]
    claims: tuple[Probe, ...]
    visible: frozenset[Address]
    forged: tuple[str, ...]
    source: Address
    naming: tuple[str, ...]

    @classmethod
    def of(cls, observations: Sequence[Observation], claims: Iterable[Probe], addresses: Addresses) -> Sights:
        """What ``observations`` of one entry tell; ``claims`` are further probes whose effect is to be predicted."""
        distinct = tuple(_distinct(observations))
        plain = tuple(o for o in distinct if o.plain) or distinct[:1]
        claiming = (*(o.probe for o in distinct if o.probe.claims), *(probe for probe in claims if probe.claims))
        sources = (o.traffic.source for o in distinct if o.traffic is not None)
        return cls(
            entry=observations[0].entry,
            distinct=distinct,
            plain=plain,
            claims=tuple({(probe.preamble, probe.claims): probe for probe in claiming}.values()),
            visible=frozenset(address for o in distinct for address in o.visible),
            forged=tuple(dict.fromkeys(o.forged for o in distinct if o.forged is not None)),
            source=next(sources, UNKNOWN_SOURCE),
            naming=_naming(plain, addresses),
        )

    def pointers(
        self, kongs: Sequence[tuple[Settings, Listener]], addresses: Addresses, *, before_asking: bool
    ) -> Pointers:
        """What all that was seen points to, in front of ``kongs``; ``before_asking``, what it may come to."""
        strangers = (
            {address for address in o.told if not addresses.senders.hold(address) and str(address) != o.sent.socket}
            for o in self.distinct
        )
        echoed = any(o.seen.carried is not None for o in self.plain)
        read = {settings.real_ip_header for settings, _ in kongs if settings.trusted_ips} - KNOWN_OTHERWISE
        hidden = tuple(sorted(read & {REAL_IP} if echoed else read))
        ends = {o.seen.answer for o in self.plain}
        return Pointers(
            chained=any(len(several) > 1 for several in strangers)
            or any(_of_pod(o, addresses) or _before_balancer(o, addresses) for o in self.distinct),
            ended=ends != {Answer.PASSED},
            believed=before_asking
            or any(o.probe.preamble is not Preamble.NONE and _got_further(o, ends) for o in self.distinct),
            naming=self.naming,
            hidden=hidden,
            kept=tuple(filter(self._came_as_claimed, (*self.naming, *hidden))),
            demanded=Answer.PASSED in ends and any(listener.proxy_protocol for _, listener in kongs),
            reached=tuple(sorted({address for o in self.plain for address in _listed(o)}, key=str)),
            listening=frozenset(listener.tls for _, listener in kongs),
        )

    def alternatives(self, told: Sequence[Settings]) -> list[tuple[Settings, Listener]]:
        """What Kong may really be running with where it is not ``told`` so."""
        read = any(o.seen.answer is Answer.PASSED for o in self.distinct)
        taken = read or bool(self.visible)
        clear = any(o.seen.clear_reply for o in self.plain)
        return alternatives(self.entry, told, map(str, self.visible), taken=taken, read=read, clear_reply=clear)

    def _came_as_claimed(self, name: str) -> bool:
        """Whether a claim in a header outlived what writes it on the way: it came to the echo, or Kong believed it."""
        lower = name.lower()
        if lower in map(str.lower, self.forged):
            return True
        claims = ((o, claim) for o in self.distinct for claim in o.probe.claims if claim.channel.lower() == lower)
        return any((lower, claim.address) in (o.seen.carried or ()) for o, claim in claims)

    def departed(self, observation: Observation) -> Traffic:
        """The connection as it left the caller; where none was made, from where another one was."""
        return observation.traffic if observation.traffic is not None else departure(observation.probe, self.source)


def _of_pod(observation: Observation, addresses: Addresses) -> bool:
    """Whether a pod's address was seen that is not the caller's: a proxy in the cluster, which a balancer leads to."""
    strange = (one for one in observation.visible if not addresses.senders.hold(one))
    owners = (owner for address in strange for owner in addresses.inventory.owners(address))
    return any(owner.kind in (Kind.POD, Kind.POD_NETWORK) for owner in owners)


def _before_balancer(observation: Observation, addresses: Addresses) -> bool:
    """Whether packets were captured that came to a balancer from somebody else than the caller."""
    came = (one.source for one in observation.seen.wire if one.layer is Layer.LOAD_BALANCER)
    return any(not addresses.senders.hold(one) and str(one) != observation.sent.socket for one in came)


def _listed(observation: Observation) -> Iterator[Address]:
    """The addresses in X-Forwarded-For that are neither the first, a client's, nor the last, Kong's TCP peer."""
    return filter(None, map(parse_address, (observation.seen.forwarded or ())[1:-1]))


def _got_further(observation: Observation, ends: Set[Answer | None]) -> bool:
    """Whether it, with a PROXY header in front, got through; or where none did, further than an ordinary connection.

    In front of a TLS handshake the header breaks it, unless somebody takes the header off.
    """
    answer = observation.seen.answer
    if answer is Answer.PASSED or (observation.entry.scheme == "https" and answer is Answer.REJECTED):
        return True
    return Answer.PASSED not in ends and answer not in ends


KNOWN_OTHERWISE = frozenset({FORWARDED_FOR, "proxy_protocol"})
"""Of these the echo, or the answer, tells; of the rest only an echo, and of X-Real-IP not even that."""


def _naming(plain: Sequence[Observation], addresses: Addresses) -> tuple[str, ...]:
    """The headers, besides those that Kong writes itself, in which the caller's address came to the echo."""
    names = (name for o in plain for name, value in o.seen.carried or () if _names_caller(o, value, addresses))
    return tuple(dict.fromkeys(names))[:MOST_HEADERS]


MOST_HEADERS = 3
"""Every header more multiplies the worlds; a path on which more of them name the caller is told by the first ones."""


def _names_caller(observation: Observation, value: str, addresses: Addresses) -> bool:
    address = parse_address(value.strip())
    if address is None or addresses.inventory.infrastructure(address):
        return False
    known = addresses.senders.networks is not None
    return addresses.senders.hold(address) if known else value.strip() != str(observation.seen.logged)


def _distinct(observations: Iterable[Observation]) -> Iterator[Observation]:
    """One observation of each sort: what differs only by its nonce is predicted alike."""
    known = set()
    for observation in sorted(observations, key=lambda one: not one.plain):
        probe = observation.probe
        key = (probe.preamble, probe.claims, observation.seen, observation.sent.socket)
        if key not in known:
            known.add(key)
            yield observation
