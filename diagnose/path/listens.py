"""The entries of proxy_listen, stream_listen, admin_listen and status_listen, each with its address and flags."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PROXY_PROTOCOL = "proxy_protocol"
"""The flag of a listener, and the value of real_ip_header that means the PROXY header."""


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
    def tls(self) -> bool:
        """Whether it ends TLS."""
        return "ssl" in self.flags

    @property
    def six(self) -> bool:
        """Whether it is an IPv6 address."""
        return self.address.startswith("[")


def read_listens(text: str, *, secret: bool = False) -> tuple[Listen, ...]:
    """The entries of a listen setting; none of "off". What stands in a secret is not in their ``text``."""
    parts = (part.split() for part in text.split(","))
    return tuple(_entry(words, secret) for words in parts if words and words[0] != "off")


def _entry(words: list[str], secret: bool) -> Listen:
    at = _address_in(words)
    address, _, port = words[at].rpartition(":")
    number = int(port) if _number(port) else None
    flags = frozenset((*words[:at], *words[at + 1 :]))
    return Listen(f"port {number}" if secret else " ".join(words), address, number, flags)


def _address_in(words: list[str]) -> int:
    """Which of the words is the address: Kong takes flags out wherever they stand."""
    return next((index for index, word in enumerate(words) if _number(word.rpartition(":")[2]) and ":" in word), 0)


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def with_flag(text: str, chosen: Collection[Listen], *, wanted: bool) -> str:
    """A listen setting with proxy_protocol set or removed on the ``chosen`` of its entries, all else as it stands.

    The flag is set after the address; Kong takes it wherever it stands (kong/conf_loader/listeners.lua).
    """
    entries = []
    for words in filter(None, (part.split() for part in text.split(","))):
        if _entry(words, secret=False) in chosen and (PROXY_PROTOCOL in words) is not wanted:
            if wanted:
                words.insert(_address_in(words) + 1, PROXY_PROTOCOL)
            else:
                words = [word for word in words if word != PROXY_PROTOCOL]
        entries.append(" ".join(words))
    return ", ".join(entries)
