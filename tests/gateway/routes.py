"""Routes of the gateway: which requests go to which addresses, in the order in which they are tried."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class PathMatch(enum.Enum):
    """How a route's path is compared with the path of a request."""

    EXACT = "exact"
    SEGMENTS = "segments"  # whole segments: /a takes /a and /a/b, not /ab
    PREFIX = "prefix"  # characters: /a takes /ab as well


@dataclass(frozen=True, slots=True)
class Route:
    """Requests for one host (None: any; "*.example.com": every name below) and path, and where they go.

    ``key`` tells that the plugin key-auth stands before it; no key is known.
    """

    host: str | None
    path: str
    match: PathMatch
    strip_path: bool
    targets: tuple[tuple[str, int], ...]
    key: bool = False


def in_order(routes: Iterable[Route]) -> list[Route]:
    """Sort routes as Kong's router tries them: named host, wildcard, any host; in each, exact and long paths first."""
    return sorted(routes, key=_rank)


def _rank(route: Route) -> tuple[int, bool, int]:
    return _host_rank(route.host), route.match is not PathMatch.EXACT, -len(route.path)


def _host_rank(host: str | None) -> int:
    if host is None:
        return 2
    return 1 if host.startswith("*") else 0


def as_lua(routes: Iterable[Route]) -> str:
    """Write routes as the file that kong.lua loads, in the order in which they are tried."""
    return "return {\n" + "".join(_route(route) for route in in_order(routes)) + "}\n"


def _route(route: Route) -> str:
    targets = ", ".join(f"{{{_text(address)}, {port}}}" for address, port in route.targets)
    host = "false" if route.host is None else _text(route.host.lower())
    return (
        f"  {{host = {host}, path = {_text(route.path)}, match = {_text(route.match.value)}, "
        f"strip = {str(route.strip_path).lower()}, key = {str(route.key).lower()}, targets = {{{targets}}}}},\n"
    )


def _text(value: str) -> str:
    """Quote a string for Lua: letters, digits and the harmless as they are, every other byte as a decimal escape."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/*:"
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03d}" for byte in value.encode()) + '"'
