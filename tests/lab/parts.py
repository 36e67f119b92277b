"""The parts on the way, each a real program in a namespace: HAProxy, nginx, the gateway stand-in, the real echo."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.gateway import proxy
from tests.gateway.nginx import MODULES, Files
from tests.gateway.routes import PathMatch, Route, as_lua
from tests.lab.network import EDGE, FAMILIES, NODE_PORTS, NODES, POD, PORTS, PUBLISHED, Network, table
from tests.lab.scenario import Proxy

ROOT = Path(__file__).resolve().parents[2]
SECRET = "0123456789abcdef0123456789abcdef"
ECHO_PATH = "/kongip-echo"
ECHO_PORT = 8080
HAPROXY = ("haproxy", "-db", "-q", "-f")
ADMIN_PORT = 8001
PATIENCE = 20.0
LISTEN = "0.0.0.0:8000, [::]:8000, 0.0.0.0:8443 http2 ssl, [::]:8443 http2 ssl"
"""As charts/kong has it."""


@dataclass(frozen=True, slots=True)
class Kong:
    """A running stand-in: where its logs are."""

    files: Files


@contextlib.contextmanager
def running(
    network: Network, place: str, words: Sequence[str], ready: Callable[[], bool], **more: str
) -> Iterator[None]:
    """A program at a place, from when it is ready on; the kernel ends it with this process."""
    command = ["setpriv", "--pdeathsig", "KILL", *network.inside(place), *words]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stderr=said)
        try:
            end = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    raise RuntimeError(f"{words[0]} at {place} did not come up: {said.read()}")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(5)


def listens(network: Network, place: str, port: int) -> Callable[[], bool]:
    """Whether something listens on a TCP port at a place; nothing is connected to."""
    wanted = f":{port:04X} "

    def there() -> bool:
        tables = network.run(place, "cat", "/proc/net/tcp", "/proc/net/tcp6")
        return any(wanted in line and " 0A " in line for line in tables.splitlines())

    return there


@contextlib.contextmanager
def kong(network: Network, folder: Path, settings: Mapping[str, str], *, key: bool) -> Iterator[Kong]:
    """The stand-in with these KONG_* settings, and a route to the echo, which wants a ``key`` or not."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder, folder / "routes.lua", folder / "access.log", folder / "error.log")
    route = Route(None, ECHO_PATH, PathMatch.SEGMENTS, False, (("127.0.0.1", ECHO_PORT),), key)
    files.routes.write_text(as_lua([route]))
    files.access_log.touch()  # it is there from before, even where Kong has been told to write none
    command = proxy.prepare({"KONG_PROXY_LISTEN": LISTEN, **settings}, files)

    def started() -> bool:
        return files.error_log.exists() and "start worker process " in files.error_log.read_text("utf-8", "replace")

    with running(network, "pod", command, started):
        yield Kong(files)


@contextlib.contextmanager
def shipped(network: Network, log: Path, form: str) -> Iterator[Path]:
    """What ships Kong's access log elsewhere: as JSON, or two seconds late; yields the file where it arrives."""
    target = log.with_suffix(f".{form}")
    words = [sys.executable, "-m", "tests.lab.shipper", str(log), str(target), form]
    with running(network, "pod", words, target.exists):
        yield target


@contextlib.contextmanager
def echo(network: Network) -> Iterator[None]:
    """The real echo, beside Kong."""
    words = [sys.executable, "-m", "echo_server"]
    with running(
        network, "pod", words, listens(network, "pod", ECHO_PORT), KONGIP_SECRET=SECRET, KONGIP_PORT=str(ECHO_PORT)
    ):
        yield


@contextlib.contextmanager
def admin(network: Network, settings: Mapping[str, str]) -> Iterator[str]:
    """The fake of Kong's Admin API, which tells these settings; yields its URL."""
    variables = {"KONG_PROXY_LISTEN": LISTEN, **settings}
    words = [sys.executable, "-m", "tests.lab.admin", str(ADMIN_PORT)]
    with running(network, "pod", words, listens(network, "pod", ADMIN_PORT), **variables):
        yield f"http://{POD[4]}:{ADMIN_PORT}"


@contextlib.contextmanager
def captured(network: Network, place: str, file: Path) -> Iterator[None]:
    """All packets that pass a place, written to a file as they come; the buffer is for some hundreds of that size."""
    words = [
        "tcpdump",
        "-q",
        "-p",
        "-n",
        "-U",
        "--immediate-mode",
        "-s",
        "16384",
        "-B",
        "16384",
        "-Z",
        "root",
        "-i",
        "any",
        "-w",
        str(file),
        "tcp",
    ]
    with running(network, place, words, lambda: file.exists() and file.stat().st_size > 0):
        yield


SIDECAR_PORT = 15006


@contextlib.contextmanager
def sidecar(network: Network, folder: Path, address: str) -> Iterator[None]:
    """What a mesh puts into Kong's pod: IPv4 connections to it are redirected, and handed on from ``address``."""
    ports = {SIDECAR_PORT + index: port for index, port in enumerate(PORTS.values())}
    rules = [f"-A PREROUTING -p tcp --dport {port} -j REDIRECT --to-ports {own}" for own, port in ports.items()]
    listens_on = (
        f"listen {port}\n    bind 0.0.0.0:{own}\n    server kong 127.0.0.1:{port} source {address}"
        for own, port in ports.items()
    )
    file = folder / "sidecar.conf"
    file.write_text("\n".join((_defaults("tcp"), *listens_on, "")))
    network.run("pod", "iptables-restore", text=table(rules))
    try:
        with running(network, "pod", [*HAPROXY, str(file)], listens(network, "pod", SIDECAR_PORT)):
            yield
    finally:
        network.run("pod", "iptables-restore", text=table(()))


@contextlib.contextmanager
def edge(network: Network, folder: Path, made: Proxy) -> Iterator[None]:
    """A proxy that leads to the published address."""
    with _proxy(
        network,
        "edge",
        folder,
        made,
        EDGE,
        {family: (PUBLISHED[family], {port: port for port in PORTS}) for family in FAMILIES},
    ):
        yield


@contextlib.contextmanager
def balancer(network: Network, folder: Path, made: Proxy, nodes: Mapping[int, str]) -> Iterator[None]:
    """A proxy on the published address, which leads to a node of each family."""
    targets = {family: (NODES[nodes[family]][family], NODE_PORTS) for family in FAMILIES}
    second = {family: (NODES[made.second_at][family], NODE_PORTS) for family in FAMILIES} if made.second_at else None
    with _proxy(network, "balancer", folder, made, PUBLISHED, targets, second):
        yield


Targets = Mapping[int, tuple[str, Mapping[int, int]]]


@contextlib.contextmanager
def _proxy(
    network: Network,
    place: str,
    folder: Path,
    made: Proxy,
    own: Mapping[int, str],
    targets: Targets,
    second: Targets | None = None,
) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    write, start = _PROGRAMS[made.program]
    file = folder / f"{place}.conf"
    file.write_text(write(made, own, targets, second or targets, folder))
    with running(network, place, [*start, str(file)], listens(network, place, 80)):
        yield


def _servers(made: Proxy, targets: Targets) -> Iterator[tuple[int, int, str, bool, bool]]:
    """Family and port, where it leads to, whether TLS ends here, and whether it is made anew."""
    for family in FAMILIES:
        address, ports = targets[family]
        shown = f"[{address}]" if family == 6 else address
        for port in PORTS:
            ends, anew = port == 443 and made.tls != "pass", port == 443 and made.tls == "again"
            target = ports[80] if ends and not anew else ports[port]
            yield family, port, f"{shown}:{target}", ends, anew


def haproxy(made: Proxy, own: Mapping[int, str], targets: Targets, others: Targets, folder: Path) -> str:
    """HAProxy's configuration; ``others`` are the second servers' targets."""
    parts = [_defaults(made.mode)]
    seconds = (target for _, _, target, _, _ in _servers(made, others))
    for (family, port, target, ends, anew), second in zip(_servers(made, targets), seconds, strict=True):
        bind = ("ssl", "crt", str(certificate()), *made.bind) if ends else made.bind
        server = ("ssl", "verify", "none", *made.server) if anew else made.server
        mode = "tcp" if port == 443 and not ends else made.mode
        parts.append(
            "\n".join(
                (
                    f"listen v{family}-{port}",
                    f"    mode {mode}",
                    f"    bind {own[family]}:{port} {' '.join(bind)}",
                    *(
                        f"    {line}"
                        for line in made.lines
                        if mode == made.mode or not line.startswith(("option", "http"))
                    ),
                    f"    server kong {target} {' '.join(server)}",
                    *(() if made.second is None else (f"    server second {second} {' '.join(made.second)}",)),
                )
            )
        )
    return "\n".join((*parts, ""))


def _defaults(mode: str) -> str:
    return (
        f"defaults\n    mode {mode}\n    timeout connect 2s\n    timeout client 10s\n    timeout server 10s\n"
        "    retries 1"
    )


def nginx(made: Proxy, own: Mapping[int, str], targets: Targets, others: Targets, folder: Path) -> str:
    """nginx's configuration, of its stream module or of its http one."""
    http = made.program == "nginx-http"
    servers = []
    for family, port, target, ends, anew in _servers(made, targets):
        shown = f"[{own[family]}]" if family == 6 else own[family]
        listen = " ".join((f"listen {shown}:{port}", *(("ssl",) if ends else ()), *made.bind))
        keys = f"ssl_certificate {certificate()}; ssl_certificate_key {certificate()};" if ends else ""
        if http and not (port == 443 and not ends):
            passing = f"location / {{ proxy_pass http{'s' if anew else ''}://{target}; proxy_http_version 1.1; }}"
        elif http:
            continue  # what ends HTTP cannot pass TLS through
        else:
            passing = f"proxy_pass {target};{' proxy_ssl on;' if anew else ''}"
        servers.append(f"    server {{ {listen}; {keys} {' '.join(made.lines)} {passing} }}")
    kind = "http" if http else "stream"
    quiet = "access_log off; client_body_temp_path . ; proxy_temp_path .;" if http else ""
    module = "" if http else f"load_module {MODULES}/ngx_stream_module.so;"
    return "\n".join(
        (
            module,
            "daemon off; user root; worker_processes 1;",
            f"pid {folder}/{kind}.pid; error_log stderr error;",
            "events { worker_connections 512; }",
            f"{kind} {{ {quiet}",
            *servers,
            "}",
            "",
        )
    )


def why_no_stream() -> str | None:
    """Say why nginx cannot copy bytes here, or None where it can."""
    there = (MODULES / "ngx_stream_module.so").exists()
    return None if there else "nginx's stream module is missing (Debian: libnginx-mod-stream)"


@cache
def certificate() -> Path:
    """A certificate and its key in one file, made once."""
    folder = Path(tempfile.mkdtemp(prefix="kongip-lab-"))
    both = folder / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -config /dev/null -subj /CN=lab"
    files = f"-keyout {folder}/key.pem -out {folder}/cert.pem"
    subprocess.run(["openssl", *words.split(), *files.split()], check=True, capture_output=True)
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


Write = Callable[[Proxy, Mapping[int, str], Targets, Targets, Path], str]
_NGINX = (proxy.NGINX, "-e", "stderr", "-c")
_PROGRAMS: dict[str, tuple[Write, tuple[str, ...]]] = {
    "haproxy": (haproxy, HAPROXY),
    "nginx-stream": (nginx, _NGINX),
    "nginx-http": (nginx, _NGINX),
}
