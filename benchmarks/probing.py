"""1,000 probes, each a fresh connection with a PROXY header, through HAProxy to nginx on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import Row, in_turns, quiet
from probes.outcome import Answered
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target
from probes.send import AT_ONCE, send_all

NUMBER, TIMES = 1000, 3
ADDRESS = "127.0.0.1"

NGINX = """
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1; events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_timeout 0; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen {address}:{server} proxy_protocol backlog=4096; location / {{ return 200 "ok"; }} }}
}}
"""
HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    default_backend behind
frontend with_header
    bind {address}:{with_header} accept-proxy backlog 4096
frontend without
    bind {address}:{without} backlog 4096
backend behind
    server one {address}:{server} send-proxy-v2
"""


@contextlib.contextmanager
def standing() -> Iterator[tuple[int, int]]:
    """HAProxy before nginx; the ports of the one that takes PROXY headers, and of the one that does not."""
    server, with_header, without = _free_ports(3)
    ports = {"address": ADDRESS, "server": server, "with_header": with_header, "without": without}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        folder = Path(name)
        (folder / "nginx.conf").write_text(NGINX.format(**ports))
        (folder / "haproxy.cfg").write_text(HAPROXY.format(**ports))
        for command in (
            ("nginx", "-p", name, "-c", "nginx.conf"),
            ("haproxy", "-db", "-q", "-f", str(folder / "haproxy.cfg")),
        ):
            process = running.enter_context(subprocess.Popen(command, cwd=name, stderr=subprocess.DEVNULL))
            running.callback(process.terminate)
        for port in (server, without):
            _await(port)
        yield with_header, without


def probes(port: int, number: int = NUMBER) -> list[Probe]:
    """Probes with a PROXY header each."""
    target, claims = Target(ADDRESS, port, "http", ADDRESS), (Claim(PROXY_CHANNEL, "192.0.2.1"),)
    nonces = (f"{one:016x}" for one in range(number))
    return [Probe(n, target, f"/kongip/{n}", preamble=Preamble.V1, claims=claims, claimed_port=40001) for n in nonces]


def rows() -> Sequence[Row]:
    """The comparison with curl, and with ab, which cannot send PROXY headers and goes where none are wanted."""
    found = []
    with standing() as (with_header, without):
        ours = probes(with_header)

        def send() -> None:
            assert all(isinstance(one.outcome, Answered) for one in send_all(ours, 10))

        address = f"http://{ADDRESS}:{with_header}"
        curl = f"seq {NUMBER} | xargs -P {AT_ONCE} -I N curl -s -o /dev/null --haproxy-protocol {address}/kongip/N"
        what = f"{NUMBER} probes, fresh connections"
        found.append(Row(what, "curl, a process each", *in_turns(send, quiet("sh", "-c", curl), TIMES), "at least", 8))
        if shutil.which("ab"):
            ab = quiet("ab", "-q", "-n", str(NUMBER), "-c", str(AT_ONCE), f"http://{ADDRESS}:{without}/kongip")
            found.append(Row(what, "`ab`, in C", *in_turns(send, ab, TIMES), "at least", 0.25))
    return found


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((ADDRESS, 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
