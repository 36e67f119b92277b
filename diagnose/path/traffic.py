"""What travels along the path, and the ways in which a hop may end it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address
Headers = tuple[tuple[str, str], ...]


class Layer(StrEnum):
    """The six layers of a path, in path order."""

    EGRESS = "egress"
    EDGE = "edge"
    LOAD_BALANCER = "load_balancer"
    NODE = "node"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


PATH = tuple(Layer)
"""The layers, in path order."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One connection with its one request, as it enters a hop.

    ``source`` is the TCP peer that the hop sees, ``destination`` the address and port it was reached on. ``preface``
    holds what came before the request, a TCP segment an element: PROXY headers of either version. ``headers`` are the
    request's, in order, without Host, which is ``host``. ``tls`` tells whether the request is inside TLS on this leg.
    """

    source: Address
    destination: Address
    port: int
    preface: tuple[bytes, ...] = ()
    headers: Headers = ()
    tls: bool = False
    host: str = ""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash once: to hash addresses takes as long as all else, and each hop of each world asks for it."""
        told = self.source, self.port, self.preface, self.headers, self.tls, self.host
        object.__setattr__(self, "_hash", hash(told))

    def __hash__(self) -> int:
        """All but the destination, of which an entry has one."""
        return self._hash

    def of(self, source: Address) -> Traffic:
        """The same from another source address."""
        return Traffic(source, self.destination, self.port, self.preface, self.headers, self.tls, self.host)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """The address that ``text`` spells, IPv4-mapped ones unwrapped, or None."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
