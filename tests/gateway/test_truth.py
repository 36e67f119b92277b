"""The stand-in against real Kongs: every recorded row is sent again, and must be seen as Kong saw it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.exchange import exchange
from tests.gateway.running import SECONDS, Backend, Gateway, backend, free_port, gateway

Row = dict[str, Any]
DATA = Path(__file__).parent.parent / "data"
FILES = ("kong-truth.jsonl", "kong-truth-wide.jsonl")
# The ports of the recorded Kong: (tls, proxy_protocol) of each.
PORTS = {(False, False): 8000, (False, True): 8100, (True, False): 8443, (True, True): 8543}
KINDS = ("broken header", "unknown PROXY protocol version", "header is too large while reading PROXY")


def setting(row: Row) -> tuple[str, str, str]:
    """Return what a row's Kong was started with."""
    return row["real_ip_header"], row["real_ip_recursive"], ",".join(row["trusted_ips"])


def long_before_tls(row: Row) -> bool:
    """Say whether a row's PROXY header is longer than nginx before 1.23.2 reads in front of TLS (108 bytes)."""
    behind_proxy_header = row["kong"] == "3.9.3" and row["tls"] and row["listener_proxy_protocol"]
    return behind_proxy_header and any(len(segment) > 2 * 108 for segment in row["proxy_header_hex"])


def several_lines_before_3_6(row: Row) -> bool:
    """Say whether Kong 2.8.5 joined several lines of X-Forwarded-For and handed all on; since 3.6 the first counts."""
    return row["kong"] == "2.8.5" and len(forwarded_lines(row)) > 1


def forwarded_lines(row: Row) -> list[str]:
    """The X-Forwarded-For lines, with hyphens or underscores, of a request that came to the upstream."""
    lines = [value for name, value in row["request_headers"] if name.lower().replace("_", "-") == "x-forwarded-for"]
    return lines if row["seen"]["upstream"] else []


def of_3_9(row: Row, probe: str) -> bool:
    """Say whether it is that probe of Kong 3.9.3's, in clear text."""
    return row["kong"] == "3.9.3" and not row["tls"] and str(row["probe"]).startswith(probe)


def many_headers(row: Row) -> bool:
    """Say whether a request to Kong 2.8.5 has so many headers that Kong since 3.6 would not see them all."""
    return row["kong"] == "2.8.5" and len(row["request_headers"]) > 90


def underscored_before_3_6(row: Row) -> bool:
    """Say whether Kong 2.8.5 passed over X_Forwarded_For, which 3.6 and later take for X-Forwarded-For."""
    names = {name.lower() for name, _ in row["request_headers"]}
    return row["kong"] == "2.8.5" and "x_forwarded_for" in names


LISTED: dict[str, tuple[int, Callable[[Row], bool]]] = {
    "long PROXY header before TLS": (30, long_before_tls),
    "several lines of X-Forwarded-For before Kong 3.6": (35, several_lines_before_3_6),
    "many headers before Kong 3.6": (10, many_headers),
    "X_Forwarded_For before Kong 3.6": (15, underscored_before_3_6),
    "signature alone before Kong 3.6": (1, lambda row: (row["kong"], row["probe"]) == ("2.8.5", "v2 signature only")),
    "UNKNOWN that ends in LF": (3, lambda row: row["probe"] == "v1 unknown LF only" and not row["tls"]),
    "tab before the value": (1, lambda row: of_3_9(row, "chain in X-F") and forwarded_lines(row)[0][:1] == "\t"),
    "X_Forwarded_For": (1, lambda row: of_3_9(row, "X_Forwarded_For with X-Forwarded-For")),
    "length one too long": (1, lambda row: row["probe"] == "v2 length 1 too long"),
    "port 0": (1, lambda row: row["probe"] == "v1 port 0"),
}
"""The differences that docs/gateway-stand-in.md lists, with how many rows may show them, and which."""


def listed(row: Row) -> bool:
    """Whether a row shows a difference that is listed."""
    return any(shows(row) for _, shows in LISTED.values())


@pytest.mark.parametrize("name", LISTED)
def test_a_listed_difference_excuses_so_many_rows_and_no_more(name: str) -> None:
    number, shows = LISTED[name]
    assert sum(map(shows, (row for rows in RECORDED.values() for row in rows))) == number


def recorded() -> dict[tuple[str, str, str], list[Row]]:
    """Return all rows, by setting."""
    rows = [json.loads(line) for file in FILES for line in (DATA / file).read_text().splitlines()]
    return {key: list(group) for key, group in groupby(sorted(rows, key=setting), setting)}


RECORDED = recorded()


def test_all_rows_are_there() -> None:
    assert sum(map(len, RECORDED.values())) == 2458 + 1496


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
        for row in sorted(RECORDED[key], key=listed):  # what an excused one leaves in a log late disturbs no other
            seen = replay(row, ports[row["tls"], row["listener_proxy_protocol"]], running, upstream)
            if seen != expected(row) and not listed(row):
                different.append((row["probe"], row["tls"], row["listener_proxy_protocol"], seen, expected(row)))
    assert different == []


def expected(row: Row) -> Row:
    """Return of a row what the stand-in can be held to (it has no log plugin, whose client_ip is the log's address)."""
    return {name: value for name, value in row["seen"].items() if name != "client_ip"}


SECONDS_OF_EXCUSED = 0.2
"""For the line of a row that is excused: for many of them it is that none comes."""


def replay(row: Row, port: int, running: Gateway, upstream: Backend) -> Row:
    """Send a row's bytes and tell what came of it, in the words of the record."""
    upstream.requests.clear()
    running.access.fresh()  # what came late of the row before is none of this one's
    headers = [("Host", "kong.test"), ("User-Agent", "truth"), ("Connection", "close"), *row["request_headers"]]
    request = "GET / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    segments = [bytes.fromhex(segment) for segment in row["proxy_header_hex"]]
    answer = exchange(row["tcp_peer"], port, segments, request.encode("latin-1"), tls=row["tls"])
    access: list[str] = []
    if row["seen"]["access_log_address"] is not None:
        with contextlib.suppress(TimeoutError):  # a line that never comes is a difference, and told as one
            access = [running.access.awaited(seconds=SECONDS_OF_EXCUSED if listed(row) else SECONDS)]
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
