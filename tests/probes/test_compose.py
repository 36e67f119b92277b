"""The bytes of a probe."""

from __future__ import annotations

from typing import Any

import pytest

from probes import compose
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target
from probes.secret import opening
from probes.wire.proxy_protocol import Header, parse

FOUR = Target("203.0.113.80", 80, "http", "kong.test")
SIX = Target("2001:db8::80", 443, "https", "kong.test")
CLAIMED = (Claim(PROXY_CHANNEL, "192.0.2.3"),)


def probe(target: Target = FOUR, **more: Any) -> Probe:
    return Probe("n0nce", target, "/kongip/n0nce", **more)


def test_the_request_is_one_get_with_the_claims_behind_everything_else() -> None:
    claims = (Claim("X-Forwarded-For", "192.0.2.1"), Claim(PROXY_CHANNEL, "192.0.2.3"), Claim("X-Real-IP", "192.0.2.2"))
    assert compose.request(probe(claims=claims, secret="s3cret")) == (
        b"GET /kongip/n0nce HTTP/1.1\r\n"
        b"Host: kong.test\r\n"
        b"User-Agent: kongip\r\n"
        b"Accept: application/json\r\n"
        b"Connection: close\r\n"
        b"X-Kongip-Secret: " + opening("s3cret").encode() + b"\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\n"
        b"X-Real-IP: 192.0.2.2\r\n"
        b"\r\n"
    )


def test_without_a_secret_no_header_says_so() -> None:
    assert b"Secret" not in compose.request(probe())


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (FOUR, "kong.test"),
        (Target("203.0.113.80", 8000, "http", "kong.test"), "kong.test:8000"),
        (Target("203.0.113.80", 443, "http", "kong.test"), "kong.test:443"),
        (SIX, "kong.test"),
        (Target("2001:db8::80", 80, "https", "[2001:db8::80]"), "[2001:db8::80]:80"),
    ],
)
def test_the_port_is_named_where_it_is_not_the_schemes_own(target: Target, host: str) -> None:
    assert compose.host(probe(target)) == host


@pytest.mark.parametrize(
    ("preamble", "data"),
    [
        (Preamble.NONE, b""),
        (Preamble.V1_UNKNOWN, b"PROXY UNKNOWN\r\n"),
        (Preamble.V2_LOCAL, bytes.fromhex("0d0a0d0a000d0a515549540a20000000")),
        (Preamble.V1, b"PROXY TCP4 192.0.2.3 203.0.113.80 4711 80\r\n"),
        (Preamble.V2, bytes.fromhex("0d0a0d0a000d0a515549540a2111000cc0000203cb00715012670050")),
    ],
)
def test_prefaces(preamble: Preamble, data: bytes) -> None:
    assert compose.preface(probe(preamble=preamble, claims=CLAIMED, claimed_port=4711)) == data


@pytest.mark.parametrize("preamble", [Preamble.V1, Preamble.V2])
@pytest.mark.parametrize(
    ("target", "claimed", "named"),
    [
        (SIX, "2001:db8::3", "2001:db8::80"),
        (SIX, "192.0.2.3", "0.0.0.0"),
        (FOUR, "2001:db8::3", "::"),
    ],
)
def test_source_and_destination_are_of_one_family(preamble: Preamble, target: Target, claimed: str, named: str) -> None:
    claims = (Claim(PROXY_CHANNEL, claimed),)
    header, _ = parse(compose.preface(probe(target, preamble=preamble, claims=claims, claimed_port=4711)))
    version = 1 if preamble is Preamble.V1 else 2
    assert header == Header(version, "PROXY", claimed, 4711, named, target.port)  # type: ignore[arg-type]


@pytest.mark.parametrize("preamble", [Preamble.V1, Preamble.V2])
def test_a_preamble_that_should_claim_and_does_not_is_an_error(preamble: Preamble) -> None:
    with pytest.raises(ValueError, match="claims no address"):
        compose.preface(probe(preamble=preamble, claims=(Claim("X-Forwarded-For", "192.0.2.1"),)))
