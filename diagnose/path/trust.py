"""Trust: which TCP peers Kong believes, by trusted_ips. nginx and Kong's Lua code each have a matcher of their own.

Sources: nginx, ngx_ptocidr and ngx_cidr_match in src/core/ngx_inet.c; Kong, kong/pdk/ip.lua and kong/tools/ip.lua.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from diagnose.path.traffic import Address

Network = IPv4Network | IPv6Network

UNIX = "unix:"
"""The one entry that is no address. It means peers on unix sockets, which no HTTP listener of Kong has."""

_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")

Masks = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """The networks of one trusted_ips, as (mask, network) pairs of either family."""

    four: Masks
    six: Masks

    def of_nginx(self, peer: Address) -> bool:
        """Whether the realip module believes ``peer``; an IPv4-mapped address counts as the IPv4 one within."""
        number = int(peer)
        if isinstance(peer, IPv4Address):
            return _within(number, self.four)
        return _within(number & 0xFFFFFFFF, self.four) if number >> 32 == 0xFFFF else _within(number, self.six)

    def of_kong(self, peer: Address) -> bool:
        """Whether kong.ip.is_trusted says so of ``peer``; an IPv4-mapped address is an IPv6 address to it."""
        return _within(int(peer), self.four if isinstance(peer, IPv4Address) else self.six)


@lru_cache(maxsize=1024)
def trust_in(trusted_ips: tuple[str, ...]) -> Trust:
    """The trust that ``trusted_ips`` makes; ValueError for an entry with which Kong would not start."""
    networks = [read_network(text) for text in trusted_ips if text != UNIX]
    four, six = (
        tuple((int(net.netmask), int(net.network_address)) for net in networks if net.version == version)
        for version in (4, 6)
    )
    return Trust(four, six)


def read_network(text: str) -> Network:
    """The address or CIDR block that one entry of trusted_ips spells; ValueError where Kong would not start with it.

    Host bits are masked away. Kong also accepts brackets, but the nginx that it starts does not.
    """
    address, slash, prefix = text.partition("/")
    for family, bits in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
        if _spells(family, address) and (not slash or (_PREFIX.fullmatch(prefix) and int(prefix) <= bits)):
            return ip_network(text, strict=False)
    raise ValueError(
        "trusted_ips takes IPv4 and IPv6 addresses, CIDR blocks and 'unix:', separated by commas; "
        f"Kong does not start with {text!r}"
    )


def _spells(family: socket.AddressFamily, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):  # ValueError: a NUL or a letter beyond ASCII
        return False
    return True


def _within(number: int, masks: Masks) -> bool:
    # A loop, since any() takes thrice as long, and this is asked for every address of every chain.
    for mask, network in masks:  # noqa: SIM110
        if number & mask == network:
            return True
    return False
