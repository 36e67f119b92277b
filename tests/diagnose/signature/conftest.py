"""Real listeners and real fronts on loopback: nginx in every state of PROXY and TLS, HAProxy in front in every way."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.gateway.running import until

ADDRESS = "127.0.61.1"
"""Where all of it listens: nothing else does there."""

PROGRAMS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
TLS = Path(__file__).parents[2] / "data" / "tls"

LISTENERS = {
    f"{scheme}{'-proxy' if flag else ''}{'' if trusted else '-untrusted'}": (scheme, flag, trusted)
    for scheme, flag, trusted in product(("http", "https"), (False, True), (True, False))
    if flag or trusted
}
"""nginx as Kong's templates write it: TLS or not, PROXY header wanted or not, the peer trusted or not."""

FRONTS = {
    "tcp": ("tcp", "", ""),
    "sends-v1": ("tcp", "", "send-proxy"),
    "sends-v2": ("tcp", "", "send-proxy-v2"),
    "requires": ("tcp", "accept-proxy", ""),
    "requires-and-sends": ("tcp", "accept-proxy", "send-proxy"),
    "http": ("http", "", ""),
    "http-requires": ("http", "accept-proxy", ""),
    "http-sends": ("http", "", "send-proxy"),
}
"""HAProxy: its mode, words of its bind line, words of its server line."""


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The port of each listener of nginx, of each front before each, as ``front/listener``, and of what is no nginx."""
    nginx, haproxy = shutil.which("nginx", path=PROGRAMS), shutil.which("haproxy", path=PROGRAMS)
    if nginx is None or haproxy is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("nginx or haproxy is missing")
    folder = tmp_path_factory.mktemp("signature")
    ways = [f"{front}/{listener}" for front in FRONTS for listener in LISTENERS]
    made = _free_ports((*LISTENERS, *ways))
    both = folder / "both.pem"
    both.write_text((TLS / "kong.test.crt").read_text() + (TLS / "kong.test.key").read_text())
    (folder / "nginx.conf").write_text(_nginx(folder, made))
    (folder / "haproxy.cfg").write_text(_haproxy(both, made))
    with (
        subprocess.Popen([nginx, "-p", str(folder), "-e", "error.log", "-c", "nginx.conf"]) as listening,
        subprocess.Popen([haproxy, "-db", "-q", "-f", str(folder / "haproxy.cfg")]) as before,
    ):
        try:
            until(lambda: all(map(_open, made.values())), 20)
            yield made
        finally:
            listening.terminate()
            before.terminate()


def _free_ports(names: Iterable[str]) -> dict[str, int]:
    with contextlib.ExitStack() as held:
        servers = {name: held.enter_context(socket.create_server((ADDRESS, 0))) for name in names}
        return {name: int(server.getsockname()[1]) for name, server in servers.items()}


def _open(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((ADDRESS, port)) == 0


def _nginx(folder: Path, made: dict[str, int]) -> str:
    servers = []
    for name, (scheme, flag, trusted) in LISTENERS.items():
        words = " ".join(word for word in ("ssl" * (scheme == "https"), "proxy_protocol" * flag) if word)
        servers.append(
            f"server {{ listen {ADDRESS}:{made[name]} {words}; real_ip_header proxy_protocol; "
            f"set_real_ip_from {'127.0.0.0/8' if trusted else '192.0.2.0/24'}; "
            f"ssl_certificate {TLS}/kong.test.crt; ssl_certificate_key {TLS}/kong.test.key; "
            "location / { return 404; } }"
        )
    paths = "".join(f"{kind}_temp_path {kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (
        f"daemon off; master_process off; pid {folder}/pid; error_log error.log; events {{ }} "
        f"http {{ access_log off; {paths}{''.join(servers)} }}"
    )


def _haproxy(both: Path, made: dict[str, int]) -> str:
    lines = ["defaults", "    timeout connect 5s", "    timeout client 5s", "    timeout server 5s"]
    for front, (mode, bind, server) in FRONTS.items():
        for listener, (scheme, _, _) in LISTENERS.items():
            anew = mode == "http" and scheme == "https"
            lines += [
                f"listen {front}_{listener}",
                f"    mode {mode}",
                f"    bind {ADDRESS}:{made[f'{front}/{listener}']} {bind} {f'ssl crt {both}' if anew else ''}",
                f"    server nginx {ADDRESS}:{made[listener]} {server} {'ssl verify none' if anew else ''}",
            ]
    return "\n".join((*lines, ""))
