"""What reads bytes from outside, each as a function of bytes alone: only the exception that it documents may escape."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diagnose.admin_api import settings_in
from diagnose.capture import told
from diagnose.capture.files import CaptureFile, read_all
from diagnose.capture.ways import join
from diagnose.cluster.api import choose_context
from diagnose.cluster.caller import caller_in
from diagnose.cluster.entries import parse_url
from diagnose.cluster.log_lines import Complaints, Wanted, parse_access, parse_refused_preamble, split_stamp
from diagnose.cluster.prefix_files import ENVIRONMENT, NGINX
from diagnose.cluster.prefix_files import parse as parse_files
from diagnose.cluster.replies import Reply, exit_status, parsed, patience
from diagnose.errors import Stop
from diagnose.explain.evidence import observe_all
from diagnose.hosts import host_name
from diagnose.inspect.judge import judge
from diagnose.inspect.manifests import read_manifests
from diagnose.path.addresses import read_address, read_address_port
from diagnose.path.preface import read_preface
from diagnose.path.settings import Settings
from diagnose.report.harmless import harmless
from diagnose.site import Entry, EntryKind, Kong, Logs
from diagnose.what_if.rows import question_of
from echo_server import server
from probes.outcome import Answered, Sent
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target
from probes.relay import read_response, results
from probes.wire import proxy_protocol

SECRET = "0123456789abcdef"
TARGET = Target("192.0.2.10", 80, "http", "kong.test")
PROBE = Probe("aaaa1111", TARGET, "/kongip-x/aaaa1111", secret=SECRET)
PROXIED = Probe(
    "bbbb2222",
    TARGET,
    "/kongip-x/bbbb2222",
    preamble=Preamble.V1,
    claims=(Claim(PROXY_CHANNEL, "203.0.113.7"),),
    claimed_port=40001,
)
WANTED = Wanted.of([PROBE, PROXIED])
ENTRY = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "192.0.2.10", 80, "http")
KONGS = [Kong("kong/kong-0", "10.3.1.5", "n1", True, None, "a test")]


def log(data: bytes) -> None:
    """Kong's log, as the API server or a file gives it."""
    complaints = Complaints("kong/a", WANTED)
    for raw in data.split(b"\n"):
        stamp, line = split_stamp(raw.decode("utf-8", "replace"))
        complaints.take(line, stamp)
        parse_access("kong/a", line, WANTED)
        parse_refused_preamble("kong/a", line, stamp)


def echo_answer(data: bytes) -> None:
    """What came in the echo's place: a body, with the proof that it came of the echo, and without."""
    bodies = [data]
    said = parsed(data)
    if said is not None:
        said |= {"kongip": "echo/v1", "path": PROBE.path}
        said.pop("proof", None)
        bodies.append(json.dumps({**said, "proof": server.proof("another", json.dumps(said))}).encode())
    for body in bodies:
        sent = [(Sent(PROBE, Answered(200, (), body), "192.0.2.1"), ENTRY)]
        assert not observe_all(sent, Logs(), KONGS, SECRET)[0].echoed
    caller_in(data)


def echo_request(data: bytes) -> None:
    """What an echo is asked; its answer is one line of ASCII, whatever was asked."""
    head = server.parse_head(data + b"\r\n\r\n")
    if head is None:
        return
    known = [("X-Kongip-Secret", server.opening(SECRET))]
    for headers in (head[2], [*head[2], *known]):
        status, body = server.Echo(SECRET).reply((head[0], head[1], headers), "192.0.2.1")
        assert server.response(status, body).isascii()
        assert body.decode("ascii").isprintable()


def proxy_headers(data: bytes) -> None:
    """PROXY headers: ours read back what they write, and the model's agree with whatever comes."""
    read_preface(data, 4096)
    try:
        header, end = proxy_protocol.parse(data)
    except ValueError:
        return
    again, length = proxy_protocol.parse(proxy_protocol.encode(header))
    assert (again, end <= len(data), length > 0) == (header, True, True)


def admin(data: bytes) -> None:
    """The answer to GET / of an Admin API."""
    settings_in(parsed(data))


def settings(data: bytes) -> None:
    """Kong's settings as text, and its addresses."""
    text = data.decode("utf-8", "replace")
    read_address(text)
    read_address_port(text)
    listen, _, rest = text.partition("\n")
    trusted, _, header = rest.partition("\n")
    names = ("KONG_PROXY_LISTEN", "KONG_TRUSTED_IPS", "KONG_REAL_IP_HEADER")
    try:
        Settings.from_environment(dict(zip(names, (listen, trusted, header), strict=True)))
    except ValueError:
        return


def prefix_files(data: bytes) -> None:
    """The two files of Kong's prefix."""
    text = data.decode("utf-8", "replace")
    first, _, second = text.partition("\x00")
    parse_files(text, "kong:3.9")
    parse_files(f"==> /p/{ENVIRONMENT} <==\n{first}\n==> /p/{NGINX} <==\n{second}", "kong:3.9")


def api_answer(data: bytes) -> None:
    """What answers in the API server's place."""
    reply = Reply(200, data, {"Retry-After": data[:5].decode("latin-1")})
    assert reply.message
    assert 0 <= patience(reply, 2) <= 5
    exit_status(data)
    try:
        reply.object()
    except Stop:
        return


def response(data: bytes) -> None:
    """What a probe's connection gave, as the echo's pod hands it on."""
    read_response(data)
    read_response(data, closed=False)
    try:
        results(data.decode("utf-8", "replace"), [PROBE])
    except ValueError:
        return


def manifests(data: bytes) -> None:
    """Manifests, and what is found wrong in them."""
    with tempfile.NamedTemporaryFile(suffix=".yaml", dir=SHARED_MEMORY) as file:
        file.write(data)
        file.flush()
        try:
            found = read_manifests(file.name)
        except Stop:
            return
        judge(found.snapshot)


def capture(data: bytes) -> None:
    """A capture, and what is told of it."""
    with tempfile.NamedTemporaryFile(dir=SHARED_MEMORY) as file:
        file.write(data)
        file.flush()
        try:
            found, _ = read_all([CaptureFile(Path(file.name), None)])
        except Stop:
            return
    ways = join(found)
    for line in told.text(ways):
        assert harmless(line) == line, ascii(line)
    json.dumps(told.document(ways, 0))


def kubeconfig(data: bytes) -> None:
    """A kubeconfig, as far as its contexts are chosen from."""
    with tempfile.NamedTemporaryFile(dir=SHARED_MEMORY) as file:
        file.write(data)
        file.flush()
        try:
            choose_context(None, file.name)
        except Stop:
            return


def words(data: bytes) -> None:
    """Text of the user's, and text for a terminal."""
    text = data.decode("utf-8", "surrogateescape")
    assert harmless(text).isprintable() or not text.isprintable()
    for read in (host_name, parse_url):
        try:
            read(text)
        except (ValueError, Stop):
            continue
    try:
        question_of(data)
    except ValueError:
        return


SHARED_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True, slots=True)
class Reader:
    """A function of bytes, and examples of what it reads well."""

    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()


_ACCESS = b'198.51.100.9 - - [24/Nov/2025:10:00:00 +0000] "GET /kongip-x/aaaa1111 HTTP/1.1" 200 12 "-" "kongip"'
_ERROR = b'2025/11/24 10:00:00 [error] 1#0: *5 broken header: "GET /" while reading PROXY protocol, client: 10.0.0.1, x'
_SERVICE = b"""apiVersion: v1
kind: Service
metadata: {name: kong-proxy, namespace: kong, labels: {app.kubernetes.io/name: kong}}
spec: {type: LoadBalancer, selector: {app: kong}, ports: [{name: proxy, port: 80, targetPort: 8000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kong, namespace: kong}
spec:
  template:
    metadata: {labels: {app: kong}}
    spec: {containers: [{name: proxy, image: "kong:3.9", env: [{name: KONG_TRUSTED_IPS, value: 0.0.0.0/0}]}]}
"""
_ROOT = {
    "version": "3.9.1",
    "configuration": {
        "proxy_listen": ["0.0.0.0:8000"],
        "trusted_ips": {},
        "nginx_proxy_directives": [{"name": "real_ip_header", "value": "X-Real-IP"}],
        "nginx_http_directives": {},
    },
}
_SAID = {"kongip": "echo/v1", "peer": "10.3.1.5", "path": "/kongip-x/aaaa1111", "headers": [["X-Real-IP", "1.1.1.1"]]}
_CONF = (
    b"trusted_ips = 10.0.0.0/8\nproxy_listen = 0.0.0.0:8000\n\x00server {\n server_name kong;\n listen 0.0.0.0:8000;\n"
)
_SENT = {
    "outcome": "answered",
    "phase": "answer",
    "reason": "",
    "socket": None,
    "received": "",
    "started": 1,
    "seconds": 1,
}


def _captured(*segments: tuple[int, bytes]) -> bytes:
    """A pcap file of raw IP packets: TCP flags and a payload each."""
    file, sequence = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101), 1000
    for flags, payload in segments:
        tcp = struct.pack("!HHIIBBHHH", 40000, 8000, sequence, 0, 0x50, flags, 502, 0, 0) + payload
        packet = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(tcp), 7, 0, 64, 6, 0, bytes(range(8))) + tcp
        file += struct.pack("<IIII", 1, 0, len(packet), len(packet)) + packet
        sequence += len(payload) or 1
    return file


def _as_ng(pcap: bytes) -> bytes:
    """The first packet of a pcap file as a pcapng file."""
    size = int.from_bytes(pcap[32:36], "little")
    packet = pcap[40 : 40 + size] + bytes(-size % 4)
    blocks = [
        (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        (1, struct.pack("<HHI", 101, 0, 0)),
        (6, struct.pack("<IIIII", 0, 0, 0, size, size) + packet),
    ]
    return b"".join(
        struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body)) for kind, body in blocks
    )


_SYN, _PUSH = 0x02, 0x18
_PROXIED = _captured(
    (_SYN, b""), (_PUSH, b"PROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n"), (_PUSH, b"GET / HTTP/1.1\r\nVia: a\r\n\r\n")
)

TARGETS = {
    "log": Reader(
        log, (_ACCESS, _ACCESS + b' kong_request_id: "' + b"ab" * 16 + b'"', _ERROR, b'{"client_ip": "1.1.1.1"}')
    ),
    "echo_answer": Reader(echo_answer, (json.dumps(_SAID).encode(),)),
    "echo_request": Reader(echo_request, (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1",)),
    "proxy_headers": Reader(
        proxy_headers,
        (
            b"PROXY TCP4 203.0.113.7 198.51.100.1 40001 443\r\n",
            b"PROXY UNKNOWN\r\n",
            proxy_protocol.SIGNATURE + b"\x21\x11\x00\x0c" + bytes(12),
            proxy_protocol.SIGNATURE + b"\x21\x21\x00\x27" + bytes(36) + b"\x04\x00\x00",
        ),
    ),
    "admin": Reader(admin, (json.dumps(_ROOT).encode(),)),
    "settings": Reader(settings, (b"0.0.0.0:8000 proxy_protocol, [::]:8443 ssl\n10.0.0.0/8,::/0\nX-Forwarded-For",)),
    "prefix_files": Reader(prefix_files, (_CONF + b" set_real_ip_from 10.0.0.0/8;\n location / {}\n}",)),
    "api_answer": Reader(
        api_answer, (b'{"kind":"Status","message":"no","details":{"causes":[{"reason":"ExitCode"}]}}',)
    ),
    "response": Reader(response, (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", json.dumps(_SENT).encode())),
    "manifests": Reader(manifests, (_SERVICE, b'{"kind": "List", "apiVersion": "v1", "items": []}')),
    "capture": Reader(capture, (_PROXIED, _as_ng(_PROXIED), _captured((_SYN, b"\x16\x03\x01" + bytes(50))))),
    "kubeconfig": Reader(kubeconfig, (b"contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a\n",)),
    "words": Reader(words, (b"https://kong.example:8443", b'{"peer": "10.0.0.1", "trusted_ips": "10.0.0.0/8"}')),
}
