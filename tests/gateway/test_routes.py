"""Routes: the order in which they are tried, and the file that the gateway reads."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.routes import PathMatch, Route, as_lua, in_order


def route(host: str | None, path: str, match: PathMatch = PathMatch.SEGMENTS) -> Route:
    """Return a route that leads nowhere."""
    return Route(host, path, match, False, ())


def test_hosts_outrank_paths_and_long_paths_short_ones() -> None:
    ranked = [
        route("kong.test", "/a", PathMatch.EXACT),
        route("kong.test", "/a/b"),
        route("kong.test", "/"),
        route("*.test", "/a/b/c"),
        route(None, "/a/b/c/d"),
        route(None, "/"),
    ]
    shuffled = ranked.copy()
    random.Random(3).shuffle(shuffled)
    assert in_order(shuffled) == ranked


def test_the_file_is_a_lua_table() -> None:
    routes = [Route("Kong.test", "/a b", PathMatch.PREFIX, True, (("10.78.1.2", 8000), ("10.78.2.2", 8000)))]
    assert as_lua(routes) == (
        'return {\n  {host = "kong.test", path = "/a\\032b", match = "prefix", strip = true, '
        'key = false, targets = {{"10.78.1.2", 8000}, {"10.78.2.2", 8000}}},\n}\n'
    )


@given(st.text())
def test_no_path_leaves_its_quotes(path: str) -> None:
    line = as_lua([route(None, path.encode(errors="ignore").decode())]).splitlines()[1]
    assert line.count('"') == 4
    assert line.isascii()
    assert line.isprintable()
