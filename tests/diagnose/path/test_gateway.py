"""The gateway beside the recorded rows of real Kongs, and what must hold of it for whatever comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.addresses import text_of
from diagnose.path.gateway import Conclusion, receive
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Headers, Traffic
from probes.wire import proxy_protocol

Row = dict[str, Any]

DATA = Path(__file__).parents[2] / "data"
SHOWN = 5
PORTS = {(False, False): 8000, (False, True): 8100, (True, False): 8443, (True, True): 8543}
"""The ports of the recorded Kongs: (tls, proxy_protocol) of each."""

EXCEPTIONS: dict[str, str] = {}
"""Probes of the wide rows that the model may answer differently, each with the reason. There are none."""

PEER = IPv4Address("127.0.1.10")
CLIENT = IPv4Address("203.0.113.7")
HERE = IPv4Address("127.0.0.1")
TRUSTING = ("127.0.1.0/24",)


def rows_of(name: str) -> list[Row]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def concluded(row: Row) -> Conclusion:
    listener = Listener(PORTS[row["tls"], row["listener_proxy_protocol"]], row["tls"], row["listener_proxy_protocol"])
    major, minor = row["kong"].split(".")[:2]
    settings = Settings(
        trusted_ips=tuple(row["trusted_ips"]),
        real_ip_header=row["real_ip_header"],
        real_ip_recursive=row["real_ip_recursive"] == "on",
        version=(int(major), int(minor)),
    )
    traffic = Traffic(
        source=ip_address(row["tcp_peer"]),
        destination=HERE,
        port=listener.port,
        preface=tuple(bytes.fromhex(segment) for segment in row["proxy_header_hex"]),
        headers=tuple((name, value) for name, value in row["request_headers"]),
        tls=row["tls"],
        host="kong.test",
    )
    return receive(settings, listener, traffic)


def as_seen(conclusion: Conclusion) -> Row:
    """A conclusion in the words of the rows."""
    return {
        "status": conclusion.status,
        "tls_handshake_failed": conclusion.tls_failed,
        "access_log_address": conclusion.address,
        "client_ip": conclusion.client_ip,
        "upstream": None if conclusion.upstream is None else dict(conclusion.upstream),
        "error_log": list(conclusion.complaints),
    }


def recorded(row: Row) -> Row:
    """What a row saw. A header that did not arrive is null in the rows, and absent here."""
    seen = dict(row["seen"])
    if seen["upstream"] is not None:
        seen["upstream"] = {name: value for name, value in seen["upstream"].items() if value is not None}
    return seen


def differences(rows: list[Row]) -> list[str]:
    found = []
    for number, row in enumerate(rows, 1):
        model, kong = as_seen(concluded(row)), recorded(row)
        if model != kong:
            wrong = {name: {"kong": kong[name], "model": model[name]} for name in kong if model[name] != kong[name]}
            asked = {name: value for name, value in row.items() if name != "seen"}
            found.append(f"line {number}, {row['probe']}: {json.dumps(wrong)}\n    asked: {json.dumps(asked)}")
    return found


def told(found: list[str], rows: list[Row]) -> str:
    return f"{len(found)} of {len(rows)} rows differ, the first ones:\n" + "\n".join(found[:SHOWN])


@pytest.mark.parametrize(("name", "number"), [("kong-truth.jsonl", 2458), ("kong-truth-wide.jsonl", 1496)])
def test_concludes_what_real_kongs_concluded(name: str, number: int) -> None:
    rows = rows_of(name)
    assert len(rows) == number
    found = differences([row for row in rows if row["probe"] not in EXCEPTIONS])
    assert not found, told(found, rows)


def test_every_exception_still_is_one() -> None:
    rows = rows_of("kong-truth-wide.jsonl")
    for probe, reason in EXCEPTIONS.items():
        assert reason
        assert differences([row for row in rows if row["probe"] == probe])


def plain(headers: Headers = (), **more: Any) -> Traffic:
    return replace(Traffic(PEER, HERE, 8000, headers=headers, host="kong.test"), **more)


def v1(source: str = "203.0.113.7") -> bytes:
    return f"PROXY TCP4 {source} 198.51.100.1 40001 443\r\n".encode()


# Which channel the address came from.


def test_names_the_channel_that_it_took_the_address_from() -> None:
    by_header = Settings(trusted_ips=TRUSTING, real_ip_header="CF-Connecting-IP")
    by_proxy = Settings(trusted_ips=TRUSTING, real_ip_header="proxy_protocol")
    listener = Listener(8000, proxy_protocol=True)
    heard = receive(by_header, Listener(8000), plain((("cf-connecting-ip", "203.0.113.7"),)))
    assert (heard.address, heard.channel) == ("203.0.113.7", "CF-Connecting-IP")
    heard = receive(by_proxy, listener, plain(preface=(v1(),)))
    assert (heard.address, heard.channel) == ("203.0.113.7", "PROXY")
    heard = receive(by_header, Listener(8000), plain())
    assert (heard.address, heard.channel) == ("127.0.1.10", "peer")
    heard = receive(by_header, listener, plain(preface=(v1(),)))
    assert (heard.address, heard.channel) == ("127.0.1.10", "peer")


def test_a_chain_that_ends_in_the_peer_was_read_all_the_same() -> None:
    settings = Settings(trusted_ips=TRUSTING, real_ip_header="X-Forwarded-For")
    heard = receive(settings, Listener(8000), plain((("X-Forwarded-For", "203.0.113.7, 127.0.1.10"),)))
    assert (heard.address, heard.channel) == ("127.0.1.10", "X-Forwarded-For")


# What the rows have no peer for: IPv6, IPv4-mapped ones, and hosts with ports.


@pytest.mark.parametrize(
    ("trusted", "address", "proto"),
    [
        (("127.0.1.10",), "203.0.113.7", "http"),  # nginx believes the peer, Kong's Lua code does not
        (("::ffff:127.0.1.10",), "::ffff:127.0.1.10", "https"),  # the other way round
        (("0.0.0.0/0", "::/0"), "203.0.113.7", "https"),
        (("0.0.0.0/0",), "203.0.113.7", "http"),
        (("::/0",), "::ffff:127.0.1.10", "https"),
    ],
)
def test_an_ipv4_mapped_peer_is_judged_twice(trusted: tuple[str, ...], address: str, proto: str) -> None:
    traffic = plain(
        (("X-Real-IP", "203.0.113.7"), ("X-Forwarded-Proto", "https")), source=IPv6Address("::ffff:127.0.1.10")
    )
    heard = receive(Settings(trusted_ips=trusted), Listener(8000), traffic)
    assert heard.address == address
    assert dict(heard.upstream or ())["X-Forwarded-Proto"] == proto


@pytest.mark.parametrize(
    ("host", "sent_on"),
    [("Kong.Test:8000", "kong.test"), ("kong.test.", "kong.test"), ("[2001:DB8::1]:80", "[2001:db8::1]")],
)
def test_the_host_goes_on_without_its_port(host: str, sent_on: str) -> None:
    heard = receive(Settings(), Listener(8000), plain(host=host))
    assert dict(heard.upstream or ())["X-Forwarded-Host"] == sent_on


def test_an_unknown_version_is_taken_for_the_newest() -> None:
    chain = (("X-Forwarded-For", "203.0.113.50"), ("X-Forwarded-For", "198.51.100.77"))
    sent = [
        dict(receive(Settings(version=version), Listener(8000), plain(chain)).upstream or ())["X-Forwarded-For"]
        for version in ((2, 8), (3, 5), (3, 6), None)
    ]
    joined, first = "203.0.113.50, 198.51.100.77, 127.0.1.10", "203.0.113.50, 127.0.1.10"
    assert sent == [joined, joined, first, first]


def test_a_clear_text_request_on_a_tls_port_is_logged_with_the_peer_whatever_is_trusted() -> None:
    settings = Settings(trusted_ips=TRUSTING, real_ip_header="proxy_protocol")
    heard = receive(settings, Listener(8543, tls=True, proxy_protocol=True), plain(preface=(v1(),)))
    assert (heard.status, heard.address, heard.tls_failed) == (400, "127.0.1.10", False)


def test_empty_segments_are_no_segments() -> None:
    assert receive(Settings(), Listener(8000), plain(preface=(b"",))).status == 200
    heard = receive(Settings(), Listener(8100, proxy_protocol=True), plain(preface=(b"", v1(), b"")))
    assert heard.status == 200


# Whatever comes in.

ADDRESSES = st.ip_addresses() | st.sampled_from([PEER, CLIENT, IPv6Address("::ffff:127.0.1.10")])
NAMES = st.sampled_from(
    ["X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X-Real-IP", "proxy_protocol", "Forwarded", "X-Other"]
)
VALUES = st.text(st.characters(codec="latin-1"), max_size=40) | st.lists(
    ADDRESSES.map(str) | st.sampled_from(["unknown", "", "[::1]:80", "203.0.113.7:0", "1.2.3", ":" * 9]), max_size=6
).map(", ".join)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
PREFACES = st.lists(
    st.binary(max_size=60)
    | st.binary(max_size=40).map(lambda rest: proxy_protocol.SIGNATURE + rest)
    | st.binary(max_size=40).map(lambda rest: b"PROXY TCP4 " + rest)
    | st.sampled_from([v1(), b"PROXY UNKNOWN\r\n", b"\r\n", b"\x16\x03\x01"]),
    max_size=3,
).map(tuple)
NETWORKS = st.sampled_from(["127.0.1.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32", "unix:", "203.0.113.7", "::1"])
SETTINGS = st.builds(
    Settings,
    trusted_ips=st.lists(NETWORKS, max_size=3).map(tuple),
    real_ip_header=NAMES,
    real_ip_recursive=st.booleans(),
    version=st.sampled_from([None, (2, 8), (3, 5), (3, 9)]),
)
LISTENERS = st.builds(Listener, st.sampled_from([8000, 8443]), st.booleans(), st.booleans())
TRAFFIC = st.builds(
    Traffic,
    ADDRESSES,
    st.just(HERE),
    st.just(8000),
    PREFACES,
    HEADERS,
    st.booleans(),
    st.sampled_from(["", "kong.test"]),
)


@given(SETTINGS, LISTENERS, TRAFFIC)
def test_concludes_something_of_whatever_comes_in(settings: Settings, listener: Listener, traffic: Traffic) -> None:
    heard = receive(settings, listener, traffic)
    assert heard.status in (200, 400, None)
    assert (heard.status is None) == (heard.address is None)
    assert (heard.status == 200) == (heard.upstream is not None)
    assert heard.channel in ("peer", "PROXY", settings.real_ip_header)
    if heard.complaints:
        assert heard.status is None
        assert listener.proxy_protocol
    if heard.address is not None:
        ip_address(heard.address)
    if heard.upstream is not None:
        assert dict(heard.upstream)["X-Real-IP"] == heard.address
        assert "" not in dict(heard.upstream).values()


@given(SETTINGS, LISTENERS, TRAFFIC)
def test_a_peer_that_is_not_trusted_is_logged_itself(settings: Settings, listener: Listener, traffic: Traffic) -> None:
    heard = receive(settings, listener, traffic)
    if not settings.trusts(traffic.source) and heard.address is not None:
        assert (heard.address, heard.channel) == (text_of(traffic.source), "peer")


@given(LISTENERS, TRAFFIC)
def test_without_trust_the_settings_of_realip_change_nothing(listener: Listener, traffic: Traffic) -> None:
    nobody = [
        receive(Settings(real_ip_header=name, real_ip_recursive=recursive), listener, traffic)
        for name in ("X-Real-IP", "X-Forwarded-For", "proxy_protocol")
        for recursive in (False, True)
    ]
    assert len(set(nobody)) == 1


@given(st.ip_addresses(v=4), st.sampled_from([1, 2]))
def test_a_proxy_header_from_a_trusted_peer_is_believed(client: IPv4Address, version: Any) -> None:
    header = proxy_protocol.encode(proxy_protocol.Header(version, "PROXY", str(client), 40001, "198.51.100.1", 443))
    settings = Settings(trusted_ips=TRUSTING, real_ip_header="proxy_protocol")
    heard = receive(settings, Listener(8100, proxy_protocol=True), plain(preface=(header,)))
    # nginx reads no address out of this text, so that it cannot be taken.
    expected = "127.0.1.10" if str(client) == "255.255.255.255" else str(client)
    assert (heard.status, heard.address) == (200, expected)


@given(st.lists(st.sampled_from(["127.0.1.10", "127.0.1.99", "203.0.113.50", "198.51.100.77"]), min_size=1, max_size=6))
def test_recursion_stops_at_the_last_element_that_is_not_trusted(chain: list[str]) -> None:
    settings = Settings(trusted_ips=TRUSTING, real_ip_header="X-Forwarded-For", real_ip_recursive=True)
    heard = receive(settings, Listener(8000), plain((("X-Forwarded-For", ", ".join(chain)),)))
    strangers = [one for one in chain if not one.startswith("127.0.1.")]
    assert heard.address == (strangers[-1] if strangers else chain[0])


@pytest.mark.parametrize(("name", "logged"), [("X_Client", "203.0.113.7"), ("X.Client", "127.0.1.10")])
def test_a_header_whose_name_nginx_finds_invalid_is_as_if_it_had_not_come(name: str, logged: str) -> None:
    settings = Settings(trusted_ips=TRUSTING, real_ip_header=name)

    assert receive(settings, Listener(8000), plain(((name, "203.0.113.7"),))).address == logged
