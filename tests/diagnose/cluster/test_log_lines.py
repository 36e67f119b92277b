"""What single lines of Kong's logs say; the lines are of the shapes that Kong 2.8 and 3.9 write."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.log_lines import (
    LONGEST_ENTRY,
    Complaints,
    Wanted,
    parse_access,
    parse_refused_preamble,
    split_stamp,
)
from diagnose.site import PREAMBLE_AS_REQUEST, AccessLine
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target

TARGET = Target("192.0.2.10", 80, "http", "kong.test")
PLAIN = Probe("aaaa1111", TARGET, "/kongip-x/aaaa1111")
PROXIED = Probe(
    "bbbb2222",
    TARGET,
    "/kongip-x/bbbb2222",
    preamble=Preamble.V1,
    claims=(Claim(PROXY_CHANNEL, "203.0.113.7"),),
    claimed_port=40001,
)
WANTED = Wanted.of([PLAIN, PROXIED])

COMBINED = '198.51.100.9 - - [24/Nov/2025:10:00:00 +0000] "GET /kongip-x/aaaa1111 HTTP/1.1" 200 12 "-" "kongip"'
WITH_ID = COMBINED + ' kong_request_id: "0123456789abcdef0123456789abcdef"'
V6 = COMBINED.replace("198.51.100.9", "2001:db8::9")
MAPPED = COMBINED.replace("198.51.100.9", "::ffff:198.51.100.9")
AS_JSON = (
    '{"remote_addr": "198.51.100.9", "status": "200", "request": "GET /kongip-x/aaaa1111 HTTP/1.1", '
    '"http_x_forwarded_for": "203.0.113.7"}'
)
CUSTOM = '198.51.100.9 10.0.0.1 "GET /kongip-x/aaaa1111 HTTP/1.1" 200 extra'


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (COMBINED, "198.51.100.9"),
        (WITH_ID, "198.51.100.9"),
        (V6, "2001:db8::9"),
        (MAPPED, "::ffff:198.51.100.9"),
        (CUSTOM, "198.51.100.9"),
        (AS_JSON, "198.51.100.9"),
        (AS_JSON.replace('"200"', "200"), "198.51.100.9"),
    ],
)
def test_an_access_line_gives_the_address_that_kong_took(line: str, address: str) -> None:
    found = parse_access("kong/a", line, WANTED)
    assert found is not None
    nonce, access = found
    assert (nonce, access.kong, access.address, access.status) == ("aaaa1111", "kong/a", address, 200)
    assert access.request == "GET /kongip-x/aaaa1111 HTTP/1.1"


@pytest.mark.parametrize(
    "line",
    [
        COMBINED.replace("aaaa1111", "cccc3333"),
        COMBINED.replace("GET /kongip-x/aaaa1111", "GET /").replace('"kongip"', '"aaaa1111"'),
        COMBINED.replace("198.51.100.9", "unix:"),
        '{"client_ip": "198.51.100.9", "request": {"uri": "/kongip-x/aaaa1111"}}',
        AS_JSON.replace("remote_addr", "addr"),
        AS_JSON.replace("198.51.100.9", "unknown"),
        AS_JSON.replace('"200"', "null"),
        AS_JSON[:-1],
        "{" * 100_000 + AS_JSON,
        '{"a":' * 100_000 + AS_JSON + "}" * 100_000,
        '2025/11/24 10:00:00 [warn] 1#0: *5 x, client: 198.51.100.9, request: "GET /kongip-x/aaaa1111 HTTP/1.1" 200',
        "",
    ],
    ids=[
        *("another nonce", "nonce elsewhere", "no address", "json without a status", "json of other names"),
        *("json without an address", "json of no status", "cut json", "braces", "deep json", "error log", "empty"),
    ],
)
def test_a_line_that_is_no_access_line_of_ours_says_nothing(line: str) -> None:
    assert parse_access("kong/a", line, WANTED) is None


def test_a_line_of_kongs_log_plugins_gives_the_address_that_kong_took() -> None:
    told = {
        "client_ip": "198.51.100.9",
        "request": {"method": "GET", "uri": "/kongip-x/aaaa1111", "headers": {"x-real-ip": "203.0.113.7"}},
        "response": {"status": 404},
    }
    found = parse_access("kong/a", json.dumps(told), WANTED)
    assert found == ("aaaa1111", AccessLine("kong/a", "198.51.100.9", 404, "GET /kongip-x/aaaa1111"))


def test_a_proxy_header_logged_as_a_request_in_json_is_known_as_well() -> None:
    def line(request: str) -> str:
        return json.dumps({"remote_addr": "10.77.2.20", "request": request, "status": "400"})

    ours = parse_access("kong/a", line("PROXY TCP4 203.0.113.7 192.0.2.10 40001 80"), WANTED)
    assert ours is not None
    assert (ours[0], ours[1].address) == ("bbbb2222", "10.77.2.20")
    for request in ("PROXY TCP4 198.51.100.9 192.0.2.10 5555 80", "\x00"):
        refused = parse_refused_preamble("kong/a", line(request), None)
        assert refused is not None
        assert refused.client == "10.77.2.20"


def test_a_proxy_header_logged_as_a_request_is_known_by_its_claim_and_port() -> None:
    line = '10.77.2.20 - - [24/Nov/2025:10:00:00 +0000] "PROXY TCP4 203.0.113.7 192.0.2.10 40001 80" 400 12 "-" "-"'
    found = parse_access("kong/a", line, WANTED)
    assert found is not None
    assert (found[0], found[1].address, found[1].status) == ("bbbb2222", "10.77.2.20", 400)
    assert parse_access("kong/a", line.replace("40001", "40002"), WANTED) is None


@pytest.mark.parametrize("request_line", ["PROXY TCP4 198.51.100.9 192.0.2.10 5555 80", "\\x00"])
def test_a_proxy_header_of_the_balancer_logged_as_a_request_is_a_complaint(request_line: str) -> None:
    line = f'10.77.2.20 - - [24/Nov/2025:10:00:00 +0000] "{request_line}" 400 12 "-" "-"'
    found = parse_refused_preamble("kong/a", line, 5.0)
    assert found is not None
    assert (found.kind, found.client, found.time) == (PREAMBLE_AS_REQUEST, "10.77.2.20", 5.0)
    assert "198.51.100.9" not in found.excerpt
    assert parse_refused_preamble("kong/a", COMBINED, 5.0) is None


def complaints(*lines: str) -> list[tuple[str, str, str]]:
    collected = Complaints("kong/a", WANTED)
    for number, line in enumerate(lines):
        collected.take(line, float(number))
    return [(one.kind, one.client, one.excerpt) for one in collected.found]


def error(text: str) -> str:
    return f"2025/11/24 10:00:00 [error] 1#0: *5 {text}"


TAIL = " while reading PROXY protocol, client: 10.77.2.20, server: 0.0.0.0:8000"


@pytest.mark.parametrize(
    ("text", "kind", "excerpt"),
    [
        ('broken header: "GET / HTTP/1.1"' + TAIL, "broken header", "GET / HT"),
        ('broken header: "GET /kongip-x/aaaa1111 HTTP/1.1"' + TAIL, "broken header", "GET /kongip-x/aaaa1111 HTTP/1.1"),
        ('broken header: "\x16\x03\x01\x02\x00\x01"' + TAIL, "broken header", "\x16\x03\x01\x02\x00\x01"),
        ('broken header: ""' + TAIL, "broken header", ""),
        ("header is too large" + TAIL, "header is too large", ""),
        ("unknown PROXY protocol version: 3" + TAIL, "unknown PROXY protocol version", ""),
    ],
)
def test_an_error_line_about_a_proxy_header_is_a_complaint(text: str, kind: str, excerpt: str) -> None:
    assert complaints(error(text)) == [(kind, "10.77.2.20", excerpt)]


def test_an_entry_of_several_lines_is_one_complaint() -> None:
    lines = [error('broken header: "GET / HTTP/1.1'), "Host: a", "", '"' + TAIL]
    assert complaints(*lines) == [("broken header", "10.77.2.20", "GET / HT")]


def test_an_entry_that_never_names_its_client_is_given_up() -> None:
    lines = [error('broken header: "GET / HTTP/1.1'), *["x"] * LONGEST_ENTRY, '"' + TAIL]
    assert complaints(*lines) == []
    assert complaints(error('broken header: "GET'), error("something else"), '"' + TAIL) == []


@given(st.text(), st.text())
def test_no_text_whatever_raises(first: str, second: str) -> None:
    for line in (first, error(first + second), COMBINED + first):
        split_stamp(line)
        parse_access("kong/a", line, WANTED)
        parse_refused_preamble("kong/a", line, None)
    complaints(first, error('broken header: "' + first), second)


@pytest.mark.parametrize(
    ("line", "stamp", "rest"),
    [
        ("2025-11-24T10:00:00.250000000Z x y", 1763978400.25, "x y"),
        ("2025-11-24T11:00:00+01:00 x", 1763978400.0, "x"),
        ("2025-13-24T10:00:00Z x", None, "2025-13-24T10:00:00Z x"),
        ("no stamp", None, "no stamp"),
    ],
)
def test_the_stamp_of_the_api_server_is_split_off(line: str, stamp: float | None, rest: str) -> None:
    assert split_stamp(line) == (stamp, rest)


def forged(request: str) -> str:
    return f'192.0.2.66 - - [24/Nov/2025:10:00:00 +0000] "{request}" 200 12 "-" "kongip"'


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /aaaa1111 HTTP/1.1",
        "GET /kongip-y/aaaa1111 HTTP/1.1",
        "GET /?/kongip-x/aaaa1111 HTTP/1.1",
        "GET /kongip-x/aaaa1111/more HTTP/1.1",
        "POST /kongip-x/aaaa1111 HTTP/1.1",
        "PROXY /kongip-x/aaaa1111 HTTP/1.1",
        "/kongip-x/aaaa1111",
    ],
)
def test_whoever_knows_the_nonce_alone_is_not_believed(request_line: str) -> None:
    assert parse_access("kong/a", forged(request_line), WANTED) is None


def test_what_is_before_kong_may_put_something_round_the_path() -> None:
    for request_line in ("GET /in/front/kongip-x/aaaa1111 HTTP/1.0", "GET /kongip-x/aaaa1111?added=1 HTTP/2.0"):
        found = parse_access("kong/a", forged(request_line), WANTED)
        assert found is not None
        assert found[0] == "aaaa1111"


def test_the_id_that_kong_gave_the_request_is_read_where_it_stands() -> None:
    found = parse_access("kong/a", WITH_ID, WANTED)
    assert found is not None
    assert found[1].identifier == "0123456789abcdef" * 2
    for line in (COMBINED, COMBINED.replace('"kongip"', f'"kong_request_id: "{"ab" * 16}""'), WITH_ID + "x"):
        found = parse_access("kong/a", line, WANTED)
        assert found is not None
        assert found[1].identifier is None


def test_a_client_that_is_named_within_what_was_sent_is_not_the_client() -> None:
    lie = 'GET x" while reading PROXY protocol, client: 192.0.2.66, server: 0.0.0.0:8000'
    assert complaints(error(f'broken header: "{lie}"' + TAIL)) == [("broken header", "10.77.2.20", "GET x")]


@pytest.mark.parametrize(
    "line",
    [
        "1 - " + " [" * 1_200_000,
        "1 " + '"' * 2_500_000,
        "1.1.1.1 " + '" ' * 1_200_000,
        '1.1.1.1 - "' + " " * 2_500_000,
        "1 - " + "[] " * 800_000,
        '{"a": "' + "x" * 2_500_000,
        error('broken header: "' + 'broken header: "' * 150_000),
        error("while reading PROXY protocol, client: " * 60_000),
    ],
    ids=["brackets", "quotes", "quotes and blanks", "blanks", "pairs", "json", "headers", "clients"],
)
def test_a_line_of_megabytes_is_read_in_time(line: str) -> None:
    began = time.process_time()
    assert parse_access("kong/a", line, WANTED) is None
    assert parse_refused_preamble("kong/a", line, None) is None
    complaints(line)
    WANTED.nonce_in(line)
    assert time.process_time() - began < 10
