"""The files that Kong wrote into its prefix when it started, and which settings are in force by them.

``.kong_env`` is what Kong made of its file and its environment, ``nginx-kong.conf`` what it told nginx
(kong/cmd/utils/prefix_handler.lua, kong/templates/nginx_kong.lua). Of the first only what decides on addresses is kept:
there are passwords in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from diagnose.cluster.settings import DECIDING, version_of
from diagnose.path.settings import TWINS, Settings

ENVIRONMENT, NGINX = ".kong_env", "nginx-kong.conf"

_HEAD = re.compile(r"^==> (?P<path>.+) <==$", re.MULTILINE)
_SETTING = re.compile(r"^(?P<name>[a-z0-9_]+) = (?P<value>.*)$", re.MULTILINE)
_DIRECTIVE = re.compile(
    r"^\s*(?P<name>listen|set_real_ip_from|real_ip_header|real_ip_recursive)\s+(?P<value>[^;]*[^;\s])\s*;", re.MULTILINE
)
_SERVER = re.compile(r"^ *server \{", re.MULTILINE)
_PROXY = re.compile(r"^ *server \{\s*\n\s*server_name kong;(?P<inside>.*?)^ *location ", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class InForce:
    """What a Kong runs with; ``beyond`` tells what its nginx is told that Kong's own settings do not say.

    ``settings`` is None where what is in force was read and is nothing that settings can tell; ``beyond`` is then why.
    ``admin`` tells that the Admin API says so, and not the files.
    """

    settings: Settings | None
    beyond: str | None = None
    admin: bool = False


def parse(output: str, image: str) -> InForce | str:
    """What is in force by the two files, each under a heading as ``head`` prints them; or why that is not known."""
    files = {path.rpartition("/")[2]: text for path, text in _parts(output)}
    if ENVIRONMENT not in files or NGINX not in files:
        return f"{ENVIRONMENT} or {NGINX} is not in Kong's prefix"
    told = {f"KONG_{one['name'].upper()}": one["value"].strip() for one in _SETTING.finditer(files[ENVIRONMENT])}
    variables = {name: value for name, value in told.items() if name in DECIDING}
    server = _PROXY.search(files[NGINX])
    if server is None:
        return f"no server block of Kong's proxy is in {NGINX}"
    # What stands at the level of http holds where the server says nothing.
    http, inside = _SERVER.split(files[NGINX], 1)[0], server["inside"]
    try:
        return _as_told(variables, _directives(http) | _directives(inside), version_of(image))
    except ValueError as error:
        return InForce(None, str(error))


def _as_told(
    variables: Mapping[str, str], directives: Mapping[str, Sequence[str]], version: tuple[int, int] | None
) -> InForce:
    """What is in force by Kong's own settings and what nginx is told; ValueError for settings that are not known.

    Kong's code in Lua goes by its settings, and nginx by its directives. Settings can tell both where they agree on the
    listeners and on whom to trust.
    """
    if behind := next((name for name in variables if name.endswith("SET_REAL_IP_FROM")), None):
        return InForce(None, f"{behind} is set: nginx then trusts addresses that Kong's own settings do not tell")
    expected = Settings.from_environment(variables, version)
    in_force = {
        f"KONG_NGINX_PROXY_{name.upper()}": next(iter(directives.get(name, ())), "NONE")
        for name in ("real_ip_header", "real_ip_recursive")
    }
    settings = replace(Settings.from_environment({**variables, **in_force}, version), twins=_twins(variables))
    if set(directives.get("set_real_ip_from", ())) != set(expected.trusted_ips):
        return InForce(None, f"in {NGINX} nginx is told to trust other addresses than Kong's trusted_ips")
    listening = Settings.from_environment({"KONG_PROXY_LISTEN": ", ".join(directives.get("listen", ()))}, version)
    if set(listening.listeners) != set(expected.listeners):
        return InForce(None, f"in {NGINX} nginx is told to listen otherwise than Kong's proxy_listen")
    if in_words(settings) == in_words(expected):
        return InForce(settings)
    return InForce(settings, f"nginx is told {_shown(directives)}, which is not what {ENVIRONMENT} says")


def _twins(variables: Mapping[str, str]) -> frozenset[str]:
    """The twins that were set for certain. Kong writes one for each of its own settings, with the same value."""
    pairs = [(twin, variables.get(own, ""), variables.get(twin, "")) for own, twin in TWINS.items()]
    return frozenset(twin for twin, own, value in pairs if value not in ("", own))


def _directives(text: str) -> dict[str, list[str]]:
    """The values of the directives that matter, by name."""
    found: dict[str, list[str]] = {}
    for one in _DIRECTIVE.finditer(text):
        found.setdefault(one["name"], []).append(one["value"])
    return found


def _parts(output: str) -> Iterator[tuple[str, str]]:
    heads = list(_HEAD.finditer(output))
    for head, following in zip_longest(heads, heads[1:]):
        yield head["path"], output[head.end() : following.start() if following else None]


def _shown(directives: Mapping[str, Sequence[str]]) -> str:
    told = {name: next(iter(directives.get(name, ())), None) for name in ("real_ip_header", "real_ip_recursive")}
    return ", ".join(f"no {name}" if value is None else f"{name} {value}" for name, value in told.items())


def in_words(settings: Settings) -> tuple[str, ...]:
    """Settings in words that are the same for all that means the same; the order of listeners and addresses is free."""
    listeners = sorted(
        f"{one.port}{' ssl' * one.tls}{' proxy_protocol' * one.proxy_protocol}" for one in settings.listeners
    )
    return (
        f"listeners {', '.join(listeners) or 'off'}",
        f"trusted_ips {','.join(sorted(set(settings.trusted_ips))) or 'none'}",
        f"real_ip_header {settings.real_ip_header}",
        f"real_ip_recursive {'on' if settings.real_ip_recursive else 'off'}",
    )
