"""A proxy before the real API server that has faults: it answers in its place, delays, cuts off, or is gone.

Run as ``python -m tests.cluster.faults KUBECONFIG FAULT`` in the caller's network namespace; it prints its port, and
speaks plain HTTP there, with the administrator's certificate to the API server. It takes one request a connection.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.cluster.bed import CONTEXT, KUBECONFIG, inside

ROOT = Path(__file__).resolve().parents[2]
STATUS = {401: "Unauthorized", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}
DELAY = 0.3
OFTEN = 7
CUT_AFTER = 300  # bytes of an answer
PATIENCE = 60.0  # seconds without a word from either side


class Faulty:
    """``fault``: 429, 500, 503 or cut (each ``OFTEN``th request), slow, expired:N or gone:N (from the Nth)."""

    def __init__(self, kubeconfig: Path, fault: str) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        server = urlsplit(config["clusters"][0]["cluster"]["server"])
        self._server = (str(server.hostname), int(server.port or 443))
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        with tempfile.NamedTemporaryFile() as held:
            user = config["users"][0]["user"]
            held.write(b"".join(_pem(user, name) for name in ("client-certificate", "client-key")))
            held.flush()
            self._tls.load_cert_chain(held.name)
        self._fault, _, number = fault.partition(":")
        self._from = int(number or 0)
        self._count = itertools.count(1)

    def serve(self, client: socket.socket) -> None:
        """One request, and what comes of it."""
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            number = next(self._count)
            bad = number % OFTEN == 0
            if self._fault == "gone" and number >= self._from:
                return
            if self._fault == "expired" and number >= self._from:
                client.sendall(answer(401))
            elif self._fault.isdigit() and bad:
                client.sendall(answer(int(self._fault)))
            else:
                time.sleep(DELAY if self._fault == "slow" else 0)
                self._pass_on(client, head, cut=self._fault == "cut" and bad and head.startswith(b"GET "))

    def _pass_on(self, client: socket.socket, head: bytes, *, cut: bool) -> None:
        first, _, rest = head.partition(b"\r\n")
        closing = b"" if b"upgrade:" in head.lower() else b"Connection: close\r\n"
        with self._tls.wrap_socket(socket.create_connection(self._server, 10)) as server:
            server.sendall(first + b"\r\n" + closing + rest)
            relay(client, server, CUT_AFTER if cut else None)


def relay(client: socket.socket, server: ssl.SSLSocket, most: int | None) -> None:
    """Hand on what comes from either side until one has no more to say; of the server's, ``most`` bytes.

    In one thread: a TLS connection is not to be read and written at the same time. Nor waited for once something came,
    which may be none of the answer's bytes, but a ticket of TLS 1.3.
    """
    sides: list[socket.socket] = [client, server]
    while most is None or most > 0:
        ready = [server] if server.pending() else select.select(sides, [], [], PATIENCE)[0]
        if not ready:
            return
        if client in ready:
            if not (piece := client.recv(65536)):
                return
            server.settimeout(PATIENCE)
            server.sendall(piece)
        if server in ready:
            server.settimeout(0)
            with contextlib.suppress(ssl.SSLWantReadError):
                if not (piece := server.recv(65536 if most is None else most)):
                    return
                client.sendall(piece)
                most = None if most is None else most - len(piece)


def answer(status: int) -> bytes:
    """What the API server says in that case."""
    body = b'{"kind":"Status","apiVersion":"v1","status":"Failure","message":"%s"}' % STATUS[status].encode()
    lines = [f"HTTP/1.1 {status} {STATUS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", *(["Retry-After: 1"] if status == 429 else []), "", ""]
    return "\r\n".join(lines).encode() + body


def _pem(user: dict[str, str], name: str) -> bytes:
    path, data = user.get(name), user.get(f"{name}-data")
    return Path(path).read_bytes() if path else base64.b64decode(data or "")


@contextlib.contextmanager
def faulty(fault: str, folder: Path) -> Iterator[list[str]]:
    """Run the proxy; yields the flags that lead kongip through it."""
    command = [*inside("client"), sys.executable, "-m", "tests.cluster.faults", str(KUBECONFIG), fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            config = yaml.safe_load(KUBECONFIG.read_text())
            for cluster in config["clusters"]:
                cluster["cluster"] = {"server": f"http://127.0.0.1:{port}"}
            for user in config["users"]:
                user["user"] = {"token": "canary-token-of-the-kubeconfig"}
            path = folder / "faulty.kubeconfig"
            path.write_text(yaml.safe_dump(config))
            yield ["--context", CONTEXT, "--kubeconfig", str(path)]
        finally:
            process.terminate()


def main() -> None:
    """Serve for ever."""
    proxy = Faulty(Path(sys.argv[1]), sys.argv[2])
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            client, _ = listening.accept()
            threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
