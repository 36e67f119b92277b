"""Claims: which address each channel asserts. Whichever turns up downstream names the channel that was believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address, ip_network

from probes.probe import Preamble

FORWARDED_FOR = "X-Forwarded-For"
REAL_IP = "X-Real-IP"

RARE = ("CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP")
"""Client-address headers of CDNs and proxies; they may share a request."""

DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
"""TEST-NET-1 to -3 (RFC 5737): no caller of the real world has an address of these."""


class Claims:
    """The claimed addresses of one run. ``also`` are further headers, such as those that Kong's settings name.

    ``avoid`` are addresses or CIDRs to keep clear of: a caller in a laboratory may live in a documentation range.
    """

    def __init__(self, also: Iterable[str] = (), avoid: Iterable[str] = ()) -> None:
        known = {name.lower() for name in (FORWARDED_FOR, REAL_IP, *RARE)}
        self.rare = (*RARE, *(name for name in also if name.lower() not in known))
        taken = [ip_network(text, strict=False) for text in avoid]
        free = (
            address
            for text in DOCUMENTATION
            for address in ip_network(text).hosts()
            if not any(address.version == net.version and address in net for net in taken)
        )
        channels = (FORWARDED_FOR, REAL_IP, *self.rare, Preamble.V1, Preamble.V2)
        self._of: dict[str, str] = {channel: str(next(free)) for channel in channels}

    def address(self, header: str) -> str:
        """The address claimed by ``header``."""
        return self._of[header]

    def preamble(self, preamble: Preamble, family: int) -> str:
        """The address claimed by a PROXY header of that version, in the connection's ``family`` (RFC 3849 for 6)."""
        address = ip_address(self._of[preamble])
        if family == 4 or not isinstance(address, IPv4Address):
            return str(address)
        return str(ip_address("2001:db8::") + int(address))
