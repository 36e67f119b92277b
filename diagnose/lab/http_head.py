"""HTTP heads: a request's line and headers, read from a socket and written again (RFC 9112, 2 to 5)."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]

HEAD_LIMIT = 64 * 1024
_REQUEST_LINE = re.compile(rb"([A-Z_-]+) +((?:/|[a-z][a-z0-9+.-]*://)[^\x00-\x20\x7f]*) +HTTP/1\.[01] *\r?")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")  # a line may end in LF alone (RFC 9112, 2.2)
_METHOD_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")


@dataclass(frozen=True, slots=True)
class Request:
    """One request without a body. ``line`` is its first line as it came; ``headers`` are in order, Host among them."""

    line: str
    method: str
    path: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """The values of header ``name`` in any letter case, in the order received."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class NoRequest:
    """What came is not HTTP. ``line`` is what a server can quote of it: the first line, as far as it was read."""

    line: str


def read_request(connection: socket.socket, already: bytes = b"") -> Request | NoRequest | None:
    """The next request, of which ``already`` was read before; None if the peer ends before it is whole.

    Like nginx, empty lines before it are skipped, and what cannot become a request is given up at once.
    """
    data = already
    while True:
        start = data.lstrip(b"\r\n")
        line, newline, _ = start.partition(b"\n")
        if start and start[0] not in _METHOD_BYTES:
            return NoRequest(_quoted(start))
        asked = _REQUEST_LINE.fullmatch(line)
        if newline and asked is None:
            return NoRequest(_quoted(start))
        end = _END_OF_HEAD.search(start)
        if asked and end:
            return _parsed(asked[1].decode("latin-1"), asked[2].decode("latin-1"), start[: end.start()])
        if len(data) > HEAD_LIMIT:
            return NoRequest(_quoted(start))
        more = connection.recv(65536)
        if not more:
            return None
        data += more


def write_head(line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a head: its first line, its headers, and the empty line."""
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def read_answer(connection: socket.socket) -> bytes:
    """All that a server sends until it closes; what came before a reset counts."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def _quoted(start: bytes) -> str:
    return re.split(rb"[\r\n]", start, maxsplit=1)[0].decode("latin-1")


def _parsed(method: str, path: str, head: bytes) -> Request | NoRequest:
    line, *rest = re.split(r"\r?\n", head.decode("latin-1"))
    headers = []
    for text in rest:
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            return NoRequest(line)
        headers.append((name, value.strip(" ")))
    return Request(line, method, path, tuple(headers))
