"""The echo under attack, as a process of its own: what it costs, whom it still answers, and when it ends."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from echo_server.server import CONNECTIONS_LIMIT, HEAD_LIMIT
from tests.echo_server.test_server import KNOWS, WAIT, Running, echo, read_reply, request

CONTAINER = 128 * 1024 * 1024
"""What the pod may take (diagnose/cluster/manifests.py): beyond that the kernel would end the echo."""

IDLE = 500
REQUESTS = 10_000


def memory(running: Running, what: str = "VmRSS") -> int:
    """Bytes of the echo's process: what it holds now (VmRSS), or has held at most (VmHWM)."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{what}:"))


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Descriptors for all the connections on this side, where the machine has few by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_after_ten_thousand_requests_and_among_hundreds_idle_its_memory_is_bounded_and_it_answers() -> None:
    early = 0
    with echo() as one, contextlib.ExitStack() as idle:
        for number in range(REQUESTS):
            if number % (REQUESTS // IDLE) == 0:
                idle.enter_context(one.connect())  # each is given up after its patience: there are some at any time
            known = number % 2
            reply = read_reply(one.raw(request([KNOWS] if known else [])))
            assert reply.status == (200 if known else 404)
            early = early or (memory(one) if number > REQUESTS // 10 else 0)
        idle.close()
        for _ in range(IDLE):
            idle.enter_context(one.connect())
        assert one.ask().status == 200
        late, most = memory(one), memory(one, "VmHWM")
    assert late < early + 8 * 1024 * 1024
    assert most < CONTAINER / 2


@pytest.mark.parametrize(
    "begun",
    [b"GET / HTTP/1.1\r\nX-A: ", b"", b"GET / HTTP/1.1\r\n" + b"a:\r\n" * (HEAD_LIMIT // 4 - 20)],
    ids=["one long header", "one long line", "thousands of headers"],
)
def test_all_connections_filled_to_the_limit_fit_into_the_pods_memory(begun: bytes) -> None:
    filled = begun + b"a" * (HEAD_LIMIT - len(begun) - 1)
    with echo() as one, contextlib.ExitStack() as dripping:
        for _ in range(CONNECTIONS_LIMIT - 8):
            dripping.enter_context(one.connect()).sendall(filled)
        assert one.ask().status == 200
        assert memory(one, "VmHWM") < CONTAINER * 3 / 4


SLOW = "from echo_server import server; server.PATIENCE = 0.5; server.main()"


def test_a_head_that_drips_is_cut_off_however_often_a_byte_comes() -> None:
    with echo(("-c", SLOW)) as slow, slow.connect() as connection:
        connection.settimeout(0.05)
        began, received = time.monotonic(), b""
        while b"408" not in received and time.monotonic() - began < WAIT:
            connection.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                received += connection.recv(4096)
        assert read_reply(received).status == 408
        assert time.monotonic() - began < WAIT / 2


@pytest.mark.parametrize("how", ["SIGTERM", "deadline"])
def test_it_ends_under_load(how: str) -> None:
    with echo(KONGIP_DEADLINE="3" if how == "deadline" else "120") as one, contextlib.ExitStack() as held:
        for number in range(IDLE):
            connection = held.enter_context(one.connect())
            if number % 2:
                connection.sendall(b"GET / HTTP/1.1\r\nX-A: a")
        if how == "SIGTERM":
            one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(WAIT) == 0
        with pytest.raises(ConnectionRefusedError):
            one.connect()


@pytest.mark.parametrize("head", [b"OPTIONS * HTTP/1.1\r\n\r\n", b"TRACE / HTTP/1.1\r\nX-A: 1\r\n\r\n"])
def test_no_method_gives_back_what_was_sent(head: bytes) -> None:
    with echo() as one:
        reply = read_reply(one.raw(head))
    assert reply.status in (400, 404)
    assert reply.body == b""


def test_a_second_request_behind_the_first_is_not_answered() -> None:
    with echo() as one:
        received = one.raw(request([KNOWS]) + request([KNOWS], "/second"))
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"/second" not in received
