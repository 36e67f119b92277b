"""Kong's settings that decide which address it logs, and how they are read from KONG_* variables.

Source: Kong, kong/templates/kong_defaults.lua and kong/conf_loader (parse.lua, listeners.lua, constants.lua).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.path.addresses import read_number
from diagnose.path.traffic import Address
from diagnose.path.trust import UNIX, Trust, read_network, trust_in

DEFAULT_PROXY_LISTEN = "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384"
"""Kong's own (kong/templates/kong_defaults.lua)."""

DEFAULT_REAL_IP_HEADER = "X-Real-IP"

TWINS = {
    "KONG_REAL_IP_HEADER": "KONG_NGINX_PROXY_REAL_IP_HEADER",
    "KONG_REAL_IP_RECURSIVE": "KONG_NGINX_PROXY_REAL_IP_RECURSIVE",
}
"""Variables that are other names for one of Kong's own, and are in force where both are set (kong/conf_loader)."""

_FLAGS = ("ssl", "http2", "proxy_protocol", "deferred", "bind", "reuseport", "backlog=[0-9]+")
_FLAGS_SINCE_3 = (
    "ipv6only=on",
    "ipv6only=off",
    "so_keepalive=on",
    "so_keepalive=off",
    "so_keepalive=[0-9A-Za-z]*:[0-9A-Za-z]*:[0-9]*",
)
_V4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_NAME = re.compile(r"[^\s:\[\]/]+")
_NOT_IN_A_DIRECTIVE = re.compile(r"[\s;{}\"'\\$]")  # what would end or change the line that Kong writes for nginx


@dataclass(frozen=True, slots=True)
class Listener:
    """One port of proxy_listen, as one or several of its addresses have it."""

    port: int
    tls: bool = False
    proxy_protocol: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What one Kong is told. The defaults are Kong's own, the same from 0.11 to 3.9.

    ``proxy_listen`` is the text that ``listeners`` were read from. ``version`` is (major, minor), None if unknown.
    ``twins`` are the KONG_NGINX_PROXY_* variables that decide in the place of Kong's own.
    """

    listeners: tuple[Listener, ...] = (Listener(8000), Listener(8443, tls=True))
    trusted_ips: tuple[str, ...] = ()
    real_ip_header: str = DEFAULT_REAL_IP_HEADER
    real_ip_recursive: bool = False
    version: tuple[int, int] | None = None
    proxy_listen: str = DEFAULT_PROXY_LISTEN
    twins: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str], version: tuple[int, int] | None = None) -> Settings:
        """The settings that ``variables`` (KONG_*) give. ValueError, with the reason, where Kong would not start.

        real_ip_header and real_ip_recursive are aliases: an explicit KONG_NGINX_PROXY_* twin is the one in force.
        """
        listen = variables.get("KONG_PROXY_LISTEN", DEFAULT_PROXY_LISTEN)
        return cls(
            listeners=_listeners(listen, version),
            trusted_ips=_trusted_ips(variables.get("KONG_TRUSTED_IPS", "")),
            real_ip_header=_real_ip_header(variables),
            real_ip_recursive=_real_ip_recursive(variables),
            version=version,
            proxy_listen=listen,
            twins=frozenset(name for name in TWINS.values() if variables.get(name, "").strip()),
        )

    @property
    def trust(self) -> Trust:
        """Whom ``trusted_ips`` make nginx and Kong believe; ValueError for an entry that Kong would refuse."""
        return trust_in(self.trusted_ips)

    @property
    def before_3_6(self) -> bool:
        """Whether Kong is known to be older than 3.6, whose nginx and Lua code read headers otherwise."""
        return self.version is not None and self.version < (3, 6)

    def trusts(self, peer: Address) -> bool:
        """Whether nginx believes what ``peer`` says of others; an IPv4-mapped address counts as its IPv4 one."""
        return self.trust.of_nginx(peer)


def _elements(text: str) -> list[str]:
    """The elements of a list. A comma at its end is nothing, one at its start or after another is an empty element."""
    text = text.strip().removesuffix(",")
    return [element.strip() for element in text.split(",")] if text else []


def _listeners(text: str, version: tuple[int, int] | None) -> tuple[Listener, ...]:
    """The listeners of proxy_listen; entries for several addresses of one port count once unless their flags differ."""
    entries = _elements(text)
    if entries[:1] == ["off"]:
        return ()
    if not entries:
        raise ValueError("proxy_listen is empty; Kong starts with 'off' or at least one address:port")
    found: dict[Listener, None] = {}
    for entry in entries:
        address, flags = _without_flags(entry, version)
        port = _port(address)
        if port is None:
            raise ValueError(
                f"proxy_listen takes 'off' or entries of address:port and flags; Kong does not start with {entry!r}"
            )
        found[Listener(port, "ssl" in flags, "proxy_protocol" in flags)] = None
    return tuple(found)


def _without_flags(entry: str, version: tuple[int, int] | None) -> tuple[str, set[str]]:
    """What is left of an entry once the flags are taken out one kind after another, and those that were found."""
    rest, found = f" {entry} ", set()
    for flag in _FLAGS if version is not None and version < (3, 0) else (*_FLAGS, *_FLAGS_SINCE_3):
        rest, count = re.subn(rf"\s{flag}\s", " ", rest)
        if count:
            found.add(flag)
    return rest.strip(), found


def _port(address: str) -> int | None:
    """The port of one listening address, or None where Kong or the nginx that it starts refuses the address."""
    host, colon, text = address.rpartition(":")
    port = read_number(text, 65535)
    if not colon or not port:
        return None
    if host.startswith("[") and host.endswith("]"):
        return port if _is_v6(host[1:-1]) else None
    if not host.strip("0123456789."):
        whole = _V4.fullmatch(host) is not None and all(int(octet) <= 255 for octet in host.split("."))
        return port if whole else None
    return port if _NAME.fullmatch(host) else None


def _is_v6(text: str) -> bool:
    try:
        return read_network(text).version == 6
    except ValueError:
        return False


def _trusted_ips(text: str) -> tuple[str, ...]:
    entries = _elements(text)
    for entry in entries:
        if entry != UNIX:
            read_network(entry)
    return tuple(entries)


def _real_ip_header(variables: Mapping[str, str]) -> str:
    """The name in force. An empty one, and NONE, leave the directive out, and nginx with its own default."""
    own = variables.get("KONG_REAL_IP_HEADER", "").strip()
    name = variables.get("KONG_NGINX_PROXY_REAL_IP_HEADER", "").strip() or own
    if name in ("", "NONE"):
        return DEFAULT_REAL_IP_HEADER
    if _NOT_IN_A_DIRECTIVE.search(name):
        raise ValueError(f"real_ip_header takes one header's name; nginx does not start with {name!r}")
    return name


def _real_ip_recursive(variables: Mapping[str, str]) -> bool:
    """Kong takes all but "on" for off; the twin goes to nginx as it is, which knows on and off in any letter case."""
    twin = variables.get("KONG_NGINX_PROXY_REAL_IP_RECURSIVE", "").strip()
    if twin in ("", "NONE"):
        own = variables.get("KONG_REAL_IP_RECURSIVE", "").strip()
        return twin == "" and own == "on"
    if twin.lower() not in ("on", "off"):
        raise ValueError(f"nginx_proxy_real_ip_recursive takes 'on' or 'off'; nginx does not start with {twin!r}")
    return twin.lower() == "on"
