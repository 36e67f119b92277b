"""The echo under wrk: 200 connections for some seconds, without an error and in little memory."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from probes.compose import SECRET_HEADER
from probes.secret import opening

SECONDS, CONNECTIONS = 10, 200
ADDRESS = "127.0.0.1"
MOST = 30 * 1024
"""Kilobytes of memory that the echo may take."""


def lines() -> Iterator[str]:
    """What became of it, in a line."""
    if shutil.which("wrk") is None:
        yield "wrk is not installed: apt-get install wrk"
        return
    with socket.create_server((ADDRESS, 0)) as held:
        port = held.getsockname()[1]
    secret = secrets.token_hex(16)
    environment = os.environ | {"KONGIP_SECRET": secret, "KONGIP_PORT": str(port), "KONGIP_DEADLINE": "120"}
    with subprocess.Popen([sys.executable, "-m", "echo_server"], env=environment) as echo:
        try:
            _await(port)
            command = ["wrk", "-t", "2", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--latency"]
            command += ["-H", f"{SECRET_HEADER}: {opening(secret)}", f"http://{ADDRESS}:{port}/kongip/0123456789abcdef"]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            memory = _most_memory(echo.pid)
        finally:
            echo.terminate()
    rate = re.search(r"Requests/sec:\s+(\S+)", told)
    late = re.search(r"99%\s+(\S+)", told)
    errors = re.search(r"(Socket errors: .*|Non-2xx.*)", told)
    yield (
        f"The echo under `wrk` with {CONNECTIONS} connections for {SECONDS} s: {rate[1] if rate else '?'} requests a "
        f"second, p99 {late[1] if late else '?'}, {errors[1].strip() if errors else 'no error'}; "
        f"{memory / 1024:.1f} MiB at most (target: {MOST / 1024:.0f} MiB)."
    )


def _most_memory(pid: int) -> int:
    """The most memory that a process has held so far, in kB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmHWM")))


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the echo does not listen")
