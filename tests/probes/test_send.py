"""Probes from the caller, against peers that do what the network may do."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

import pytest

from probes import compose
from probes.outcome import Answered, Closed, Refused, Unreachable
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Target
from probes.send import AT_ONCE, send, send_all
from tests.probes.peers import CERTIFICATE, peer, read_head, refusing, says, until_gone, within_tls
from tests.probes.scenes import LENGTH, NAMES, OF_LENGTH, probe, scene

PREAMBLES = [Preamble.V1, Preamble.V2, Preamble.V1_UNKNOWN, Preamble.V2_LOCAL]


@pytest.mark.parametrize("name", NAMES)
def test_outcome(name: str) -> None:
    played = scene(name)
    with played.peer as port:
        sent = send(probe(port, played.tls), played.timeout)
    assert sent.outcome == played.outcome


@contextmanager
def recording(heard: list[bytes]) -> Iterator[int]:
    def script(connection: socket.socket) -> None:
        heard.append(read_head(connection))
        connection.sendall(LENGTH)

    with peer(script) as port:
        yield port


def test_what_is_sent_is_what_compose_says() -> None:
    heard: list[bytes] = []
    claims = (Claim("X-Forwarded-For", "192.0.2.1"), Claim("x-odd_NAME", "192.0.2.2"))
    with recording(heard) as port:
        made = replace(probe(port), claims=claims, secret="s3cret", path="/kongip/a%20b/n0nce?x=1")
        send(made, 10)
    assert heard == [compose.request(made)]


@pytest.mark.parametrize("preamble", PREAMBLES)
@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_header_comes_before_everything_else(preamble: Preamble, tls: bool) -> None:
    heard: list[bytes] = []
    made = replace(probe(65535, tls), preamble=preamble, claims=(Claim(PROXY_CHANNEL, "192.0.2.3"),), claimed_port=4711)
    size = len(compose.preface(made))  # the ports that the system gives have five digits too

    def script(connection: socket.socket) -> None:
        heard.append(connection.recv(size, socket.MSG_WAITALL))
        within = says(LENGTH)
        (within_tls(within) if tls else within)(connection)

    with peer(script) as port:
        made = replace(made, target=replace(made.target, port=port))
        sent = send(made, 10)
    assert heard == [compose.preface(made)]
    assert sent.outcome == OF_LENGTH


def test_the_certificate_is_recorded_and_not_judged() -> None:
    with peer(within_tls(says(LENGTH))) as port:
        sent = send(probe(port, tls=True), 10)
    assert sent.certificate == sha256(ssl.PEM_cert_to_DER_cert(CERTIFICATE.read_text())).hexdigest()


def test_without_tls_there_is_no_certificate() -> None:
    with peer(says(LENGTH)) as port:
        assert send(probe(port), 10).certificate is None


def test_the_senders_own_address_is_told() -> None:
    with peer(says(LENGTH)) as port:
        sent = send(probe(port), 10)
    assert sent.socket == "127.0.0.1"
    assert abs(sent.started - time.time()) < 60
    assert 0 < sent.seconds < 10


def test_no_address_is_told_where_no_connection_was_made() -> None:
    with refusing() as port:
        assert send(probe(port), 10).socket is None


def test_a_source_can_be_chosen() -> None:
    seen: list[str] = []

    def script(connection: socket.socket) -> None:
        seen.append(connection.getpeername()[0])
        says(LENGTH)(connection)

    with peer(script) as port:
        sent = send(probe(port), 10, source="127.0.0.9")
    assert (seen, sent.socket) == (["127.0.0.9"], "127.0.0.9")


def test_a_source_that_is_not_the_callers_leads_nowhere() -> None:
    with peer(says(LENGTH)) as port:
        sent = send(probe(port), 10, source="192.0.2.1")
    assert sent.outcome == Unreachable("Cannot assign requested address")


def test_an_address_without_a_way_is_unreachable() -> None:
    made = replace(probe(80), target=Target("255.255.255.255", 80, "http", "kong.test"))
    assert send(made, 10).outcome == Unreachable("Network is unreachable")


def test_sends_over_ipv6() -> None:
    with peer(says(LENGTH), "::1") as port:
        sent = send(probe(port, address="::1"), 10)
    assert (sent.outcome, sent.socket) == (OF_LENGTH, "::1")


def test_a_redirect_is_an_answer() -> None:
    answer = b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    with peer(says(answer)) as port:
        outcome = send(probe(port), 10).outcome
    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.header("location")) == (301, "/elsewhere")


def test_proxies_of_the_environment_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as nobody, peer(says(LENGTH)) as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody}")
        assert send(probe(port), 10).outcome == OF_LENGTH


def test_many_come_back_in_order() -> None:
    with peer(says(LENGTH)) as answering, peer(says(b"")) as closing, refusing() as nobody:
        made = [probe(port) for port in (answering, closing, nobody)] * 5
        found = send_all(made, 10)
    assert [sent.probe for sent in found] == made
    assert [sent.outcome for sent in found] == [OF_LENGTH, Closed(), Refused()] * 5


def test_each_is_a_connection_of_its_own_and_no_more_than_a_few_are_open_at_once() -> None:
    gate = threading.Barrier(AT_ONCE)
    lock = threading.Lock()
    now, most, total = 0, 0, 0

    def script(connection: socket.socket) -> None:
        nonlocal now, most, total
        with lock:
            now, total = now + 1, total + 1
            most = max(most, now)
        read_head(connection)
        gate.wait(20)  # opens only if so many are here at once
        with lock:
            now -= 1
        connection.sendall(LENGTH)
        connection.shutdown(socket.SHUT_WR)
        until_gone(connection)

    with peer(script) as port:
        found = send_all([probe(port)] * (2 * AT_ONCE), 20)
    assert {sent.outcome for sent in found} == {OF_LENGTH}
    assert (most, total) == (AT_ONCE, 2 * AT_ONCE)


def test_no_probe_is_begun_after_an_outcome_that_is_enough() -> None:
    heard: list[bytes] = []
    with recording(heard) as port:
        many = [replace(probe(port), path=f"/{number}") for number in range(10 * AT_ONCE)]
        sent = send_all(many, 10, enough=lambda one: one.probe.path == "/3")
    begun = [one.probe.path for one in sent]
    assert "/3" in begun
    assert len(heard) == len(begun) <= 3 * AT_ONCE, "those in flight end, and no more"
    assert begun == [one.path for one in many if one.path in begun], "in order"
