"""Senders: the set of addresses that the caller may rightly appear as, and how it became known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from diagnose.explain.evidence import Observation
from diagnose.owners import Inventory, Kind, Network
from diagnose.path.traffic import Address, parse_address


@dataclass(frozen=True, slots=True)
class Senders:
    """``networks`` is None where nothing proves the caller's address; ``source`` says what was relied on."""

    networks: tuple[Network, ...] | None
    source: str
    inventory: Inventory = field(default_factory=Inventory)

    def hold(self, address: Address) -> bool:
        """Whether ``address`` is one of the caller's; False too where nothing is known of them.

        A range does not make the caller's what the infrastructure is known to own within it; a single address does.
        """
        return any(
            address.version == net.version
            and address in net
            and (net.num_addresses == 1 or not self.inventory.infrastructure(address))
            for net in self.networks or ()
        )

    @property
    def single(self) -> tuple[Address, ...]:
        """The members that are single addresses."""
        return tuple(net.network_address for net in self.networks or () if net.num_addresses == 1)


def find_senders(
    told: Sequence[str], observations: Sequence[Observation], inventory: Inventory, by_api: str | None
) -> Senders:
    """The caller's addresses, from the best source there is.

    In order: the user's word (``told``, addresses or CIDRs, or an owner in the inventory); a public address on the
    caller's own socket; the socket's own address where Kong's side saw that very address; the address that the API
    server saw, which proves only where Kong's side saw it too. What a socket has that leads to its own machine proves
    nothing: whatever answers there has that address as well.
    """
    if told:
        return Senders(tuple(ip_network(text, strict=False) for text in told), "--caller-ip", inventory)
    plain = [observation for observation in observations if observation.plain]
    own = {address for observation in plain if (address := _socket(observation)) is not None}
    own = {address for address in own if not _taken(address, inventory)}
    named = {address for address in own if any(owner.kind is Kind.CALLER for owner in inventory.owners(address))}
    if named:
        return _single(named, "the caller's own socket, whose address is known to be the caller's")
    home = {address for address in own if any(leads_home(address, one.probe.target.address) for one in plain)}
    own -= home
    public = {address for address in own if address.is_global}
    if public:
        return _single(public, "a public address on the caller's own socket")
    seen = {address for observation in plain for address in observation.visible}
    if own & seen:
        return _single(own & seen, "the caller's own socket; Kong's side saw the same address")
    api = parse_address(by_api) if by_api else None
    if api is not None and api in seen and not _taken(api, inventory):
        return _single({api}, "the API server and Kong's side saw the same address")
    hint = f"; the API server saw {api}, and nobody else did" if api is not None else ""
    if home & seen:
        hint += "; the probes do not leave this machine, on which a proxy has the same address: run kongip on another"
    return Senders(None, f"nothing proves which address is the caller's{hint}")


def leads_home(own: Address, target: str) -> bool:
    """Whether a connection from ``own`` to ``target`` stays on the caller's machine."""
    return own.is_loopback or own == parse_address(target)


def _single(addresses: Iterable[Address], source: str) -> Senders:
    return Senders(tuple(ip_network(address) for address in sorted(addresses, key=str)), source)


def _socket(observation: Observation) -> Address | None:
    return parse_address(observation.sent.socket) if observation.sent.socket else None


def _taken(address: Address, inventory: Inventory) -> bool:
    """Whether the infrastructure owns ``address``, so that seeing it says nothing of the caller."""
    return any(owner.kind not in (Kind.CALLER, Kind.LOOPBACK) for owner in inventory.owners(address))
