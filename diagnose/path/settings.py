"""Kong's settings that decide which address it logs, and how they are read from KONG_* variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from diagnose.path.traffic import Address

Network = IPv4Network | IPv6Network

DEFAULT_PROXY_LISTEN = "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384"
"""Kong's own (kong/templates/kong_defaults.lua)."""

EVERYONE = frozenset({"0.0.0.0/0", "::/0"})

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s\[\]:]+):([0-9]{1,5})")
_FLAG = re.compile(
    r"ssl|http2|proxy_protocol|deferred|bind|reuseport|backlog=[0-9]+|ipv6only=(?:on|off)|so_keepalive=\S+"
)


@dataclass(frozen=True, slots=True)
class Listener:
    """One port of proxy_listen."""

    port: int
    tls: bool = False
    proxy_protocol: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What one Kong is told. The defaults are Kong's own, the same from 0.11 to 3.9.

    ``proxy_listen`` is the text that ``listeners`` were read from. ``version`` is (major, minor), None if unknown.
    """

    listeners: tuple[Listener, ...] = (Listener(8000), Listener(8443, tls=True))
    trusted_ips: tuple[str, ...] = ()
    real_ip_header: str = "X-Real-IP"
    real_ip_recursive: bool = False
    version: tuple[int, int] | None = None
    proxy_listen: str = DEFAULT_PROXY_LISTEN

    @classmethod
    def from_environment(cls, variables: Mapping[str, str], version: tuple[int, int] | None = None) -> Settings:
        """The settings that ``variables`` (KONG_*) give. ValueError, with Kong's reason, where Kong would not start.

        real_ip_header and real_ip_recursive are aliases: an explicit KONG_NGINX_PROXY_* twin is the one in force.
        """
        listen = variables.get("KONG_PROXY_LISTEN", DEFAULT_PROXY_LISTEN)
        header = variables.get("KONG_REAL_IP_HEADER", "X-Real-IP")
        recursive = variables.get("KONG_REAL_IP_RECURSIVE", "off")
        return cls(
            listeners=_listeners(listen),
            trusted_ips=_trusted_ips(variables.get("KONG_TRUSTED_IPS", "")),
            real_ip_header=variables.get("KONG_NGINX_PROXY_REAL_IP_HEADER", header).strip(),
            real_ip_recursive=variables.get("KONG_NGINX_PROXY_REAL_IP_RECURSIVE", recursive).strip() == "on",
            version=version,
            proxy_listen=listen,
        )

    @property
    def trusted(self) -> tuple[Network, ...]:
        """``trusted_ips`` as networks; "unix:" is of no account to HTTP listeners."""
        return _networks(self.trusted_ips)

    def trusts(self, peer: Address) -> bool:
        """Whether nginx believes what ``peer`` says of others; an IPv4-mapped address counts as its IPv4 one."""
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return any(peer.version == net.version and peer in net for net in self.trusted)

    def with_proxy_protocol(self, tls: bool, wanted: bool) -> str:
        """The text of proxy_listen with the flag set or removed on every entry of that kind, all else as it stands."""
        entries = [entry.split() for entry in _entries(self.proxy_listen)]
        for words in entries:
            if ("ssl" in words[1:]) is not tls:
                continue
            if "proxy_protocol" in words[1:]:
                words.remove("proxy_protocol")
            if wanted:
                words.insert(1, "proxy_protocol")
        return ", ".join(" ".join(words) for words in entries)


@lru_cache(maxsize=1024)
def _networks(trusted_ips: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in trusted_ips if text != "unix:")


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _listeners(text: str) -> tuple[Listener, ...]:
    """The ports of proxy_listen; entries for several addresses of one port count once (kong/conf_loader/listeners.lua)."""
    if text.strip() == "off":
        return ()
    found: dict[int, Listener] = {}
    for entry in _entries(text):
        address, *flags = entry.split()
        match = _ADDRESS.fullmatch(address)
        wrong = next((flag for flag in flags if _FLAG.fullmatch(flag) is None), None)
        if match is None or wrong is not None:
            raise ValueError(f"proxy_listen has an entry that Kong refuses: {entry!r}")
        port = int(match[1])
        found.setdefault(port, Listener(port, "ssl" in flags, "proxy_protocol" in flags))
    if not found:
        raise ValueError("proxy_listen names no address")
    return tuple(found.values())


def _trusted_ips(text: str) -> tuple[str, ...]:
    entries = _entries(text)
    for entry in entries:
        try:
            ip_network("::" if entry == "unix:" else entry, strict=False)
        except ValueError as error:
            raise ValueError(f"trusted_ips has an entry that Kong refuses: {entry!r}") from error
    return tuple(entries)
