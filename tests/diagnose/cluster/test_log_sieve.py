"""The sieve before the reading of logs: what is read of a log is the same with it and without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.log_lines import (
    KINDS,
    LONGEST_ENTRY,
    Complaints,
    Wanted,
    is_error_line,
    parse_access,
    parse_refused_preamble,
)
from diagnose.cluster.log_sieve import Sieve
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target

TARGET = Target("192.0.2.10", 80, "http", "shop.example")
PROBES = [
    Probe("0123456789abcdef", TARGET, "/kongip-secret/0123456789abcdef"),
    Probe(
        "fedcba9876543210",
        TARGET,
        "/kongip-secret/fedcba9876543210",
        preamble=Preamble.V1,
        claims=(Claim(PROXY_CHANNEL, "192.0.2.7"),),
        claimed_port=40001,
    ),
]
WANTED = Wanted.of(PROBES)
ERROR = "2026/11/28 09:00:00 [error] 7#7: *1"
CLIENT = "while reading PROXY protocol, client: 198.51.100.9, server: 0.0.0.0:8000"

LINES = (
    '198.51.100.9 - - [28/Nov/2026:09:00:00 +0000] "GET /kongip-secret/0123456789abcdef HTTP/1.1" 200 9',
    '{"client_ip":"198.51.100.9","request":{"method":"GET","uri":"\\/kongip-secret\\/0123456789abcdef"},'
    '"response":{"status":200}}',
    '10.0.0.5 - - [28/Nov/2026:09:00:00 +0000] "PROXY TCP4 192.0.2.7 192.0.2.10 40001 80" 400 9',
    '10.0.0.5 - - [28/Nov/2026:09:00:00 +0000] "\\x00\\x0D\\x0AQUIT" 400 9',
    '203.0.113.5 - - [28/Nov/2026:09:00:00 +0000] "GET /shop HTTP/1.1" 200 9',
    f'{ERROR} {KINDS[0]}: "GET / HTTP/1.1" {CLIENT}',
    f'{ERROR} {KINDS[0]}: "GET / HTTP/1.1',
    f"{ERROR} {KINDS[1]} {CLIENT}",
    f"{ERROR} upstream timed out",
    f'Host: x" {CLIENT}',
    "X-Header: of someone",
    "nothing, 0123456789abcdef",
    "",
)


def read(lines: Iterable[str]) -> tuple[object, ...]:
    """What the lines say of the probes, of refused connections, and whether some are in a format that is not known."""
    complaints, found, foreign = Complaints("kong", WANTED), [], False
    for line in lines:
        complaints.take(line, None)
        if ours := parse_access("kong", line, WANTED):
            found.append(ours)
        elif refused := parse_refused_preamble("kong", line, None):
            complaints.found.append(refused)
        elif not is_error_line(line) and "kongip-secret" in line and WANTED.nonce_in(line):
            foreign = True
    return found, complaints.found, foreign


def sieved(pieces: Iterable[list[str]]) -> Iterator[str]:
    sieve = Sieve(PROBES)
    for piece in pieces:
        if piece:
            yield from (line.decode() for line in sieve.lines("\n".join(piece).encode()))


@given(st.lists(st.lists(st.sampled_from(LINES), max_size=12), max_size=6))
def test_nothing_is_lost_that_is_read_without_it(pieces: list[list[str]]) -> None:
    assert read(sieved(pieces)) == read(line for piece in pieces for line in piece)


def test_what_follows_a_complaint_is_kept_for_as_long_as_one_may_be() -> None:
    began, others = LINES[6], ["X-Header: of someone"] * (2 * LONGEST_ENTRY)
    assert list(sieved([[began, *others]])) == [began, *others[:LONGEST_ENTRY]]
    assert list(sieved([[began], *[[other] for other in others]])) == [began, *others[:LONGEST_ENTRY]]


def test_the_lines_of_others_fall_through() -> None:
    assert list(sieved([[LINES[4]] * 5])) == []
