"""What may become of a probe: one peer and one outcome each, the same for every sender."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from probes.outcome import Answered, Closed, Garbled, Outcome, Refused, Reset, TimedOut, TlsFailed
from probes.probe import Probe, Target
from tests.probes.peers import (
    after_hello,
    full,
    peer,
    refusing,
    reset,
    says,
    says_and_drips,
    says_and_resets,
    says_and_stays,
    says_before_reading,
    until_gone,
    within_tls,
)

BODY_LIMIT = 64 * 1024

LENGTH = b"HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\nContent-Length: 4\r\n\r\nkong"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nkon\r\n1\r\ng\r\n0\r\n\r\n"
NO_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nkong"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + LENGTH
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nX-C: 1\r\n\r\n"
HALF_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nkong"
HALF_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nkon\r\n"
HALF_HEAD = b"HTTP/1.1 200 OK\r\nContent-"
ALERT = b"\x15\x03\x01\x00\x02\x02\x16"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000
LARGE_NO_LENGTH = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300000
BAD_HEAD = b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"

OF_LENGTH = Answered(200, (("X-B", "1"), ("x-a", "2"), ("X-B", "3"), ("Content-Length", "4")), b"kong")
OF_LARGE = b"x" * BODY_LIMIT


@dataclass(frozen=True)
class Scene:
    """A peer to connect to, and what the sender must make of it, with ``timeout`` seconds for each step."""

    name: str
    peer: AbstractContextManager[int]
    outcome: Outcome
    tls: bool = False
    timeout: float = 10.0


def probe(port: int, tls: bool = False, address: str = "127.0.0.1") -> Probe:
    return Probe("n0nce", Target(address, port, "https" if tls else "http", "kong.test"), "/kongip/n0nce")


def scenes() -> list[Scene]:
    """Every scene, its peer not yet started."""
    return [
        Scene("answer", peer(says(LENGTH)), OF_LENGTH),
        Scene("chunks", peer(says(CHUNKED)), Answered(200, (("Transfer-Encoding", "chunked"),), b"kong")),
        Scene("answer-to-the-end", peer(says(NO_LENGTH)), Answered(200, (), b"kong")),
        Scene("early-hints", peer(says(INTERIM)), OF_LENGTH),
        Scene("no-content", peer(says(NO_CONTENT)), Answered(204, (("X-C", "1"),))),
        Scene("answer-then-reset", peer(says_and_resets(LENGTH)), OF_LENGTH),
        Scene("answer-then-open", peer(says_and_stays(LENGTH)), OF_LENGTH, timeout=0.5),
        Scene("answer-before-request", peer(says_before_reading(LENGTH)), OF_LENGTH),
        Scene("large", peer(says(LARGE)), Answered(200, (("Content-Length", "300000"),), OF_LARGE)),
        Scene("large-to-the-end", peer(says(LARGE_NO_LENGTH)), Answered(200, (), OF_LARGE)),
        Scene("close", peer(says(b"")), Closed()),
        Scene("half-a-body", peer(says(HALF_BODY)), Closed(HALF_BODY)),
        Scene("half-the-chunks", peer(says(HALF_CHUNKED)), Closed(HALF_CHUNKED)),
        Scene("half-a-head", peer(says(HALF_HEAD)), Closed(HALF_HEAD)),
        Scene("bad-head", peer(says(BAD_HEAD)), Closed(BAD_HEAD)),
        Scene("half-then-reset", peer(says_and_resets(HALF_BODY)), Reset("answer")),
        Scene("half-to-the-end-then-reset", peer(says_and_resets(NO_LENGTH)), Reset("answer")),
        Scene("half-then-silence", peer(says_and_stays(HALF_BODY)), TimedOut("answer"), timeout=0.3),
        Scene("drips-without-end", peer(says_and_drips(NO_LENGTH)), TimedOut("answer"), timeout=0.3),
        Scene("head-drips-without-end", peer(says_and_drips(HALF_HEAD)), TimedOut("answer"), timeout=0.3),
        Scene("reset", peer(says_and_resets(b"")), Reset("answer")),
        Scene("garbled", peer(says(ALERT)), Garbled(ALERT)),
        Scene("begins-like-http", peer(says(b"HTT")), Garbled(b"HTT")),
        Scene("ssh", peer(says(b"SSH-2.0-OpenSSH\r\n\r\n")), Garbled(b"SSH-2.0-OpenSSH\r\n\r\n")),
        Scene("much-garbled", peer(says(b"\x00" * 5000)), Garbled(b"\x00" * 1024)),
        Scene("silence", peer(until_gone), TimedOut("answer"), timeout=0.3),
        Scene("refused", refusing(), Refused()),
        Scene("no-handshake-of-tcp", full(), TimedOut("connect"), timeout=0.3),
        Scene("tls", peer(within_tls(says(LENGTH))), OF_LENGTH, tls=True),
        Scene("tls-close", peer(within_tls(says(b""))), Closed(), tls=True),
        Scene("tls-half", peer(within_tls(says(HALF_BODY))), Closed(HALF_BODY), tls=True),
        Scene("tls-to-clear-text", peer(says_before_reading(LENGTH)), TlsFailed("WRONG_VERSION_NUMBER"), tls=True),
        Scene(
            "tls-closed",
            peer(after_hello(lambda connection: None)),
            TlsFailed("UNEXPECTED_EOF_WHILE_READING"),
            tls=True,
        ),
        Scene("tls-reset", peer(after_hello(reset)), Reset("tls"), tls=True),
        Scene("tls-silence", peer(until_gone), TimedOut("tls"), tls=True, timeout=0.3),
        Scene("tls-to-refused", refusing(), Refused(), tls=True),
    ]


NAMES = [scene.name for scene in scenes()]


def scene(name: str) -> Scene:
    """The scene of that name, fresh."""
    return next(one for one in scenes() if one.name == name)
