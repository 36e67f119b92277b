"""Bindings: from which addresses the hops of a world may have answered on one connection.

A hop that rewrites the source may do so from several addresses, and differently on each connection; what holds is who
owns them. An address that nobody owns may be any stranger's on the way to the balancer or the balancer's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from itertools import product

from diagnose.explain.evidence import Observation
from diagnose.explain.senders import Senders
from diagnose.owners import Inventory, Kind
from diagnose.path.egress import Egress
from diagnose.path.node import Node
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, parse_address
from diagnose.path.world import Binding, Hop, World, emits
from diagnose.site import EntryKind

_KINDS = {
    Layer.EDGE: frozenset({Kind.EDGE}),
    Layer.LOAD_BALANCER: frozenset({Kind.BALANCER, Kind.POD}),
    Layer.NODE: frozenset({Kind.NODE, Kind.POD_NETWORK, Kind.POD}),
}
_UNOWNED = frozenset({Layer.EGRESS, Layer.EDGE, Layer.LOAD_BALANCER})
"""The layers whose addresses need not be known to the cluster."""

_STRANGER = ip_address("198.18.0.1")  # of the range for benchmarks (RFC 2544): nobody's
_SIDECARS = (ip_address("127.0.0.6"), ip_address("127.0.0.1"))  # Istio's inbound redirect; Linkerd's


@dataclass(frozen=True)  # no slots: what is looked up for every world is kept
class Addresses:
    """What bindings are drawn from: who owns what, and which addresses are the caller's."""

    inventory: Inventory
    senders: Senders

    def candidates(
        self, hop: Hop, observation: Observation, settings: Settings, elsewhere: frozenset[Address]
    ) -> tuple[Address | None, ...]:
        """The addresses that ``hop`` may have answered from on the connection of ``observation``.

        Seen ones first; where nothing was seen of a connection, those seen on others (``elsewhere``). A hop whose
        address nobody sees matters only by whether Kong trusts it: one address that is trusted and one that is not
        stand for all such.
        """
        if not emits(hop):
            return (None,)
        seen = sorted(observation.visible or elsewhere, key=str)
        if isinstance(hop.behaviour, Egress):
            rightful = self.senders.single if hop.behaviour is Egress.NAT else ()
            left = (address for address in seen if self._leaves_caller(hop.behaviour, address, observation))
            return tuple(dict.fromkeys((*left, *rightful)))
        if hop.behaviour is Node.SIDECAR:
            return tuple(address for address in _SIDECARS if not self._elsewhere(address))
        fitting = [
            address for address in seen if self._fits(hop.layer, address) and not self._own(address, observation)
        ]
        if hop.layer is Layer.EDGE and observation.entry.kind is not EntryKind.URL:
            return tuple(fitting)
        return tuple(dict.fromkeys([*fitting, *self._unseen(hop.layer, settings)]))

    def _own(self, address: Address, observation: Observation) -> bool:
        """Whether it is the address of the caller's own socket, which a pod has to itself."""
        return str(address) == observation.sent.socket and not self.inventory.infrastructure(address)

    def _elsewhere(self, address: Address) -> bool:
        """Whether a loopback address is known to be somebody's who is not on Kong's own node, as in a lab."""
        owners = self.inventory.owners(address)
        return bool(owners) and all(owner.kind is not Kind.LOOPBACK for owner in owners)

    def _leaves_caller(self, behaviour: Egress, address: Address, observation: Observation) -> bool:
        own = parse_address(observation.sent.socket) if observation.sent.socket else None
        if behaviour is Egress.NAT and self.senders.networks is not None:
            return self.senders.hold(address)
        stranger = not self.inventory.owners(address) and address != own
        return stranger and not self.senders.hold(address)

    def _fits(self, layer: Layer, address: Address) -> bool:
        owners = self.inventory.owners(address)
        if not owners:
            return layer in self._strangers and not self.senders.hold(address)
        return any(owner.kind in _KINDS[layer] for owner in owners)

    @cached_property
    def _strangers(self) -> frozenset[Layer]:
        """The layers that an address nobody owns may belong to: the nodes too, where they could not be listed."""
        listed = any(owner.kind is Kind.NODE for _, owner in self.inventory.ranges)
        return _UNOWNED if listed else _UNOWNED | {Layer.NODE}

    @cached_property
    def _known(self) -> dict[Layer, list[Address]]:
        """The single addresses that a layer is known to have; a pod's is known of that pod only."""
        known: dict[Layer, list[Address]] = {layer: [] for layer in _KINDS}
        for net, owner in self.inventory.ranges:
            for layer, kinds in _KINDS.items():
                if owner.kind in kinds - {Kind.POD} and net.num_addresses == 1:
                    known[layer].append(net.network_address)
        return known

    @cached_property
    def _unseen_of(self) -> dict[tuple[Layer, tuple[str, ...]], list[Address]]:
        return {}

    def _unseen(self, layer: Layer, settings: Settings) -> list[Address]:
        """One address of the layer that Kong trusts and one that it does not, as far as there are such."""
        key = layer, settings.trusted_ips
        if key not in self._unseen_of:
            thinkable = list(self._known[layer])
            if layer in self._strangers:
                nets = (ip_network(text, strict=False) for text in settings.trusted_ips if text != "unix:")
                thinkable += [_STRANGER, *(net.network_address for net in nets)]
            inside = next((address for address in thinkable if settings.trusts(address)), None)
            outside = next((address for address in thinkable if not settings.trusts(address)), None)
            self._unseen_of[key] = [address for address in (inside, outside) if address is not None]
        return self._unseen_of[key]


def bindings(
    world: World, observation: Observation, addresses: Addresses, elsewhere: frozenset[Address]
) -> Iterator[Binding]:
    """Every binding of ``world``'s hops that is thinkable for ``observation``; ``elsewhere`` as in ``candidates``."""
    choices: Sequence[tuple[Address | None, ...]] = [
        addresses.candidates(hop, observation, world.settings, elsewhere) for hop in world.hops
    ]
    return product(*choices)
