"""A Kong outside Kubernetes on loopback: the gateway stand-in with real log files, HAProxy before it, the real echo.

The caller is 127.0.0.1, as the kernel has it. HAProxy connects from its own address, as one on a machine of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway import proxy
from tests.gateway.nginx import Files
from tests.gateway.routes import PathMatch, Route, as_lua
from tests.gateway.running import Log, until

CALLER = "127.0.0.1"
BALANCER = "127.0.60.2"
KONG = "127.0.60.3"
ECHO_PATH = "/kongip-echo"
SECRET = "0123456789abcdef0123456789abcdef"
PATIENCE = 20.0
"""Seconds that a process is given to start on a machine that has other things to do."""

PATIENCE = 20.0
"""Seconds that a process is given to start on a machine that has other things to do."""

ROOT = Path(__file__).resolve().parents[3]


def why_no_haproxy() -> str | None:
    """Say why this machine has no balancer, or None where it has."""
    return None if shutil.which("haproxy") else "HAProxy is missing (Debian: haproxy)"


def free_port(address: str) -> int:
    """Return a TCP port of ``address`` that nobody uses now."""
    with socket.create_server((address, 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Kong:
    """A running stand-in: its port, its files, and its process."""

    port: int
    files: Files
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://{KONG}:{self.port}"

    def reopen_logs(self) -> None:
        """Have its logs opened anew, as log rotation does, and wait until they are."""
        self.process.send_signal(signal.SIGUSR1)
        until(self.files.access_log.exists, PATIENCE)


@contextlib.contextmanager
def kong(folder: Path, settings: Mapping[str, str] | None = None, flags: str = "", echo: int = 0) -> Iterator[Kong]:
    """Run the stand-in with these KONG_* settings; ``echo`` is the port of the echo that a route leads to."""
    port = free_port(KONG)
    files = Files(folder, folder / "routes.lua", folder / "access.log", folder / "error.log")
    routed = [Route(None, ECHO_PATH, PathMatch.SEGMENTS, False, ((CALLER, echo),))] if echo else []
    files.routes.write_text(as_lua(routed))
    environment = {"KONG_PROXY_LISTEN": f"{KONG}:{port} {flags}".strip(), **(settings or {})}
    process = subprocess.Popen(proxy.prepare(environment, files), stderr=subprocess.DEVNULL)
    try:
        errors = Log(files.error_log)
        until(
            lambda: files.error_log.exists() and any("start worker process " in line for line in errors.fresh()),
            PATIENCE,
        )
        yield Kong(port, files, process)
    finally:
        process.terminate()
        process.wait(5)


@contextlib.contextmanager
def haproxy(folder: Path, server: int, *, mode: str = "tcp", flags: str = "", options: str = "") -> Iterator[str]:
    """Run HAProxy before Kong's port; yields the URL that callers use."""
    port = free_port(BALANCER)
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        f"""\
defaults
    mode {mode}
    timeout connect 2s
    timeout client 10s
    timeout server 10s
listen kong
    bind {BALANCER}:{port}
    {options}
    source {BALANCER}
    server kong {KONG}:{server} {flags}
"""
    )
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(configuration)])
    try:
        until(lambda: _listens(BALANCER, port), PATIENCE)
        yield f"http://{BALANCER}:{port}"
    finally:
        process.terminate()
        process.wait(5)


@contextlib.contextmanager
def echo(secret: str = SECRET) -> Iterator[int]:
    """Run the echo as its user does; yields its port."""
    for _ in range(3):  # it listens on every address, and a connection of somebody's may have taken the port meanwhile
        port = free_port(CALLER)
        environment = os.environ | {"KONGIP_SECRET": secret, "KONGIP_PORT": str(port)}
        process = subprocess.Popen([sys.executable, "-m", "echo_server"], cwd=ROOT, env=environment)
        until(lambda: process.poll() is not None or _listens(CALLER, port), PATIENCE)  # noqa: B023  # at once
        if process.poll() is None:
            break
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex((address, port)) == 0


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: its exit status, its report (None when it printed none), and its standard error."""

    status: int
    report: Any
    errors: str

    @property
    def verdict(self) -> tuple[str, set[tuple[str, str]], int]:
        """Verdict, culprits by layer and certainty, and exit status."""
        culprits = {(one["layer"], one["certainty"]) for one in self.report["culprits"]}
        return self.report["verdict"], culprits, self.status

    @property
    def codes(self) -> set[str]:
        return {finding["code"] for finding in self.report["findings"]}

    def because(self, code: str) -> str:
        """What one finding says of its reasons."""
        found = next(one for one in self.report["findings"] if one["code"] == code)
        return "; ".join(found["because"])


def command(*arguments: str) -> list[str]:
    """The command line of a run of few connections; the balancer's address is told, as loopback needs."""
    known = ["--owner", f"{BALANCER}/32=load_balancer", "--connections", "4", "--probe-timeout", "2"]
    return [sys.executable, "-m", "diagnose", "diagnose", "--output", "json", "--quiet", *known, *arguments]


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "KONGIP_SECRET": SECRET, **(variables or {})}


def diagnose(*arguments: str, variables: Mapping[str, str] | None = None) -> Run:
    """Run ``kongip diagnose`` with JSON output and these further arguments, of a caller that is known."""
    return run(command("--caller-ip", CALLER, *arguments), variables)


def run(words: Sequence[str], variables: Mapping[str, str] | None = None) -> Run:
    """Run a command of kongip's to its end."""
    result = subprocess.run(
        words, cwd=ROOT, env=environment(variables), capture_output=True, text=True, check=False, timeout=120
    )
    return Run(result.returncode, json.loads(result.stdout) if result.stdout.startswith("{") else None, result.stderr)
