"""What is sent: one fresh TCP connection that carries one GET."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Scheme = Literal["http", "https"]


class Vantage(StrEnum):
    """Where a probe is sent from: the caller's own machine, or the echo pod."""

    OUTSIDE = "outside"
    INSIDE = "inside"


class Preamble(StrEnum):
    """The PROXY protocol header, if any, in front of the TLS handshake or the request."""

    NONE = "none"
    V1 = "v1"
    V2 = "v2"
    V1_UNKNOWN = "v1-unknown"
    V2_LOCAL = "v2-local"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe connects to: one address (never a name), one port, one scheme.

    ``host`` becomes the Host header and, for https, the server name of the handshake.
    """

    address: str
    port: int
    scheme: Scheme
    host: str

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that a probe asserts through one channel: a header's name, or the PROXY preamble."""

    channel: str
    address: str


PROXY_CHANNEL = "PROXY"
"""The channel name of an address claimed by a PROXY v1 or v2 preamble."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One connection to make. ``nonce`` ends ``path``, so that every witness can be asked for it.

    ``claims`` name header channels in the order they are sent; with preamble V1 or V2, one of them is
    ``PROXY_CHANNEL``. ``claimed_port`` is the source port within the preamble, unique within a run: a gateway that
    reads the preamble as a request line logs it where the nonce would stand.
    """

    nonce: str
    target: Target
    path: str
    vantage: Vantage = Vantage.OUTSIDE
    preamble: Preamble = Preamble.NONE
    claims: tuple[Claim, ...] = ()
    claimed_port: int = 0
    secret: str = ""

    def claim(self, channel: str) -> str | None:
        """The address claimed through ``channel``, or None."""
        return next((claim.address for claim in self.claims if claim.channel == channel), None)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The request headers that carry claims, as (name, value)."""
        return tuple((claim.channel, claim.address) for claim in self.claims if claim.channel != PROXY_CHANNEL)
