"""Access logs to read: lines as Kong writes them, in every form that is understood."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
ERROR = (
    '2026/11/28 12:00:00 [error] 1#0: *7 broken header: "GET / HTTP/1.1" while reading PROXY protocol, client: 10.9.9.9'
)


def plain(address: str, time: float = NOON) -> str:
    """A line of Kong's own format."""
    at = datetime.fromtimestamp(time, UTC)
    return f'{address} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /a b HTTP/1.1" 200 12 "-" "curl" kong_request_id: "12ab"'


def of_nginx(address: str) -> str:
    """A JSON line with nginx's names."""
    return json.dumps({"time": "2026-11-28T12:00:00+00:00", "remote_addr": address, "request": "GET / HTTP/1.1"})


def of_plugin(address: str, **headers: str) -> str:
    """A JSON line of Kong's log plugins, which write what the client has sent."""
    return json.dumps({"request": {"headers": headers}, "client_ip": address, "started_at": int(NOON * 1000)})


def docker(address: str) -> str:
    """A line as Docker's json-file driver keeps it."""
    return json.dumps({"log": plain(address) + "\n", "stream": "stdout", "time": "2026-11-28T12:00:00.1Z"})


def text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
