"""What came of a probe, as its socket saw it. What the network does to a probe is a value, not an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from probes.probe import Probe

Phase = Literal["connect", "tls", "answer"]


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP response came, whole. Header names are as sent by the peer; ``body`` is cut at the reader's limit."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of header ``name`` in any letter case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer closed the connection (FIN) before a whole HTTP response came."""

    received: bytes = b""


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer reset the connection (RST) after it had been made."""

    phase: Phase = "answer"


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection was refused (RST to the SYN)."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nothing came within the time given, in the phase named."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class TlsFailed:
    """The TLS handshake failed; ``reason`` is OpenSSL's, such as WRONG_VERSION_NUMBER."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The caller has no way there: no route, no such family. ``reason`` is the operating system's."""

    reason: str


@dataclass(frozen=True, slots=True)
class Garbled:
    """Something came that is not HTTP; the first bytes of it."""

    received: bytes


Outcome = Answered | Closed | Reset | Refused | TimedOut | TlsFailed | Unreachable | Garbled


@dataclass(frozen=True, slots=True)
class Sent:
    """A probe and its outcome. ``socket`` is the sender's own address on that connection, None if none was made.

    ``started`` is seconds since the epoch by the sender's clock, ``seconds`` how long the exchange took.
    ``certificate`` is the SHA-256 fingerprint (hex) of the certificate shown, None without TLS. ``port`` is that of the
    sender's socket, where it is known.
    """

    probe: Probe
    outcome: Outcome
    socket: str | None = None
    started: float = 0.0
    seconds: float = 0.0
    certificate: str | None = None
    port: int | None = None
