"""The echo as a process of its own, over real sockets: what it tells, whom, and how it ends."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_server import server
from echo_server.server import CONNECTIONS_LIMIT, HEAD_LIMIT, HEADERS_LIMIT, Echo, parse_head
from probes.secret import is_proven, opening

ROOT = Path(__file__).parents[2]
SECRET = "5ec3e7"
OPENING = server.opening(SECRET)
KNOWS = ("X-Kongip-Secret", OPENING)
WAIT = 20.0  # seconds after which an echo that does not do what it should is given up


@dataclass(frozen=True)
class Reply:
    """One response: its status, its headers by name in small letters, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The document in the body."""
        told: dict[str, Any] = json.loads(self.body)
        return told


def read_reply(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    assert first.startswith("HTTP/1.1 ")
    fields = (line.split(": ", 1) for line in lines)
    reply = Reply(int(first.split()[1]), {name.lower(): value for name, value in fields}, body)
    assert reply.headers.get("content-length", "0") == str(len(body))
    return reply


def free_port() -> int:
    with socket.socket(socket.AF_INET6) as bound:
        bound.bind(("::", 0))
        port: int = bound.getsockname()[1]
        return port


def rest(connection: socket.socket) -> bytes:
    """All that comes up to the close, which is a reset where bytes were left unread."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


@dataclass(frozen=True)
class Running:
    """An echo that runs, and the port it listens on."""

    process: subprocess.Popen[str]
    port: int

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((address, self.port), WAIT)

    def raw(self, data: bytes, address: str = "127.0.0.1") -> bytes:
        """All that comes back for ``data``, up to the close."""
        with self.connect(address) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            return rest(connection)

    def ask(
        self, headers: Sequence[tuple[str, str]] = (KNOWS,), path: str = "/n0nce", method: str = "GET", **more: str
    ) -> Reply:
        return read_reply(self.raw(request(headers, path, method), **more))


def request(headers: Sequence[tuple[str, str]], path: str = "/n0nce", method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


@contextlib.contextmanager
def echo(command: Sequence[str] = ("-m", "echo_server"), folder: Path = ROOT, **variables: str) -> Iterator[Running]:
    """An echo started with ``command``, awaited until it listens, and ended with SIGTERM if it still runs."""
    port = free_port()
    told = {"KONGIP_SECRET": SECRET, "KONGIP_PORT": str(port), "PATH": os.environ["PATH"], **variables}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=folder, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    running = Running(process, port)
    with process:
        try:
            await_listening(running)
            yield running
        finally:
            process.terminate()
            try:
                said, complained = process.communicate(timeout=WAIT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert (said, complained) == ("", "")


def await_listening(running: Running) -> None:
    end = time.monotonic() + WAIT
    while time.monotonic() < end and running.process.poll() is None:
        try:
            running.connect().close()
        except ConnectionRefusedError:
            time.sleep(0.01)  # nothing tells from outside when a port is taken; the condition is asked again
        else:
            return
    raise AssertionError("the echo does not listen")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with echo(KONGIP_POD="echo-1") as made:
        yield made


def test_tells_what_reached_it_to_one_who_knows_the_secret(running: Running) -> None:
    reply = running.ask([("Host", "kong.test"), KNOWS, ("X-Real-IP", "192.0.2.1")], "/kongip/n0nce?a=%20b")
    assert reply.status == 200
    told = reply.told
    proof = told.pop("proof")
    assert is_proven(SECRET, proof, json.dumps(told))
    assert told == {
        "kongip": "echo/v1",
        "peer": "127.0.0.1",
        "method": "GET",
        "path": "/kongip/n0nce?a=%20b",
        "headers": [["Host", "kong.test"], ["X-Real-IP", "192.0.2.1"]],
        "pod": "echo-1",
    }


def test_its_answer_is_kept_by_nobody_and_taken_for_nothing_else(running: Running) -> None:
    headers = running.ask().headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["connection"] == "close"


def test_runs_as_a_single_file_far_from_the_rest(tmp_path: Path) -> None:
    shutil.copy(ROOT / "echo_server" / "server.py", tmp_path)
    with echo(("-I", "server.py"), tmp_path) as alone:
        told = alone.ask().told
    assert (told["path"], told["pod"]) == ("/n0nce", None)


def test_order_repetition_and_spelling_of_headers_are_kept(running: Running) -> None:
    sent = [
        ("X-B", "1"),
        ("x-a", "2"),
        ("X-b", "3"),
        ("X-B", ""),
        ("X_A", "4"),
        ("X-Forwarded-For", "a, b"),
        ("X-B", "1"),
    ]
    assert running.ask([*sent[:3], KNOWS, *sent[3:]]).told["headers"] == [list(pair) for pair in sent]


def test_blanks_around_a_value_are_not_part_of_it_and_other_bytes_are(running: Running) -> None:
    values = [" \t a b \t", "\xa0a\x85", "caf\xe9", "\x0ba\x1c"]
    told = running.ask([KNOWS, *(("X-A", value) for value in values)]).told
    assert [value for _, value in told["headers"]] == ["a b", *values[1:]]


def test_what_opens_it_is_made_of_the_secret_as_those_who_ask_make_it() -> None:
    assert opening(SECRET) == OPENING
    assert SECRET not in OPENING


def test_an_answer_that_was_altered_is_not_its_own(running: Running) -> None:
    told = running.ask([KNOWS, ("X-Real-IP", "192.0.2.1")]).told
    proof = told.pop("proof")
    assert is_proven(SECRET, proof, json.dumps(told))
    assert not is_proven(OPENING, proof, json.dumps(told))
    assert not is_proven(SECRET, proof, json.dumps(told | {"headers": [["X-Real-IP", "192.0.2.2"]]}))


def test_the_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return given == wanted

    monkeypatch.setattr("echo_server.server.hmac.compare_digest", compare)
    Echo(SECRET).reply(("GET", "/", [("X-Kongip-Secret", "wrong")]), "192.0.2.1")
    assert compared == [(b"wrong", OPENING.encode())]


def test_the_secret_is_never_told(running: Running) -> None:
    for name in ("X-Kongip-Secret", "x-kongip-secret", "X-KONGIP-SECRET"):
        reply = running.ask([(name, OPENING), ("X-A", "1")])
        assert reply.told["headers"] == [["X-A", "1"]]
        assert SECRET.encode() not in reply.body
        assert OPENING.encode() not in reply.body


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Kongip-Secret", "")],
        [("X-Kongip-Secret", SECRET)],
        [("X-Kongip-Secret", server.opening("5ec3e8"))],
        [("X-Kongip-Secret", OPENING[:-1])],
        [("X-Kongip-Secret", OPENING.upper())],
        [("X-Kongip-Secret", OPENING + "\xe9")],
        [("X-Kongip-Secret", f"{OPENING}, {OPENING}")],
        [("X_Kongip_Secret", OPENING)],
        [KNOWS, KNOWS],
        [KNOWS, ("x-kongip-secret", "other")],
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_anyone_else_is_told_nothing(running: Running, headers: list[tuple[str, str]], method: str) -> None:
    reply = running.ask([("Host", "kong.test"), *headers], method=method)
    assert (reply.status, reply.body) == (404, b"")


@pytest.mark.parametrize("headers", [[], [KNOWS]])
def test_readiness_needs_no_secret_and_tells_nothing(running: Running, headers: list[tuple[str, str]]) -> None:
    reply = running.ask(headers, "/kongip-ready")
    assert (reply.status, reply.body) == (204, b"")


def test_readiness_is_one_path_exactly(running: Running) -> None:
    assert running.ask([], "/kongip-ready/").status == 404
    assert running.ask([], "/kongip-ready", "POST").status == 404


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "get"])
def test_only_get_is_answered(running: Running, method: str) -> None:
    reply = running.ask(method=method)
    assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET http://kong.test/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: nameless\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: 1\r\n folded: 2\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n\r\n",
        b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so_without_its_bytes(running: Running, data: bytes) -> None:
    reply = read_reply(running.raw(data))
    assert (reply.status, reply.body) == (400, b"")


def test_a_head_cut_short_is_no_request(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: kong.test\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert read_reply(rest(connection)).status == 400


def test_a_head_that_drips_is_a_request(running: Running) -> None:
    with running.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request([KNOWS]):
            connection.sendall(bytes([byte]))
        assert read_reply(rest(connection)).status == 200


def test_a_body_is_not_waited_for_nor_told(running: Running) -> None:
    reply = read_reply(running.raw(request([KNOWS, ("Content-Length", "9000")]) + b"b0dy"))
    assert reply.status == 200
    assert b"b0dy" not in reply.body


def test_a_head_beyond_the_limit_is_too_large(running: Running) -> None:
    empty = len(request([KNOWS, ("X-A", "")]))
    fits = running.ask([KNOWS, ("X-A", "a" * (HEAD_LIMIT - empty))])
    assert fits.status == 200
    assert running.ask([KNOWS, ("X-A", "a" * HEAD_LIMIT)]).status == 431


def test_a_head_that_never_ends_is_too_large(running: Running) -> None:
    assert read_reply(running.raw(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 3 * HEAD_LIMIT)).status == 431


def test_too_many_headers_are_too_large(running: Running) -> None:
    assert running.ask([KNOWS, *[("X-A", "1")] * (HEADERS_LIMIT - 1)]).status == 200
    assert running.ask([KNOWS, *[("X-A", "1")] * HEADERS_LIMIT]).status == 431


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_listens_on_both_families_and_names_its_peer(running: Running, address: str) -> None:
    reply = read_reply(running.raw(request([KNOWS]), address))
    assert reply.told["peer"] == address


@pytest.mark.parametrize(("peer", "told"), [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1")])
def test_a_mapped_peer_is_named_by_its_ipv4_address(peer: str, told: str) -> None:
    _, body = Echo(SECRET).reply(("GET", "/", [KNOWS]), peer)
    assert json.loads(body)["peer"] == told


def test_hundreds_that_say_nothing_keep_nobody_out(running: Running) -> None:
    with contextlib.ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(running.connect())
        assert running.ask().status == 200


def test_beyond_its_limit_those_that_have_waited_longest_make_room() -> None:
    with echo() as busy, contextlib.ExitStack() as idle:
        waiting = [idle.enter_context(busy.connect()) for _ in range(CONNECTIONS_LIMIT)]
        for _ in range(3):
            assert busy.ask().status == 200
        assert rest(waiting[0]) == b""
        waiting[-1].sendall(request([KNOWS]))
        assert read_reply(rest(waiting[-1])).status == 200


KNOWN = b"X-Kongip-Secret: " + OPENING.encode()
HOSTILE = b"<script>\x1b]0;\x07\xff\x00\"'\\"


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + HOSTILE + b" HTTP/1.1\r\nX-A: " + HOSTILE + b"\r\n" + KNOWN + b"\r\n\r\n",
        b"GET /" + HOSTILE + b" HTTP/1.1\r\nX-A: " + HOSTILE + b"\r\n\r\n",
        HOSTILE + b" / HTTP/1.1\r\nX-Kongip-Secret: " + OPENING.encode() + b"\r\n\r\n",
        HOSTILE + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOSTILE + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Kongip-Secret: " + HOSTILE + b"\r\n\r\n",
    ],
)
def test_nothing_is_given_back_but_as_text_of_a_document(running: Running, data: bytes) -> None:
    received = running.raw(data)
    reply = read_reply(received)
    if reply.status == 200:
        assert reply.told["path"] == "/" + HOSTILE.decode("latin-1")
        assert reply.told["headers"] == [["X-A", HOSTILE.decode("latin-1")]]
    else:
        assert reply.body == b""
    assert received.isascii()
    assert not {0x00, 0x07, 0x1B} & set(received)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.text(st.characters(codec="latin-1")), st.text(st.characters(codec="latin-1"))), max_size=3),
    st.text(st.characters(codec="latin-1")),
)
def test_whatever_a_head_holds_the_reply_is_clean(headers: list[tuple[str, str]], path: str) -> None:
    status, body = Echo(SECRET).reply(("GET", "/" + path, [KNOWS, *headers]), "192.0.2.1")
    if status == 200:
        assert body.isascii()
        assert body.decode().isprintable()
        assert json.loads(body)["path"] == "/" + path
    else:
        assert body == b""


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_none(data: bytes) -> None:
    head = parse_head(data + b"\r\n\r\n")
    assert head is None or head[1].startswith("/")


IMPATIENT = "from echo_server import server; server.PATIENCE = 0.05; server.main()"


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nX-Kongip-Secret: " + OPENING.encode() + b"\r\n"])
def test_a_head_that_does_not_end_in_time_is_given_up(begun: bytes) -> None:
    with echo(("-c", IMPATIENT)) as impatient, impatient.connect() as connection:
        connection.sendall(begun)
        reply = read_reply(rest(connection))
    assert (reply.status, reply.body) == (408, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    with echo() as one, contextlib.ExitStack() as idle:
        for _ in range(20):
            idle.enter_context(one.connect())
        assert one.ask().status == 200
        began = time.monotonic()
        one.process.send_signal(number)
        assert one.process.wait(WAIT) == 0
        assert time.monotonic() - began < server.PATIENCE / 2


def test_the_deadline_ends_it() -> None:
    began = time.monotonic()
    with echo(KONGIP_DEADLINE="0.7") as one:
        assert one.process.wait(WAIT) == 0
    assert time.monotonic() - began >= 0.7


@pytest.mark.parametrize("variables", [{}, {"KONGIP_SECRET": ""}])
def test_without_a_secret_it_does_not_start(variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "echo_server"], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=WAIT
    )
    assert done.returncode == 1
    assert done.stderr == "KONGIP_SECRET is not set: without it the echo would answer anyone\n"


def test_the_file_needs_nothing_newer_nor_more_than_the_image_may_have() -> None:
    tree = ast.parse((ROOT / "echo_server" / "server.py").read_text(), feature_version=(3, 9))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"__future__", *sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KONGIP_PORT", "foo", "KONGIP_PORT is 'foo', and is to be a port from 1 to 65535\n"),
        ("KONGIP_PORT", "65536", "KONGIP_PORT is '65536', and is to be a port from 1 to 65535\n"),
        ("KONGIP_DEADLINE", "nan", "KONGIP_DEADLINE is 'nan', and is to be a number of seconds\n"),
        ("KONGIP_DEADLINE", "", "KONGIP_DEADLINE is '', and is to be a number of seconds\n"),
    ],
)
def test_a_setting_that_is_none_is_one_line(name: str, value: str, told: str) -> None:
    environment = {"KONGIP_SECRET": SECRET, "PATH": os.environ["PATH"], name: value}
    command = [sys.executable, "-m", "echo_server"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, told)
