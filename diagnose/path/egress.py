"""Egress: the caller's own side, up to the first address that strangers see."""

from __future__ import annotations

from enum import StrEnum

from diagnose.path import proxying
from diagnose.path.proxying import End, Proxying
from diagnose.path.traffic import Address, Traffic


class Egress(StrEnum):
    """What the caller's side does with the source address."""

    DIRECT = "direct"
    """Nothing: the address of the caller's own socket is what the next hop sees."""
    NAT = "nat"
    """Rewrites it to one address that is rightfully the caller's (RFC 3022): no loss, only another name."""
    NAT_POOL = "nat_pool"
    """As NAT, from several addresses: each connection may leave by another one (RFC 4787, section 4.1)."""
    HTTP_PROXY = "http_proxy"
    """A proxy of the caller's own network. It adds the caller to X-Forwarded-For of plain HTTP, and tunnels TLS."""
    FOREIGN = "foreign"
    """Rewrites it to an address that is not the caller's: a VPN or a transparent proxy that nobody told of."""


def leave(behaviour: Egress, traffic: Traffic, own: Address | None) -> Traffic | End:
    """``traffic`` as it leaves the caller's side; ``own`` is the address it is rewritten to."""
    if behaviour is Egress.DIRECT or own is None:
        return traffic
    if behaviour is Egress.HTTP_PROXY and not traffic.tls:
        return proxying.pass_on(Proxying.HTTP_APPENDS_XFF, traffic, own)
    return traffic.of(own)
