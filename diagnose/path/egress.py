"""Egress: the caller's own side, up to the first address that strangers see."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from diagnose.path.traffic import Address, Traffic


class Egress(StrEnum):
    """What the caller's side does with the source address."""

    DIRECT = "direct"
    """Nothing: the address of the caller's own socket is what the next hop sees."""
    NAT = "nat"
    """Rewrites it to an address that is rightfully the caller's (RFC 3022): no loss, only another name."""
    FOREIGN = "foreign"
    """Rewrites it to an address that is not the caller's: a proxy or a VPN that the caller did not know of."""


def leave(behaviour: Egress, traffic: Traffic, own: Address | None) -> Traffic:
    """``traffic`` as it leaves the caller's side; ``own`` is the address it is rewritten to."""
    if behaviour is Egress.DIRECT or own is None:
        return traffic
    return replace(traffic, source=own)
