"""The gateway on loopback, outside Kubernetes: nginx with given settings, and a backend that shows what reached it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.gateway import proxy
from tests.gateway.nginx import MODULES, Files
from tests.gateway.routes import PathMatch, Route, as_lua

LUA_MODULE = MODULES / "ngx_http_lua_module.so"
SECONDS = 10.0


def why_not() -> str | None:
    """Say why this machine cannot run the gateway, or None where it can."""
    if not Path(proxy.NGINX).exists() or not LUA_MODULE.exists():
        return "nginx or its Lua module is missing (Debian: nginx-light, libnginx-mod-http-lua)"
    return None


def free_port() -> int:
    """Return a TCP port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until a condition holds; TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the condition did not come about")
        time.sleep(0.005)


@dataclass(slots=True)
class Log:
    """A log file that grows; each call of `fresh` hands out what came since the last one."""

    path: Path
    offset: int = 0

    def fresh(self) -> list[str]:
        """Return the whole lines written since the last call."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            whole, _, _ = file.read().rpartition(b"\n")
        self.offset += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()

    def awaited(self, text: str = "", seconds: float = SECONDS) -> str:
        """Return the first line from here on that holds this text, once it is written; TimeoutError when none comes."""
        lines: list[str] = []

        def written() -> bool:
            lines.extend(line for line in self.fresh() if text in line)
            return bool(lines)

        until(written, seconds)
        return lines[0]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway's two logs."""

    access: Log
    errors: Log


@contextlib.contextmanager
def gateway(folder: Path, environment: Mapping[str, str], backend: int) -> Iterator[Gateway]:
    """Run nginx with these KONG_* settings, every path routed to the backend's port."""
    files = Files(folder, folder / "routes.lua", folder / "access.log", folder / "error.log")
    files.routes.write_text(as_lua([Route(None, "/", PathMatch.SEGMENTS, False, (("127.0.0.1", backend),))]))
    process = subprocess.Popen(proxy.prepare(environment, files), stderr=subprocess.DEVNULL)
    try:
        # Not by connecting: on a listener for TLS and PROXY that alone is worth a line in the error log.
        errors = Log(files.error_log)
        until(lambda: files.error_log.exists() and any("start worker process " in line for line in errors.fresh()))
        yield Gateway(Log(files.access_log), errors)
    finally:
        process.terminate()
        process.wait(SECONDS)


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend's port, and the headers of the requests that it has had, newest last."""

    port: int
    requests: list[list[tuple[str, str]]]


@contextlib.contextmanager
def backend() -> Iterator[Backend]:
    """Run a backend on loopback that answers 200 and keeps the headers of every request, however many they are."""
    requests: list[list[tuple[str, str]]] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if not self.rfile.readline():
                return
            lines = iter(lambda: self.rfile.readline().rstrip(b"\r\n"), b"")
            pairs = (line.decode("latin-1").partition(":") for line in lines)
            requests.append([(name, value.removeprefix(" ")) for name, _, value in pairs])
            self.wfile.write(b"HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Backend(server.server_address[1], requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
