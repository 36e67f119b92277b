"""The sender in the echo pod, run as it is there: one file of the standard library, told by standard input."""

from __future__ import annotations

import ast
import base64
import json
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import probes.inside
from probes import compose, relay
from probes.outcome import Closed, Outcome, Refused, Reset, Sent, TlsFailed, Unreachable
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target
from probes.send import send
from tests.probes.peers import Hello, hearing_hello, peer, refusing, reset, says, within_tls
from tests.probes.scenes import LENGTH, NAMES, OF_LENGTH, probe, scene

CODE = Path(probes.inside.__file__)


def ran(told: str) -> subprocess.CompletedProcess[str]:
    """The file alone, with nothing of the project to import (-I: neither the folder nor the environment counts)."""
    return subprocess.run(
        [sys.executable, "-I", "-c", CODE.read_text()], input=told, capture_output=True, text=True, timeout=60
    )


def relayed(made: list[Probe], timeout: float = 10.0) -> list[Sent]:
    done = ran(relay.orders(made, timeout))
    assert (done.returncode, done.stderr) == (0, "")
    return relay.results(done.stdout, made)


@pytest.mark.parametrize("name", NAMES)
def test_outcome_is_that_of_a_probe_from_outside(name: str) -> None:
    played, again = scene(name), scene(name)
    with played.peer as port:
        inside = relayed([probe(port, played.tls)], played.timeout)[0]
    with again.peer as port:
        outside = send(probe(port, played.tls), again.timeout)
    assert inside.outcome == outside.outcome == played.outcome
    assert inside.socket == outside.socket


@pytest.mark.parametrize("preamble", [Preamble.V1, Preamble.V2])
@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_header_comes_first_and_the_request_as_composed(preamble: Preamble, tls: bool) -> None:
    heard: list[bytes] = []
    claims = (Claim("X-Real-IP", "192.0.2.1"), Claim(PROXY_CHANNEL, "192.0.2.3"))
    made = replace(probe(65535, tls), preamble=preamble, claims=claims, claimed_port=4711, secret="s3cret")
    sizes = len(compose.preface(made)), len(compose.request(made))

    def read_request(connection: socket.socket) -> None:
        data = b""
        while len(data) < sizes[1]:
            data += connection.recv(sizes[1] - len(data))
        heard.append(data)
        connection.sendall(LENGTH)

    def script(connection: socket.socket) -> None:
        heard.append(connection.recv(sizes[0], socket.MSG_WAITALL))
        (within_tls(read_request) if tls else read_request)(connection)

    with peer(script) as port:
        made = replace(made, target=replace(made.target, port=port))
        sent = relayed([made])[0]
    assert heard == [compose.preface(made), compose.request(made)]
    assert sent.outcome == OF_LENGTH


@pytest.mark.parametrize(("host", "name"), [("kong.test", "kong.test"), ("192.0.2.1", None), ("[2001:db8::1]", None)])
def test_the_server_name_is_the_host_and_http_1_is_asked_for(host: str, name: str | None) -> None:
    asked: list[Hello] = []
    with peer(hearing_hello(asked)) as port:
        made = probe(port, tls=True)
        made = replace(made, target=replace(made.target, host=host))
        relayed([made])
        send(made, 10)
    assert asked == [(name, "http/1.1")] * 2


def test_an_address_without_a_way_is_unreachable() -> None:
    made = replace(probe(80), target=Target("255.255.255.255", 80, "http", "kong.test"))
    assert relayed([made])[0].outcome == Unreachable("Network is unreachable")


def test_sends_over_ipv6() -> None:
    with peer(says(LENGTH), "::1") as port:
        sent = relayed([probe(port, address="::1")])[0]
    assert (sent.outcome, sent.socket) == (OF_LENGTH, "::1")


def test_many_come_back_in_order() -> None:
    with peer(says(LENGTH)) as answering, peer(says(b"")) as closing, refusing() as nobody:
        made = [probe(port) for port in (answering, closing, nobody)] * 5
        found = relayed(made)
    assert [sent.probe for sent in found] == made
    assert [sent.outcome for sent in found] == [OF_LENGTH, Closed(), Refused()] * 5


@pytest.mark.parametrize("host", ["", ".kong.test", "a..b", "a" * 64 + ".test"])
def test_a_host_that_cannot_be_a_server_name_fails_alone(host: str) -> None:
    with peer(within_tls(says(LENGTH))) as port:
        good = probe(port, tls=True)
        bad = replace(good, target=replace(good.target, host=host))
        found = relayed([bad, good])
        outside = send(bad, 10)
    assert isinstance(found[0].outcome, TlsFailed)
    assert found[0].outcome == outside.outcome
    assert found[1].outcome == OF_LENGTH


class Held(dict[str, Any]):
    """An order that tells by ``connected`` when its preface is asked for, and holds its request until ``gone``."""

    connected: threading.Event
    gone: threading.Event

    def __getitem__(self, key: str) -> Any:
        if key == "preface":
            self.connected.set()
        assert key != "request" or self.gone.wait(20)
        return super().__getitem__(key)


@pytest.mark.parametrize(("said", "outcome"), [(b"", Reset("answer")), (LENGTH, OF_LENGTH)])
def test_what_a_peer_said_counts_though_it_never_read_the_request(said: bytes, outcome: Outcome) -> None:
    connected, gone = threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        assert connected.wait(20)
        connection.sendall(said)
        reset(connection)
        gone.set()

    with peer(script) as port:
        made = probe(port)
        order = Held(json.loads(relay.orders([made], 10)))
        order.connected, order.gone = connected, gone
        result = probes.inside.send(order)
    assert relay.results(json.dumps(result), [made])[0].outcome == outcome


def test_nothing_to_send_is_nothing_to_tell() -> None:
    assert relayed([]) == []


def test_an_empty_line_ends_the_orders() -> None:
    with refusing() as port:
        done = ran(relay.orders([probe(port)], 10) + relay.orders([probe(port)], 10))
    assert len(done.stdout.splitlines()) == 1


def test_a_result_holds_what_it_says_it_holds() -> None:
    with peer(says(LENGTH)) as port:
        said: dict[str, Any] = json.loads(ran(relay.orders([probe(port)], 10)).stdout)
    assert set(said) == {"outcome", "phase", "reason", "socket", "received", "started", "seconds"}
    assert base64.b64decode(said["received"]) == LENGTH
    assert (said["outcome"], said["phase"], said["socket"]) == ("answered", "answer", "127.0.0.1")


def test_the_file_needs_no_newer_python_than_the_image_may_have() -> None:
    ast.parse(CODE.read_text(), feature_version=(3, 9))
