"""Claims: which address each channel asserts. Whichever turns up downstream names the channel that was believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from probes.probe import Preamble

FORWARDED_FOR = "X-Forwarded-For"
REAL_IP = "X-Real-IP"

RARE = ("CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP")
"""Client-address headers of CDNs and proxies; they may share a request."""

DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
"""TEST-NET-1 to -3 (RFC 5737): no caller of the real world has an address of these."""

DOCUMENTATION_6 = "2001:db8::/32"
"""The same for IPv6 (RFC 3849)."""


class Claims:
    """The claimed addresses of one run. ``also`` are further headers, such as those that Kong's settings name.

    ``avoid`` are addresses or CIDRs to keep clear of: a caller in a laboratory may live in a documentation range.
    ValueError if they leave too few addresses.
    """

    def __init__(self, also: Iterable[str] = (), avoid: Iterable[str] = ()) -> None:
        known = {name.lower(): name for name in (FORWARDED_FOR, REAL_IP, *RARE)}
        for name in also:
            known.setdefault(name.lower(), name)
        _, _, *rare = known.values()
        self.rare = tuple(rare)
        taken = [ip_network(text, strict=False) for text in avoid]
        four = [net for net in taken if isinstance(net, IPv4Network)]
        six = [net for net in taken if isinstance(net, IPv6Network)]
        hosts = (host for text in DOCUMENTATION for host in IPv4Network(text).hosts())
        free = (str(host) for host in hosts if not any(host in net for net in four))
        channels = (*known.values(), Preamble.V1, Preamble.V2)
        self._of: dict[str, str] = dict(zip(channels, free, strict=False))
        blocks = IPv6Network(DOCUMENTATION_6).subnets(new_prefix=48)
        block = next((block for block in blocks if not any(block.overlaps(net) for net in six)), None)
        if len(self._of) < len(channels) or block is None:
            raise ValueError("the addresses to keep clear of leave none of the documentation ranges to claim")
        self._block = block

    def address(self, header: str) -> str:
        """The address claimed by ``header``."""
        return self._of[header]

    def preamble(self, preamble: Preamble, family: int) -> str:
        """The address claimed by a PROXY header of that version, in the connection's ``family``."""
        address = self._of[preamble]
        return address if family == 4 else str(self._block[int(IPv4Address(address))])
