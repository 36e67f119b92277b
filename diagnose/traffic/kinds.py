"""What kind of address a request carries: whose it is, or failing that, what sort of network it is of."""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton

from diagnose.owners import Inventory, Network
from diagnose.owners import Kind as Owned
from diagnose.path.traffic import Address


class Kind(StrEnum):
    """The kinds in the order in which they are told, which is that of the path from Kong outwards."""

    SOCKET = "local socket"
    LOOPBACK = "loopback"
    POD_NETWORK = "pod network"
    NODE = "node"
    BALANCER = "balancer"
    CDN = "CDN"
    CALLER = "caller"
    PRIVATE = "private"
    PUBLIC = "public"
    UNKNOWN = "unknown"


KIND_OF_OWNER = {
    Owned.CALLER: Kind.CALLER,
    Owned.EDGE: Kind.CDN,
    Owned.BALANCER: Kind.BALANCER,
    Owned.NODE: Kind.NODE,
    Owned.POD: Kind.POD_NETWORK,
    Owned.POD_NETWORK: Kind.POD_NETWORK,
    Owned.SERVICE_LB: Kind.POD_NETWORK,
    Owned.SERVICE: Kind.POD_NETWORK,
    Owned.LOOPBACK: Kind.LOOPBACK,
}

INFRASTRUCTURE = frozenset({Kind.SOCKET, Kind.LOOPBACK, Kind.POD_NETWORK, Kind.NODE, Kind.BALANCER, Kind.CDN})
"""The kinds that stand between callers and Kong: a request that carries one of them has lost its caller's address."""

SPECIAL: tuple[tuple[Network, Kind], ...] = tuple(
    (ip_network(text), kind)
    for kind, texts in (
        (Kind.LOOPBACK, ("127.0.0.0/8", "::1")),
        # RFC 1918, RFC 6598 (shared by a carrier's customers), RFC 3927, RFC 4193, RFC 4291
        (
            Kind.PRIVATE,
            ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7"),
        ),
        (Kind.PRIVATE, ("fe80::/10",)),
        (Kind.UNKNOWN, ("0.0.0.0", "::")),
    )
    for text in texts
)

SOCKET = b"unix:"
"""What nginx writes in the place of an address where a connection comes over a unix socket (ngx_sock_ntop)."""

REMEMBERED = 1 << 16
"""How many addresses' kinds are kept, so that memory does not grow with the log."""


class Kinds:
    """Tells the kind of an address as it stands in a log, quickly: the addresses of a family are cut into stretches."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[bytes, Kind | None] = {}
        self._four, self._six = (self._stretches(version) for version in (4, 6))

    def of(self, field: bytes) -> Kind | None:
        """The kind of an address, None for what is no address at all."""
        try:
            return self._known[field]
        except KeyError:
            pass
        kind = self._told(field)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[field] = kind
        return kind

    def of_address(self, address: Address) -> Kind:
        """The kind of an address: its owner's, else that of its network."""
        owners = self._inventory.owners(address)
        if owners:
            return KIND_OF_OWNER[owners[0].kind]
        special = (kind for network, kind in SPECIAL if network.version == address.version and address in network)
        return next(special, Kind.PUBLIC)

    def _told(self, field: bytes) -> Kind | None:
        if field == SOCKET:
            return Kind.SOCKET
        text = field.decode("latin-1")
        try:
            if ":" not in text:
                return _at(self._four, inet_pton(AF_INET, text))
            packed = inet_pton(AF_INET6, text)
        except (OSError, ValueError):
            return None
        return _at(self._four, packed[12:]) if packed.startswith(MAPPED) else _at(self._six, packed)

    def _stretches(self, version: int) -> tuple[list[bytes], list[Kind]]:
        """Where in a family another range begins or one ends, and the kind of what lies between there and the next."""
        first = ip_address(bytes(4 if version == 4 else 16))
        begins = {first}
        for network, _ in (*self._inventory.ranges, *SPECIAL):
            if network.version == version:
                begins.add(network.network_address)
                if int(network.broadcast_address) < 2**first.max_prefixlen - 1:
                    begins.add(network.broadcast_address + 1)
        ordered = sorted(begins, key=int)
        return [one.packed for one in ordered], [self.of_address(one) for one in ordered]


def _at(stretches: tuple[list[bytes], list[Kind]], packed: bytes) -> Kind:
    begins, kinds = stretches
    return kinds[bisect_right(begins, packed) - 1]


MAPPED = bytes(10) + b"\xff\xff"
"""What an IPv4 address begins with that stands in an IPv6 one (RFC 4291, 2.5.5.2)."""
