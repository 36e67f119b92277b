"""nginx, which reads PROXY headers by code of its own, accepts what the layers write."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.packets import (
    ProxyV1,
    ProxyV2,
    Tlv,
    TlvAlpn,
    TlvAuthority,
    TlvAws,
    TlvAzure,
    TlvCrc32c,
    TlvGcp,
    TlvNetns,
    TlvNoop,
    TlvSsl,
    TlvSslCn,
    TlvSslVersion,
    TlvUniqueId,
)
from tests.gateway.proxy import NGINX
from tests.gateway.running import free_port

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr error; {user}
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
    server {{
        listen 127.0.0.1:{port} proxy_protocol;
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }}
}}
"""
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
FOUR: dict[str, Any] = {
    "source": "203.0.113.7",
    "destination": "198.51.100.1",
    "source_port": 40001,
    "destination_port": 443,
}
SIX = FOUR | {"source": "2001:db8::7", "destination": "2001:db8::1"}
SAID_4, SAID_6, SAID_NOTHING = "203.0.113.7 40001 198.51.100.1 443", "2001:db8::7 40001 2001:db8::1 443", ""
TLVS = [
    TlvAlpn(value=b"h2"),
    TlvAuthority(value=b"kong.test"),
    TlvNoop(value=bytes(3)),
    TlvUniqueId(value=b"0123456789"),
    TlvSsl(client=3, tlvs=[TlvSslVersion(value=b"TLSv1.3"), TlvSslCn(value=b"client.test")]),
    TlvNetns(value=b"blue"),
    TlvAws(endpoint=b"vpce-08d2bf15fac5001c9"),
    TlvAzure(link=7),
    TlvGcp(connection=9),
    Tlv(type=0xF0, value=b"experiment"),
    TlvCrc32c(),
]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if not Path(NGINX).exists():
        why = "nginx is missing (Debian: nginx-light)"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    file = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(CONFIGURATION.format(folder=folder, port=port, user=user))
    with subprocess.Popen([NGINX, "-e", "stderr", "-p", str(folder), "-c", str(file)], stderr=sys.stderr) as process:
        try:
            deadline = time.monotonic() + 20
            while answer(port, b"PROXY UNKNOWN\r\n") is None and time.monotonic() < deadline:
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


def answer(port: int, header: bytes) -> str | None:
    """The body of nginx's answer to a request behind ``header``, None if it gave none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(header + REQUEST)
            said = b"".join(iter(lambda: connection.recv(4096), b""))
    except ConnectionError:
        return None
    return said.partition(b"\r\n\r\n")[2].decode().strip() if said else None


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (ProxyV1(**FOUR), SAID_4),
        (ProxyV1(**SIX), SAID_6),
        (ProxyV1(), SAID_NOTHING),
        (ProxyV2(**FOUR), SAID_4),
        (ProxyV2(family="INET6", **SIX), SAID_6),
        (ProxyV2(cmd="LOCAL", family="UNSPEC", transport="UNSPEC"), SAID_NOTHING),
        (ProxyV2(cmd="LOCAL", **FOUR), SAID_NOTHING),
        (ProxyV2(family="UNIX", source=b"/run/a", destination=b"/run/b"), SAID_NOTHING),
        (ProxyV2(tlvs=TLVS, **FOUR), SAID_4),
        (ProxyV2(family="INET6", tlvs=TLVS, **SIX), SAID_6),
    ],
    ids=str,
)
def test_nginx_reads_what_the_layers_write(listener: int, header: Any, said: str) -> None:
    assert answer(listener, bytes(header)) == said


def test_nginx_would_not_take_a_broken_one(listener: int) -> None:
    data = bytes(ProxyV2(**FOUR))
    assert answer(listener, b"X" + data) is None
