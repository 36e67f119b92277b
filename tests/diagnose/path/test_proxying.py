"""Proxies: what each behaviour makes of a connection, and of the answer that comes back."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from diagnose.path.proxying import EMITS, HTTP, SENDS_PROXY, Answer, End, Proxying, answers_after, pass_on
from diagnose.path.traffic import Headers, Traffic
from probes.wire.proxy_protocol import Header, parse

CLIENT, OWN = IPv4Address("198.51.100.9"), IPv4Address("10.0.0.5")
HEADERS: Headers = (
    ("X-A", "1"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("x-forwarded-for", "192.0.2.2, 192.0.2.3"),
    ("X-Real-IP", "192.0.2.4"),
)
CAME = Traffic(CLIENT, IPv4Address("203.0.113.80"), 443, headers=HEADERS, tls=True, host="kong.test")
V1 = b"PROXY TCP4 192.0.2.9 203.0.113.80 4000 443\r\n"


def passed(behaviour: Proxying, traffic: Traffic = CAME, *, onward_tls: bool = True) -> Traffic:
    onward = pass_on(behaviour, traffic, OWN, onward_tls=onward_tls)
    assert isinstance(onward, Traffic)
    return onward


def chain(traffic: Traffic) -> list[str]:
    return [value for name, value in traffic.headers if name.lower() == "x-forwarded-for"]


def test_passing_through_changes_nothing() -> None:
    claimed = replace(CAME, preface=(V1,))
    assert passed(Proxying.PASSES_THROUGH, claimed) == claimed


def test_a_plain_proxy_changes_the_source_alone() -> None:
    claimed = replace(CAME, preface=(V1,))
    assert passed(Proxying.PROXIES, claimed) == replace(claimed, source=OWN)


@pytest.mark.parametrize(("behaviour", "version"), [(Proxying.SENDS_PROXY_V1, 1), (Proxying.SENDS_PROXY_V2, 2)])
def test_a_proxy_header_names_the_peer_and_comes_before_that_of_the_client(behaviour: Proxying, version: int) -> None:
    onward = passed(behaviour, replace(CAME, preface=(V1,)))
    assert onward == replace(CAME, source=OWN, preface=onward.preface)
    first, second = onward.preface
    header, size = parse(first)
    assert (header.version, header.source, size) == (version, "198.51.100.9", len(first))
    assert (header.destination, header.destination_port) == ("203.0.113.80", 443)
    assert second == V1


@pytest.mark.parametrize("behaviour", [Proxying.SENDS_PROXY_V1, Proxying.SENDS_PROXY_V2])
@pytest.mark.parametrize(("peer", "here"), [("198.51.100.9", "2001:db8::80"), ("2001:db8::9", "203.0.113.80")])
def test_a_peer_of_another_family_than_the_entry_is_named_all_the_same(
    behaviour: Proxying, peer: str, here: str
) -> None:
    # An edge that is reached over IPv6 and goes on over IPv4.
    onward = passed(behaviour, replace(CAME, source=ip_address(peer), destination=ip_address(here)))
    header = parse(onward.preface[0])[0]
    assert isinstance(header, Header)
    assert header.source == peer


@pytest.mark.parametrize(
    ("behaviour", "lines"),
    [
        (Proxying.HTTP_APPENDS_XFF, ["192.0.2.1, 192.0.2.2, 192.0.2.3, 198.51.100.9"]),
        (Proxying.HTTP_APPENDS_XFF_LINE, ["192.0.2.1", "192.0.2.2, 192.0.2.3", "198.51.100.9"]),
        (Proxying.HTTP_REPLACES_XFF, ["198.51.100.9"]),
        (Proxying.HTTP_PRESERVES_XFF, ["192.0.2.1", "192.0.2.2, 192.0.2.3"]),
        (Proxying.HTTP_STRIPS_XFF, []),
    ],
)
def test_what_an_http_proxy_does_with_several_lines(behaviour: Proxying, lines: list[str]) -> None:
    onward = passed(behaviour)
    assert chain(onward) == lines
    assert [pair for pair in onward.headers if pair[0] in ("X-A", "X-Real-IP")] == [HEADERS[0], HEADERS[3]]
    assert onward == replace(CAME, source=OWN, headers=onward.headers)


@pytest.mark.parametrize(
    ("behaviour", "lines"),
    [
        (Proxying.HTTP_APPENDS_XFF, ["198.51.100.9"]),
        (Proxying.HTTP_APPENDS_XFF_LINE, ["198.51.100.9"]),
        (Proxying.HTTP_REPLACES_XFF, ["198.51.100.9"]),
        (Proxying.HTTP_PRESERVES_XFF, []),
        (Proxying.HTTP_STRIPS_XFF, []),
    ],
)
def test_what_an_http_proxy_does_where_nothing_came(behaviour: Proxying, lines: list[str]) -> None:
    assert chain(passed(behaviour, replace(CAME, headers=(("X-A", "1"),)))) == lines


@pytest.mark.parametrize("behaviour", sorted(HTTP))
@pytest.mark.parametrize("came_as", [False, True])
@pytest.mark.parametrize("onward_tls", [False, True])
def test_an_http_proxy_speaks_to_its_backend_as_that_expects(
    behaviour: Proxying, came_as: bool, onward_tls: bool
) -> None:
    assert passed(behaviour, replace(CAME, tls=came_as), onward_tls=onward_tls).tls is onward_tls


@pytest.mark.parametrize("behaviour", sorted(EMITS - HTTP))
def test_any_other_proxy_leaves_tls_as_it_came(behaviour: Proxying) -> None:
    assert passed(behaviour, onward_tls=False).tls is True


@pytest.mark.parametrize("behaviour", sorted(HTTP))
def test_a_proxy_header_is_no_request_to_an_http_proxy(behaviour: Proxying) -> None:
    end = pass_on(behaviour, replace(CAME, preface=(V1,)), OWN, onward_tls=True)
    assert end == End(frozenset({Answer.REJECTED, Answer.CLOSED, Answer.TLS_FAILED}))


@pytest.mark.parametrize(
    ("behaviour", "answer"), [(Proxying.DROPS, Answer.TIMED_OUT), (Proxying.REFUSES, Answer.REFUSED)]
)
def test_a_proxy_may_end_the_connection(behaviour: Proxying, answer: Answer) -> None:
    assert pass_on(behaviour, CAME, OWN, onward_tls=True) == End(frozenset({answer}))


def test_those_that_emit_are_those_whose_own_address_is_seen() -> None:
    ends = {Proxying.DROPS, Proxying.REFUSES}
    assert {one for one in Proxying if one not in ends and passed(one).source == OWN} == EMITS
    assert {one for one in EMITS if passed(one).preface} == SENDS_PROXY


@pytest.mark.parametrize("behaviour", sorted(EMITS))
def test_without_a_known_address_of_its_own_the_source_stays(behaviour: Proxying) -> None:
    onward = pass_on(behaviour, CAME, None, onward_tls=True)
    assert isinstance(onward, Traffic)
    assert onward.source == CLIENT


@pytest.mark.parametrize("behaviour", sorted(HTTP))
@pytest.mark.parametrize("answer", [Answer.CLOSED, Answer.REFUSED, Answer.TIMED_OUT, Answer.TLS_FAILED])
def test_an_http_proxy_may_answer_for_a_backend_that_does_not(behaviour: Proxying, answer: Answer) -> None:
    assert answers_after(behaviour, frozenset({answer})) == {answer, Answer.BAD_GATEWAY}


@pytest.mark.parametrize("behaviour", list(Proxying))
@pytest.mark.parametrize("answer", [Answer.PASSED, Answer.REJECTED, Answer.BAD_GATEWAY])
def test_answers_in_http_come_back_as_they_are(behaviour: Proxying, answer: Answer) -> None:
    assert answers_after(behaviour, frozenset({answer})) == {answer}


@pytest.mark.parametrize("behaviour", sorted(EMITS - HTTP))
def test_a_refusing_backend_looks_like_a_closing_one_through_a_proxy(behaviour: Proxying) -> None:
    assert answers_after(behaviour, frozenset({Answer.REFUSED})) == {Answer.REFUSED, Answer.CLOSED}
    assert answers_after(Proxying.PASSES_THROUGH, frozenset({Answer.REFUSED})) == {Answer.REFUSED}
