"""Kong's settings from the environment, read and refused as Kong 3.9 does."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

PROXY_LISTEN = "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384"
REAL_IP_HEADER = "X-Real-IP"
REAL_IP_RECURSIVE = "off"
LOG_FORMAT = "kong_log_format"

# Spelling and letter case as in Kong's kong/conf_loader/listeners.lua; anything else stops Kong at its start.
ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:]+):[0-9]{1,5}")
FLAG = re.compile(
    r"ssl|http2|proxy_protocol|deferred|bind|reuseport|backlog=[0-9]+|ipv6only=(on|off)"
    r"|so_keepalive=(on|off|\w*:\w*:[0-9]*)"
)
HTTP_ONLY = ("http2", "deferred")
LISTEN_FORM = (
    "{name} must be of form: [off] | <ip>:<port> [ssl] {http}[proxy_protocol] {deferred}[bind] [reuseport] "
    "[backlog=%d+] [ipv6only=on|off] [so_keepalive=on|off|%w*:%w*:%d*], [... next entry ...]"
)


class Refused(Exception):
    """Kong would not start with these settings; the text is what it prints."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One entry of proxy_listen: where to listen, and the flags behind it."""

    address: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the proxy's server block is written from.

    directives are the nginx_proxy_* settings, as pairs of nginx's name and value; real_ip_header and
    real_ip_recursive are always among them. http_directives are the nginx_http_* settings. log_format names the format
    of the access log, None where proxy_access_log is off. streams are the entries of stream_listen, for layer 4.
    """

    listeners: tuple[Listener, ...]
    trusted_ips: tuple[str, ...]
    directives: tuple[tuple[str, str], ...]
    http_directives: tuple[tuple[str, str], ...] = ()
    log_format: str | None = LOG_FORMAT
    streams: tuple[Listener, ...] = ()


def from_file(path: Path) -> dict[str, str]:
    """What a configuration file tells, as KONG_* variables; nothing where there is none."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    pairs = (line.partition("#")[0].partition("=") for line in lines)
    return {f"KONG_{name.strip().upper()}": value.strip() for name, equals, value in pairs if equals and name.strip()}


def read(environment: Mapping[str, str]) -> Settings:
    """Read KONG_* variables; raise Refused where Kong would not start."""
    return Settings(
        listeners=_listeners("proxy_listen", environment.get("KONG_PROXY_LISTEN", PROXY_LISTEN)),
        streams=_listeners("stream_listen", environment.get("KONG_STREAM_LISTEN", "off"), without=HTTP_ONLY),
        trusted_ips=_trusted_ips(environment.get("KONG_TRUSTED_IPS", "")),
        directives=_directives(environment),
        http_directives=tuple(_injected(environment, "KONG_NGINX_HTTP_").items()),
        log_format=_log_format(environment.get("KONG_PROXY_ACCESS_LOG", "")),
    )


def _entries(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _listeners(name: str, value: str, without: Collection[str] = ()) -> tuple[Listener, ...]:
    """The entries of a setting; ``without`` are flags that it does not have."""
    if value.strip() == "off":
        return ()
    listeners = []
    for entry in _entries(value):
        address, *flags = entry.split()
        known = all(FLAG.fullmatch(flag) and flag not in without for flag in flags)
        if not ADDRESS.fullmatch(address) or not known:
            raise Refused(_form(name, without))
        listeners.append(Listener(address, tuple(flags)))
    if not listeners:
        raise Refused(_form(name, without))
    return tuple(listeners)


def _form(name: str, without: Collection[str]) -> str:
    words = {"http": "[http2] ", "deferred": "[deferred] "}
    return LISTEN_FORM.format(name=name, **(dict.fromkeys(words, "") if without else words))


def _trusted_ips(value: str) -> tuple[str, ...]:
    entries = _entries(value)
    for entry in entries:
        if entry != "unix:" and not _is_network(entry):
            raise Refused(
                "trusted_ips must be a comma separated list in the form of IPv4 or IPv6 address or CIDR block "
                f"or 'unix:', got '{entry}'"
            )
    return tuple(entries)


def _is_network(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry, strict=False)  # host bits are no fault: 127.0.0.1/8
    except ValueError:
        return False
    return True


def _directives(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """real_ip_header and real_ip_recursive are aliases: an explicit nginx_proxy_* setting of that name wins."""
    directives = {
        "real_ip_header": environment.get("KONG_REAL_IP_HEADER", REAL_IP_HEADER),
        "real_ip_recursive": environment.get("KONG_REAL_IP_RECURSIVE", REAL_IP_RECURSIVE),
    }
    return tuple((directives | _injected(environment, "KONG_NGINX_PROXY_")).items())


def _injected(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The directives that Kong copies into a block of nginx.conf."""
    told = sorted(environment.items())
    return {name.removeprefix(prefix).lower(): value for name, value in told if name.startswith(prefix)}


def _log_format(access_log: str) -> str | None:
    """The format is proxy_access_log's second word, as in nginx; where the log goes is the caller's business."""
    words = access_log.split()
    if words == ["off"]:
        return None
    return words[1] if len(words) > 1 else LOG_FORMAT
