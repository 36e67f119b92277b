"""The stand-in against a real Kong 3.9.3: every recorded row is sent again, and must be seen as Kong saw it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.exchange import exchange
from tests.gateway.running import Backend, Gateway, backend, free_port, gateway

Row = dict[str, Any]
ROWS = Path(__file__).parent.parent / "data" / "kong-truth.jsonl"
# The ports of the recorded Kong: (tls, proxy_protocol) of each.
PORTS = {(False, False): 8000, (False, True): 8100, (True, False): 8443, (True, True): 8543}
KINDS = ("broken header", "unknown PROXY protocol version", "header is too large while reading PROXY")


def setting(row: Row) -> tuple[str, str, str]:
    """Return what a row's Kong was started with."""
    return row["real_ip_header"], row["real_ip_recursive"], ",".join(row["trusted_ips"])


def recorded() -> dict[tuple[str, str, str], list[Row]]:
    """Return the rows of Kong 3.9.3, by setting."""
    rows = [row for row in map(json.loads, ROWS.read_text().splitlines()) if row["kong"] == "3.9.3"]
    rows = [row for row in rows if not beyond_nginx_1_22(row)]
    return {key: list(group) for key, group in groupby(sorted(rows, key=setting), setting)}


def beyond_nginx_1_22(row: Row) -> bool:
    """Say whether a row's PROXY header is longer than nginx before 1.23.2 reads in front of TLS (108 bytes)."""
    behind_proxy_header = row["tls"] and row["listener_proxy_protocol"]
    return behind_proxy_header and any(len(segment) > 2 * 108 for segment in row["proxy_header_hex"])


RECORDED = recorded()


def test_all_rows_are_there() -> None:
    assert sum(len(rows) for rows in RECORDED.values()) == 1188  # of 1200; twelve are beyond_nginx_1_22


@pytest.fixture(scope="module")
def upstream() -> Iterator[Backend]:
    """One backend for all rows."""
    with backend() as running:
        yield running


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("key", RECORDED, ids=lambda key: " ".join(part or "nobody" for part in key))
def test_sees_what_kong_saw(key: tuple[str, str, str], upstream: Backend, tmp_path: Path) -> None:
    ports = {kind: free_port() for kind in PORTS}
    listen = ", ".join(
        f"127.0.0.1:{port}{' ssl' if tls else ''}{' proxy_protocol' if proxy else ''}"
        for (tls, proxy), port in ports.items()
    )
    header, recursive, trusted = key
    environment = {
        "KONG_PROXY_LISTEN": listen,
        "KONG_REAL_IP_HEADER": header,
        "KONG_REAL_IP_RECURSIVE": recursive,
        "KONG_TRUSTED_IPS": trusted,
    }
    with gateway(tmp_path, environment, upstream.port) as running:
        different = []
        for row in RECORDED[key]:
            seen = replay(row, ports[row["tls"], row["listener_proxy_protocol"]], running, upstream)
            if seen != expected(row):
                different.append((row["probe"], row["tls"], row["listener_proxy_protocol"], seen, expected(row)))
    assert different == []


def expected(row: Row) -> Row:
    """Return of a row what the stand-in can be held to (it has no log plugin, whose client_ip is the log's address)."""
    return {name: value for name, value in row["seen"].items() if name != "client_ip"}


def replay(row: Row, port: int, running: Gateway, upstream: Backend) -> Row:
    """Send a row's bytes and tell what came of it, in the words of the record."""
    upstream.requests.clear()
    headers = [("Host", "kong.test"), ("User-Agent", "truth"), ("Connection", "close"), *row["request_headers"]]
    request = "GET / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    segments = [bytes.fromhex(segment) for segment in row["proxy_header_hex"]]
    answer = exchange(row["tcp_peer"], port, segments, request.encode("latin-1"), tls=row["tls"])
    access: list[str] = []
    if row["seen"]["access_log_address"] is not None:
        with contextlib.suppress(TimeoutError):  # a line that never comes is a difference, and told as one
            access = [running.access.awaited()]
    else:
        access = running.access.fresh()
    received = dict(upstream.requests[0]) if upstream.requests else None
    nominal = PORTS[row["tls"], row["listener_proxy_protocol"]]
    errors = [kind for line in running.errors.fresh() for kind in KINDS if kind in line]
    return {
        "status": answer.status,
        "tls_handshake_failed": answer.tls_failed,
        "access_log_address": access[0].split()[0] if access else None,
        "upstream": received and forwarded(received, {str(port): str(nominal)}),
        "error_log": errors,
    }


def forwarded(headers: dict[str, str], ports: dict[str, str]) -> dict[str, str | None]:
    """Return the headers that the record holds, with the port that Kong listened on in place of the one here."""
    names = ("X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host")
    values = {name: headers.get(name) for name in names}
    values["X-Forwarded-Port"] = ports.get(str(values["X-Forwarded-Port"]), values["X-Forwarded-Port"])
    return values
