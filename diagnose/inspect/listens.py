"""The entries of proxy_listen, stream_listen, admin_listen and status_listen, each with its address and flags."""

from __future__ import annotations

from dataclasses import dataclass

PROXY_PROTOCOL = "proxy_protocol"


@dataclass(frozen=True, slots=True)
class Listen:
    """One entry. ``text`` is how it is shown; ``port`` is None where the entry names none that can be read."""

    text: str
    address: str
    port: int | None
    flags: frozenset[str]

    @property
    def demands_proxy(self) -> bool:
        """Whether each connection has to begin with a PROXY header."""
        return PROXY_PROTOCOL in self.flags

    @property
    def six(self) -> bool:
        """Whether it is an IPv6 address."""
        return self.address.startswith("[")


def read_listens(text: str, *, secret: bool = False) -> tuple[Listen, ...]:
    """The entries of a listen setting; none of "off". What stands in a secret is not in their ``text``."""
    parts = (part.split() for part in text.split(","))
    return tuple(_entry(words, secret) for words in parts if words and words[0] != "off")


def _entry(words: list[str], secret: bool) -> Listen:
    address, _, port = words[0].rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else None
    return Listen(f"port {number}" if secret else " ".join(words), address, number, frozenset(words[1:]))
