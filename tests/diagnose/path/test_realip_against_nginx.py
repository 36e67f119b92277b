"""The model of realip and of PROXY headers beside a running nginx: generated chains, addresses and headers, both asked.

The recorded rows hold the model to Kong; this holds it to the rules, in places that no row happens to visit. It needs
only the distribution's nginx. What nginx changed between that version and Kong's is left out of the generators.
"""

from __future__ import annotations

import random
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from diagnose.path.gateway import receive
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Headers, Traffic

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
PEERS = ("127.0.1.10", "127.0.2.5", "127.0.3.7")
TRUSTED: tuple[tuple[str, ...], ...] = (
    ("127.0.1.0/24",),
    ("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"),
    ("127.0.1.9/24", "198.51.100.77", "203.0.113.48/29"),
    ("0.0.0.0/0",),
    ("::/0", "127.0.1.10"),
    ("127.0.1.0/24", "::ffff:203.0.113.0/120", "::/96"),
)
HEADERS = ("X-Forwarded-For", "X-Real-IP", "x-forwarded-for", "CF-Connecting-IP")
CHAINS = 250  # for each of the set-ups
PREFACES = 400


@dataclass(frozen=True)
class Server:
    """One nginx server: what it was told, and its port."""

    settings: Settings
    listener: Listener


def servers(first_port: int) -> list[Server]:
    told = [
        Settings(trusted_ips=trusted, real_ip_header=header, real_ip_recursive=recursive)
        for trusted in TRUSTED
        for header in HEADERS
        for recursive in (False, True)
    ]
    told += [Settings(trusted_ips=trusted, real_ip_header="proxy_protocol") for trusted in TRUSTED]
    return [
        Server(settings, Listener(first_port + index, proxy_protocol=settings.real_ip_header == "proxy_protocol"))
        for index, settings in enumerate(told)
    ]


def configuration(folder: Path, running: Sequence[Server]) -> str:
    blocks = []
    for server in running:
        trusted = "".join(f"set_real_ip_from {text}; " for text in server.settings.trusted_ips)
        flag = " proxy_protocol" if server.listener.proxy_protocol else ""
        recursive = "on" if server.settings.real_ip_recursive else "off"
        blocks.append(
            f"server {{ listen 127.0.0.1:{server.listener.port}{flag}; {trusted}"
            f"real_ip_header {server.settings.real_ip_header}; real_ip_recursive {recursive}; "
            'add_header X-Address "$remote_addr" always; error_page 400 /bad; '
            # A file and no "return": so realip has its second chance in the preaccess phase, as with Kong's handler.
            f'location = /bad {{ internal; alias {folder}/bad; }} location / {{ return 200 ""; }} }}'
        )
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; "
        "events { worker_connections 512; } "
        f"http {{ access_log off; underscores_in_headers on; keepalive_requests 1000000; {paths}\n"
        + "\n".join(blocks)
        + "\n}\n"
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    if NGINX is None:
        pytest.skip("nginx is missing (Debian: nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    told = servers(_free_ports(len(TRUSTED) * (2 * len(HEADERS) + 1)))
    (folder / "bad").write_text("bad")
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(configuration(folder, told))
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    )
    try:
        _until_open(told[-1].listener.port, process)
        yield told
    finally:
        process.terminate()
        process.wait(10)


def _free_ports(number: int) -> int:
    """The first of as many ports of loopback in a row that nobody uses now."""
    for first in range(21000, 30000, number):
        taken = []
        try:
            for port in range(first, first + number):
                taken.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        else:
            return first
        finally:
            for one in taken:
                one.close()
    raise RuntimeError("no ports are free")


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError("nginx did not start")


V4 = ("203.0.113.50", "198.51.100.77", "10.1.2.3", "127.0.1.10", "127.0.2.5", "192.0.2.1", "0.0.0.0")
V6 = ("2001:db8::50", "2001:db8::7", "::1", "::", "::ffff:203.0.113.50", "::ffff:10.1.2.3", "fe80::1", "::1.2.3.4")


def element(dice: random.Random) -> str:
    """One element of a chain: an address more often than not, and now and then one that is spelled oddly."""
    kind = dice.randrange(12)
    if kind < 5:
        return dice.choice(V4)
    if kind < 7:
        return dice.choice(V6)
    if kind == 7:
        return dice.choice(V4) + ":" + dice.choice(["1", "0", "80", "0080", "65535", "65536", "", "x", "0" * 25 + "9"])
    if kind == 8:
        return f"[{dice.choice(V6)}]" + dice.choice(["", ":1", ":0", ":443", ":", "1", ":0000000000443", ":99999"])
    if kind == 9:
        return ":".join(
            dice.choice(["", "0", "1", "ffff", "abcd", "db8", "12345", "1.2.3.4"]) for _ in range(dice.randrange(1, 10))
        )
    if kind == 10:
        return ".".join(
            dice.choice(["", "1", "01", "255", "256", "0" * 20 + "7", "9999"]) for _ in range(dice.randrange(3, 6))
        )
    return dice.choice(
        [
            "unknown",
            "",
            "-",
            "for=1.2.3.4",
            "255.255.255.255",
            "1.2.3.4%1",
            "fe80::1%lo",
            "a",
            ":",
            "::ab01",
            "::abcd",
            "::1:0",
            "::ffff:0:1",
            "0:0:0:0:0:ffff:1.2.3.4",
            "::ffff:255.255.255.255",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "\t1.2.3.4",
            "1.2.3.4;",
        ]
    )


def chain(dice: random.Random) -> str:
    parts = [element(dice) for _ in range(dice.randrange(1, 6))]
    text = parts[0]
    for part in parts[1:]:
        text += dice.choice([", ", ", ", ",", " ", " , ", ",,", "  ", ";", ",\t"]) + part
    return dice.choice(["", "", "", "", ",", ", ", " ,"]) + text + dice.choice(["", "", "", "", ",", ", ", " ,,"])


def request(headers: Headers, *, close: bool = False) -> bytes:
    lines = ["GET / HTTP/1.1", "Host: kong.test", f"Connection: {'close' if close else 'keep-alive'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answers(data: bytes) -> list[tuple[int, str]]:
    found = []
    for head in data.split(b"HTTP/1.1 ")[1:]:
        address = next((line[11:] for line in head.split(b"\r\n") if line.startswith(b"X-Address: ")), b"")
        found.append((int(head[:3]), address.decode()))
    return found


def ask_all(peer: str, port: int, every: Sequence[Headers]) -> list[tuple[int, str]]:
    """Send all requests on one connection, and the last one with a request to close it."""
    with socket.create_connection(("127.0.0.1", port), 10, (peer, 0)) as connection:
        received = b""
        for index, headers in enumerate(every):
            connection.sendall(request(headers, close=index == len(every) - 1))
            while received.count(b"\r\n\r\n") <= index:
                piece = connection.recv(65536)
                if not piece:
                    break
                received += piece
    return answers(received)


def modelled(
    server: Server, peer: str, headers: Headers = (), preface: tuple[bytes, ...] = ()
) -> tuple[int | None, str | None]:
    port = server.listener.port
    traffic = Traffic(ip_address(peer), ip_address("127.0.0.1"), port, preface, headers, host="kong.test")
    concluded = receive(server.settings, server.listener, traffic)
    return concluded.status, concluded.address


def lines(dice: random.Random, name: str) -> Headers:
    """One to three lines of the header that counts, in any letter case, among others."""
    found: list[tuple[str, str]] = []
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        if dice.random() < 0.2:
            found.append((dice.choice(["X-Other", "X-Forwarded-For", "X-Real-IP", "X_Real_IP"]), chain(dice)))
        found.append((dice.choice([name, name, name.lower(), name.upper()]), chain(dice)))
    return tuple(found)


def test_takes_the_address_that_nginx_takes(running: list[Server]) -> None:
    dice = random.Random(20240117)
    different = []
    for server in running:
        if server.listener.proxy_protocol:
            continue
        peer = dice.choice(PEERS)
        every = [lines(dice, server.settings.real_ip_header) for _ in range(CHAINS)]
        said = ask_all(peer, server.listener.port, every)
        assert len(said) == len(every)
        for headers, seen in zip(every, said, strict=True):
            expected = modelled(server, peer, headers)
            if seen != expected:
                different.append((server.settings, peer, headers, "nginx", seen, "model", expected))
    assert different[:3] == []


def preface(dice: random.Random) -> bytes:
    """A PROXY header, well-formed more often than not."""
    if dice.random() < 0.5:
        source, destination = (dice.choice([element(dice), dice.choice(V4), dice.choice(V6)]) for _ in range(2))
        ports = [
            dice.choice(["1", "0", "443", "65535", "65536", "", "x", "0" * 30 + "80", "0" * 14 + "70000"])
            if dice.random() < 0.2
            else "4000"
            for _ in range(2)
        ]
        head = dice.choice(["PROXY TCP4", "PROXY TCP6", "PROXY TCP4", "PROXY UNKNOWN", "PROXY TCP5", "proxy TCP4"])
        line = " ".join([head, source, destination, *ports])
        end = dice.choice(["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "", "\r\n\r\n", " \r\n", "\r\nG"])
        return (line + end).encode("latin-1")
    family = dice.choice([0x11, 0x11, 0x21, 0x21, 0x12, 0x31, 0x00, 0x10, 0x41])
    block = (
        b"".join(ip_address(dice.choice(V4 if family >> 4 == 1 else V6)).packed for _ in range(2)) + b"\x0f\xa0\x01\xbb"
    )
    block = block[: dice.choice([len(block), len(block), len(block), 11, 12, 35, 0])]
    block += bytes(dice.choice([0, 0, 0, 7, 90, 900, 1000]))
    length = max(0, len(block) + dice.choice([0, 0, 0, 0, 0, -1, 1]))
    command = dice.choice([0x21, 0x21, 0x21, 0x20, 0x22, 0x11, 0x31])
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", command, family, length) + block


def ask(peer: str, port: int, before: bytes) -> tuple[int | None, str | None]:
    with socket.create_connection(("127.0.0.1", port), 10, (peer, 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        try:
            connection.sendall(before)
            _until_read(port, connection.getsockname()[1])
            connection.sendall(request((), close=True))
            while piece := connection.recv(65536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed on the header
    found = answers(received)
    return found[0] if found else (None, None)


def _until_read(port: int, client: int) -> None:
    """Wait until nginx has read what it was sent, or has closed: what follows must be a segment of its own to it."""
    end = time.monotonic() + 10
    local, remote = f":{port:04X}", f":{client:04X}"
    while time.monotonic() < end:
        sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
        unread = [one[4] for one in sockets if one[1].endswith(local) and one[2].endswith(remote) and one[3] == "01"]
        if not unread or unread[0].endswith(":00000000"):
            return
    raise TimeoutError("nginx does not read")


def test_reads_the_proxy_headers_that_nginx_reads(running: list[Server]) -> None:
    dice = random.Random(20240118)
    every = [server for server in running if server.listener.proxy_protocol]
    different = []
    for _ in range(PREFACES):
        server, peer, before = dice.choice(every), dice.choice(PEERS), preface(dice)
        seen, expected = ask(peer, server.listener.port, before), modelled(server, peer, preface=(before,))
        if seen != expected:
            different.append((server.settings, peer, before, "nginx", seen, "model", expected))
    assert different[:3] == []
