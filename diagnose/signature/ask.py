"""The five connections of a signature: with no PROXY header, and with each sort of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from probes.claims import Claims
from probes.outcome import Sent
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Scheme, Target
from probes.send import send_all

SORTS = tuple(Preamble)
"""What is sent, in this order. Versions 1 and 2 claim an address that is reserved for documentation, the rest none."""


def ask(address: str, port: int, scheme: Scheme, host: str | None, path: str, timeout: float) -> list[Sent]:
    """What became of a connection with each of ``SORTS``.

    Without a ``host`` requests are for one that no server can have (RFC 2606), so that nobody's application gets them.
    """
    name = host or f"{secrets.token_hex(8)}.invalid"
    return send_all(probes(Target(address, port, scheme, name), path), timeout)


def probes(target: Target, path: str) -> Sequence[Probe]:
    """The probes themselves."""
    claims = Claims(avoid=(target.address,))
    made = []
    for number, preamble in enumerate(SORTS):
        claimed = (
            (Claim(PROXY_CHANNEL, claims.preamble(preamble, target.family)),)
            if preamble in (Preamble.V1, Preamble.V2)
            else ()
        )
        made.append(
            Probe(secrets.token_hex(8), target, path, preamble=preamble, claims=claimed, claimed_port=40001 + number)
        )
    return made
