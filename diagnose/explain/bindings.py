"""Bindings: from which addresses the hops of a world may have answered on one connection.

A hop that rewrites the source may do so from several addresses, and differently on each connection; what holds is who
owns them. An address that nobody owns may be any stranger's on the way to the balancer or the balancer's own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import product

from diagnose.explain.evidence import Observation
from diagnose.explain.senders import Senders
from diagnose.owners import Inventory, Kind, Network
from diagnose.path import proxying
from diagnose.path.egress import Egress
from diagnose.path.node import SIDECARS, Node
from diagnose.path.proxying import Proxying
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, parse_address
from diagnose.path.world import Behaviour, Binding, Hop, World, emits
from diagnose.site import EntryKind

Choice = tuple[Address | None, ...]
"""The addresses that one hop may have answered from, None in it where it has none of its own; empty if it cannot be."""

_ALIKE: dict[Behaviour, Behaviour] = dict.fromkeys(proxying.EMITS, Proxying.PROXIES)
"""Proxies that connect anew do so from the same addresses, whatever else they do."""

_KINDS = {
    Layer.EDGE: frozenset({Kind.EDGE}),
    # A proxy within the cluster, such as another ingress controller, connects from its pod.
    Layer.LOAD_BALANCER: frozenset({Kind.BALANCER, Kind.POD, Kind.POD_NETWORK}),
    Layer.NODE: frozenset({Kind.NODE, Kind.POD_NETWORK}),
}
_SERVICE_LB = frozenset({Kind.SERVICE_LB, Kind.POD_NETWORK})
"""A pod that is known and does not stand in for a load balancer is none of those that do."""

_UNOWNED = frozenset({Layer.EGRESS, Layer.EDGE, Layer.LOAD_BALANCER})
"""The layers whose addresses need not be known to the cluster."""

STRANGER = ip_address("198.18.0.1")
"""Stands for an address that nobody saw and nobody knows; it is of the range for benchmarks (RFC 2544)."""

_RIGHTFUL = frozenset({Egress.NAT, Egress.NAT_POOL, Egress.HTTP_PROXY})
"""What the caller's side may do without the address ceasing to be the caller's."""


@dataclass(frozen=True)  # no slots: what is looked up for every world is kept
class Addresses:
    """What bindings are drawn from: who owns what, and which addresses are the caller's."""

    inventory: Inventory
    senders: Senders

    def candidates(
        self,
        hop: Hop,
        after: Sequence[Hop],
        observation: Observation,
        settings: Settings,
        elsewhere: frozenset[Address],
    ) -> Choice:
        """The addresses that ``hop``, with the hops ``after`` it, may have answered from on one connection.

        Seen ones first; where nothing was seen of a connection, those seen on others (``elsewhere``). A hop whose
        address nobody sees matters only by whether Kong trusts it: one address that is trusted and one that is not
        stand for all such. A hop that only its address points to must have been seen.
        """
        if not emits(hop):
            return (None,)
        if isinstance(hop.behaviour, Egress):
            return self._left(hop.behaviour, observation, elsewhere)
        if hop.behaviour is Node.SIDECAR:
            return tuple(address for address in SIDECARS if not self._elsewhere(address))
        if hop.layer is Layer.NODE and after and emits(after[0]) and after[0].layer is Layer.NODE:
            return (STRANGER,)  # nobody sees it, and nothing depends on it
        fitting = self._fitting(hop, observation, observation.visible or elsewhere)
        if _pointed_to(hop, after, observation.entry.kind):
            return fitting or self._fitting(hop, observation, elsewhere)
        return tuple(dict.fromkeys([*fitting, *self._unseen(hop, settings)]))

    def choices(self, world: World, observation: Observation, elsewhere: frozenset[Address]) -> tuple[Choice, ...]:
        """The candidates of each hop of ``world``, in path order; arguments as there.

        Kong's TCP peer, where somebody saw it, is the last address on the way.
        """
        kept = self._kept.setdefault(id(observation), (observation, {}))[1]
        path = tuple([(hop.layer, _ALIKE.get(hop.behaviour, hop.behaviour)) for hop in world.hops])
        key = path, world.settings.trusted_ips, elsewhere
        if key not in kept:
            kept[key] = tuple(self._choices(world, observation, elsewhere))
        return kept[key]

    @cached_property
    def _kept(self) -> dict[int, tuple[Observation, dict[Hashable, tuple[Choice, ...]]]]:
        """Choices found before, by the observation's identity: thousands of worlds ask for the same ones."""
        return {}

    def _choices(self, world: World, observation: Observation, elsewhere: frozenset[Address]) -> Iterator[Choice]:
        peer = _peer(observation)
        last = max((index for index, hop in enumerate(world.hops) if emits(hop)), default=None)
        for index, hop in enumerate(world.hops):
            thinkable = self.candidates(hop, world.hops[index + 1 :], observation, world.settings, elsewhere)
            if index == last and peer is not None:
                thinkable = (peer,) if peer in thinkable else ()
            yield thinkable

    def _fitting(self, hop: Hop, observation: Observation, seen: frozenset[Address]) -> tuple[Address, ...]:
        return tuple(
            address
            for address in sorted(seen, key=str)
            if self._fits(hop, address) and not self._own(address, observation)
        )

    def _left(self, behaviour: Egress, observation: Observation, elsewhere: frozenset[Address]) -> tuple[Address, ...]:
        """The addresses by which the caller's side may have been left; later hops may have hidden it here."""
        seen = observation.visible | elsewhere
        left = (address for address in sorted(seen, key=str) if self._leaves_caller(behaviour, address, observation))
        rightful = self.senders.single if behaviour in _RIGHTFUL else ()
        return tuple(address for address in dict.fromkeys((*left, *rightful)) if address != _source(observation))

    def _own(self, address: Address, observation: Observation) -> bool:
        """Whether it is the address of the caller's own socket, which a pod has to itself."""
        return str(address) == observation.sent.socket and not self.inventory.infrastructure(address)

    def _elsewhere(self, address: Address) -> bool:
        """Whether a loopback address is known to be somebody's who is not on Kong's own node, as in a lab."""
        owners = self.inventory.owners(address)
        return bool(owners) and all(owner.kind is not Kind.LOOPBACK for owner in owners)

    def _leaves_caller(self, behaviour: Egress, address: Address, observation: Observation) -> bool:
        if behaviour in _RIGHTFUL and self.senders.hold(address):
            return True
        if behaviour in (Egress.NAT, Egress.NAT_POOL) and self.senders.networks is not None:
            return False
        return not self.inventory.owners(address) and not self.senders.hold(address)

    def _fits(self, hop: Hop, address: Address) -> bool:
        owners = self.inventory.owners(address)
        if not owners:
            return hop.layer in self._strangers and not self.senders.hold(address)
        kinds = _kinds(hop)
        if Kind.POD in kinds and self.inventory.pods_listed:
            kinds -= {Kind.POD_NETWORK}
        return any(owner.kind in kinds for owner in owners)

    @cached_property
    def _strangers(self) -> frozenset[Layer]:
        """The layers that an address nobody owns may belong to: the nodes too, where they could not be listed."""
        listed = any(owner.kind is Kind.NODE for _, owner in self.inventory.ranges)
        return _UNOWNED if listed else _UNOWNED | {Layer.NODE}

    @cached_property
    def _known(self) -> dict[frozenset[Kind], list[Network]]:
        """What owners of some kinds are known to have; what pods have is theirs alone."""
        return {
            kinds: [
                net
                for net, owner in self.inventory.ranges
                if owner.kind in kinds - {Kind.POD} and (net.num_addresses == 1 or owner.kind is not Kind.POD_NETWORK)
            ]
            for kinds in (*_KINDS.values(), _SERVICE_LB)
        }

    @cached_property
    def _unseen_of(self) -> dict[tuple[frozenset[Kind], tuple[str, ...]], list[Address]]:
        return {}

    def _unseen(self, hop: Hop, settings: Settings) -> list[Address]:
        """One address of the layer that Kong trusts and one that it does not, as far as there are such."""
        key = _kinds(hop), settings.trusted_ips
        if key not in self._unseen_of:
            nets = [ip_network(text, strict=False) for text in settings.trusted_ips if text != "unix:"]
            known = self._known[_kinds(hop)]
            thinkable = [net.network_address for net in known]
            thinkable += [
                max(net.network_address, one.network_address) for net in known for one in nets if _overlap(net, one)
            ]
            if hop.layer in self._strangers:
                thinkable += [STRANGER, *(net.network_address for net in nets)]
            inside = next((address for address in thinkable if settings.trusts(address)), None)
            outside = next((address for address in thinkable if not settings.trusts(address)), None)
            self._unseen_of[key] = [address for address in (inside, outside) if address is not None]
        return self._unseen_of[key]


def _overlap(one: Network, other: Network) -> bool:
    """Whether two networks share addresses: then the later of their first addresses is in both."""
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)


def _kinds(hop: Hop) -> frozenset[Kind]:
    return _SERVICE_LB if hop.behaviour is Node.SERVICE_LB else _KINDS[hop.layer]


def bindings(
    world: World, observation: Observation, addresses: Addresses, elsewhere: frozenset[Address]
) -> Iterator[Binding]:
    """Every binding of ``world``'s hops that is thinkable for ``observation``; ``elsewhere`` as in ``candidates``."""
    return product(*addresses.choices(world, observation, elsewhere))


def _peer(observation: Observation) -> Address | None:
    """Kong's TCP peer, which it appends to an X-Forwarded-For that came; None where none did or nobody saw it."""
    forwarded = observation.seen.forwarded
    return parse_address(forwarded[-1]) if forwarded is not None and len(forwarded) > 1 else None


def _source(observation: Observation) -> Address | None:
    return parse_address(observation.sent.socket) if observation.sent.socket else None


def _pointed_to(hop: Hop, after: Sequence[Hop], kind: EntryKind) -> bool:
    """Whether nothing but its address points to the hop: an edge where none was named, and the first of two proxies."""
    if hop.layer is Layer.EDGE:
        return kind is not EntryKind.URL
    return any(later.layer is Layer.LOAD_BALANCER for later in after)
