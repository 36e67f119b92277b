"""The stand-in's layer 4 listeners, against what the model says of Kong's."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from diagnose.path.settings import Listener, Settings
from diagnose.path.stream import receive_stream
from diagnose.path.traffic import Traffic
from tests.gateway import settings
from tests.gateway.nginx import MODULES
from tests.gateway.running import Backend, Gateway, backend, free_port, gateway, until

PEER = "127.0.0.1"
SOURCE = "203.0.113.7"
PREFACES = {
    "none": b"",
    "version 1": f"PROXY TCP4 {SOURCE} 198.51.100.1 40001 9000\r\n".encode(),
    "version 1, unknown": b"PROXY UNKNOWN\r\n",
    "version 2": bytes.fromhex("0d0a0d0a000d0a515549540a2111000ccb007107c63364019c412328"),
    "version 2, local": bytes.fromhex("0d0a0d0a000d0a515549540a20000000"),
}
REQUEST = b"GET /stream HTTP/1.0\r\n\r\n"
TRUSTED = ("", "127.0.0.0/8")


@pytest.fixture
def upstream() -> Iterator[Backend]:
    """A backend behind the listeners."""
    with backend() as running:
        yield running


def said(port: int, first: bytes, running: Gateway) -> list[str]:
    """The words of the access log's line on a connection that begins so."""
    with socket.create_connection((PEER, port), timeout=5) as connection:
        connection.sendall(first)
        with contextlib.suppress(ConnectionResetError):  # so a connection ends whose bytes nginx did not read
            while connection.recv(4096):
                pass
    return running.access.awaited().split()


@pytest.mark.usefixtures("nginx")
@pytest.mark.skipif(not (MODULES / "ngx_stream_module.so").exists(), reason="nginx's stream module is missing")
@pytest.mark.parametrize("trusted", TRUSTED)
@pytest.mark.parametrize("flag", [False, True], ids=["plain", "proxy_protocol"])
def test_logs_the_address_that_the_model_says(flag: bool, trusted: str, upstream: Backend, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "KONG_PROXY_LISTEN": "off",
        "KONG_STREAM_LISTEN": f"127.0.0.1:{port}{' proxy_protocol' if flag else ''}",
        "KONG_TRUSTED_IPS": trusted,
        "KONG_REAL_IP_HEADER": "X-Forwarded-For",
        "GATEWAY_STREAM_TARGET": f"127.0.0.1:{upstream.port}",
    }
    told = Settings(trusted_ips=(trusted,) if trusted else ())
    with gateway(tmp_path, environment, upstream.port) as running:
        for name, preface in PREFACES.items():
            peer = ip_address(PEER)
            traffic = Traffic(peer, peer, port, (preface,) if preface else (REQUEST,) if flag else ())
            expected = receive_stream(told, Listener(port, proxy_protocol=flag), traffic)
            line = said(port, preface + REQUEST, running)
            assert (line[0], line[4]) == (expected.address, str(expected.status)), name
            assert line[3] == "TCP"


@pytest.mark.usefixtures("nginx")
@pytest.mark.skipif(not (MODULES / "ngx_stream_module.so").exists(), reason="nginx's stream module is missing")
def test_what_comes_is_passed_on_without_the_proxy_header(upstream: Backend, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "KONG_PROXY_LISTEN": "off",
        "KONG_STREAM_LISTEN": f"127.0.0.1:{port} proxy_protocol",
        "GATEWAY_STREAM_TARGET": f"127.0.0.1:{upstream.port}",
    }
    with gateway(tmp_path, environment, upstream.port) as running:
        said(port, PREFACES["version 1"] + REQUEST, running)
        until(lambda: len(upstream.requests) == 1)


@pytest.mark.parametrize("flag", ["http2", "deferred", "prxy_protocol"])
def test_a_flag_that_stream_listen_has_not_stops_kong(flag: str) -> None:
    with pytest.raises(settings.Refused, match="stream_listen must be of form") as refused:
        settings.read({"KONG_STREAM_LISTEN": f"0.0.0.0:9000 {flag}"})
    assert "http2" not in str(refused.value)
