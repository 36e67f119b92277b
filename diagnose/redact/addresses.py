"""Addresses anew: each gets a placeholder, and what was inside a range is inside its placeholder.

The placeholders are addresses that nobody can have: 240.0.0.0/4 (RFC 1112, section 4) and 4000::/3 (reserved by the
IETF). So a command or a setting stays one, and saved evidence is explained as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

SPACES: dict[int, Network] = {4: IPv4Network("240.0.0.0/4"), 6: IPv6Network("4000::/3")}

KEPT: frozenset[Network] = frozenset(
    ip_network(text)
    for text in (
        *("0.0.0.0", "0.0.0.0/0", "255.255.255.255", "::", "::/0"),
        *("127.0.0.0/8", "127.0.0.1", "127.0.0.6", "::1", "::6"),
    )
)
"""What says nothing about anybody: all and no addresses, and loopback with the addresses that a mesh's sidecar has."""

_V4 = r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2}(?!\w))?(?!\w|\.\w)"
_V6 = (
    r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]+"
    r"(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?:/[0-9]{1,3}(?!\w))?(?!\w|\.\w)"
)
_WRITTEN = re.compile(f"{_V4}|{_V6}")


@dataclass(slots=True)
class _Range:
    """A range and the ranges within it."""

    network: Network
    inner: list[_Range] = field(default_factory=list)

    def needed(self) -> int:
        """The longest prefix that holds all that is within, and more: a range is no address, nor one of its own."""
        widest = self.network.max_prefixlen
        if self.network.prefixlen == widest:
            return widest
        return widest - sum(1 << (widest - one.needed()) for one in self.inner).bit_length() - (not self.inner)


class Renumbering:
    """Placeholders for ``networks``, and for the addresses among them (networks of full length).

    Ranges keep their length as long as there is room; else each is as short as it can be.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self._new: dict[Network, Network] = {one: one for one in KEPT}
        wanted = {_plain(one) for one in networks} - KEPT
        for version, space in SPACES.items():
            ranges = _nested(sorted(one for one in wanted if one.version == version))
            room = 1 << (space.max_prefixlen - space.prefixlen)
            exact = sum(one.network.num_addresses for one in ranges) <= room
            self._place(ranges, int(space.network_address), exact)

    def _place(self, ranges: list[_Range], start: int, exact: bool) -> None:
        """Lay ``ranges`` side by side from ``start`` on, the largest first, so that each begins where it may."""
        sized = [(one.network.prefixlen if exact else one.needed(), one) for one in ranges]
        for length, one in sorted(sized, key=lambda pair: pair[0]):
            kind = type(one.network)
            self._new[one.network] = kind((start, length))
            self._place(one.inner, start, exact)
            start += 1 << (one.network.max_prefixlen - length)

    def of(self, network: Network) -> Network:
        """The placeholder of one of the networks. KeyError for any other."""
        mapped = _mapped_v4(network)
        if mapped is not None:
            new = self._new[mapped]
            return IPv6Network((int(new.network_address) | _V4_MAPPED, 96 + new.prefixlen))
        return self._new[network]

    def text(self, text: str) -> str:
        """``text`` with placeholders for all addresses and ranges in it that are among the networks."""
        return _WRITTEN.sub(self._written, text)

    def _written(self, found: re.Match[str]) -> str:
        told, rest = _split(found[0])
        network = _read(told)
        if network is None or _plain(network) not in self._new:
            return found[0]
        new = self.of(network)
        return f"{new if '/' in told else new.network_address}{rest}"


def written_in(text: str) -> Iterator[Network]:
    """Every address and range that stands in ``text``."""
    for found in _WRITTEN.finditer(text):
        network = _read(_split(found[0])[0])
        if network is not None:
            yield network


_V4_MAPPED = 0xFFFF << 32


def _plain(network: Network) -> Network:
    """An IPv4-mapped IPv6 network as the IPv4 one (RFC 4291, section 2.5.5.2)."""
    return _mapped_v4(network) or network


def _mapped_v4(network: Network) -> IPv4Network | None:
    if network.version == 4 or network.prefixlen < 96:
        return None
    four = IPv6Address(int(network.network_address)).ipv4_mapped
    return IPv4Network((int(four), network.prefixlen - 96)) if four is not None else None


def _split(written: str) -> tuple[str, str]:
    """An address, and a colon behind it that belongs to the sentence."""
    if written.endswith(":") and not written.endswith("::"):
        return written[:-1], ":"
    return written, ""


def _read(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False) if "/" in text else ip_network(ip_address(text))
    except ValueError:
        return None


def _nested(networks: Iterable[Network]) -> list[_Range]:
    """Networks, sorted, as ranges within ranges."""
    roots: list[_Range] = []
    around: list[_Range] = []
    for network in networks:
        while around and not _holds(around[-1].network, network):
            around.pop()
        one = _Range(network)
        (around[-1].inner if around else roots).append(one)
        around.append(one)
    return roots


def _holds(outer: Network, inner: Network) -> bool:
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer
