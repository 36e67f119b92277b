"""Proxies: what each behaviour makes of a connection, and of the answer that comes back."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from diagnose.path.proxying import (
    BELIEVES_PROXY,
    EMITS,
    ENDS,
    HTTP,
    PLAIN_MANNER,
    SENDS_PROXY,
    Answer,
    End,
    Manner,
    Onward,
    Proxying,
    Reads,
    answers_after,
    pass_on,
)
from diagnose.path.traffic import Headers, Traffic
from probes.wire.proxy_protocol import Header, encode, parse

CLIENT, OWN = IPv4Address("198.51.100.9"), IPv4Address("10.0.0.5")
HEADERS: Headers = (
    ("X-A", "1"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("x-forwarded-for", "192.0.2.2, 192.0.2.3"),
    ("X-Real-IP", "192.0.2.4"),
)
CAME = Traffic(CLIENT, IPv4Address("203.0.113.80"), 443, headers=HEADERS, tls=True, host="kong.test")
V1 = b"PROXY TCP4 192.0.2.9 203.0.113.80 4000 443\r\n"


def passed(behaviour: Proxying, traffic: Traffic = CAME, manner: Manner = PLAIN_MANNER) -> Traffic:
    onward = pass_on(behaviour, traffic, OWN, manner)
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


@pytest.mark.parametrize("behaviour", sorted(EMITS))
@pytest.mark.parametrize("came_as", [False, True])
def test_a_proxy_speaks_onwards_as_it_is_told(behaviour: Proxying, came_as: bool) -> None:
    traffic = replace(CAME, tls=came_as, preface=(V1,) if behaviour in BELIEVES_PROXY else ())
    spoken = [passed(behaviour, traffic, Manner(onward=onward)).tls for onward in Onward]
    assert spoken == [came_as, False, True]


@pytest.mark.parametrize("behaviour", sorted(EMITS - HTTP - BELIEVES_PROXY))
@pytest.mark.parametrize("onward", [Onward.CLEAR, Onward.TLS])
def test_a_proxy_header_in_front_of_a_handshake_breaks_it_where_tls_ends(behaviour: Proxying, onward: Onward) -> None:
    end = pass_on(behaviour, replace(CAME, preface=(V1,)), OWN, Manner(onward=onward))
    assert isinstance(end, End)


@pytest.mark.parametrize("behaviour", sorted(HTTP))
def test_a_header_of_its_own_names_its_peer_whatever_a_client_wrote_there(behaviour: Proxying) -> None:
    claimed = replace(CAME, headers=(*HEADERS, ("cf-connecting-ip", "192.0.2.5")))
    onward = passed(behaviour, claimed, Manner(sets=("CF-Connecting-IP",)))
    assert [value for name, value in onward.headers if name.lower() == "cf-connecting-ip"] == ["198.51.100.9"]
    assert ("X-A", "1") in onward.headers


@pytest.mark.parametrize("behaviour", sorted(BELIEVES_PROXY))
def test_who_believes_a_proxy_header_hands_on_what_it_names(behaviour: Proxying) -> None:
    onward = passed(behaviour, replace(CAME, preface=(V1,)))
    assert [parse(segment)[0].source for segment in onward.preface] == ["192.0.2.9"]
    assert onward.source == OWN


@pytest.mark.parametrize("behaviour", sorted(BELIEVES_PROXY))
@pytest.mark.parametrize("nobody", [b"PROXY UNKNOWN\r\n", Header(2, "LOCAL")])
def test_a_header_that_names_nobody_leaves_the_peer(behaviour: Proxying, nobody: bytes | Header) -> None:
    segment = nobody if isinstance(nobody, bytes) else encode(nobody)
    onward = passed(behaviour, replace(CAME, preface=(segment,)))
    assert [parse(one)[0].source for one in onward.preface] == ["198.51.100.9"]


def test_without_a_header_one_that_accepts_names_its_peer_and_one_that_requires_closes() -> None:
    onward = passed(Proxying.ACCEPTS_AND_PASSES_PROXY)
    assert [parse(segment)[0].source for segment in onward.preface] == ["198.51.100.9"]
    assert pass_on(Proxying.REQUIRES_AND_PASSES_PROXY, CAME, OWN) == End(frozenset({Answer.CLOSED, Answer.TLS_FAILED}))


@pytest.mark.parametrize(("reads", "client"), [(Reads.NAMES, "192.0.2.9"), (Reads.PEER, "198.51.100.9")])
def test_a_proxy_behind_another_reads_its_header_for_the_name_or_only_takes_it_off(reads: Reads, client: str) -> None:
    onward = passed(Proxying.HTTP_APPENDS_XFF, replace(CAME, preface=(V1,)), Manner(reads=reads))
    assert onward.preface == ()
    assert chain(onward)[-1].split(", ")[-1] == client
    assert isinstance(pass_on(Proxying.HTTP_APPENDS_XFF, CAME, OWN, Manner(reads=reads)), End)


def test_googles_adds_the_client_and_the_address_that_it_was_reached_on() -> None:
    alone = passed(Proxying.HTTP_APPENDS_XFF_AND_SELF, replace(CAME, headers=()))
    assert chain(alone) == ["198.51.100.9, 203.0.113.80"]


@pytest.mark.parametrize("behaviour", sorted(HTTP))
def test_a_proxy_header_is_no_request_to_an_http_proxy(behaviour: Proxying) -> None:
    end = pass_on(behaviour, replace(CAME, preface=(V1,)), OWN)
    assert end == End(frozenset({Answer.REJECTED, Answer.CLOSED, Answer.TLS_FAILED}))


@pytest.mark.parametrize(
    ("behaviour", "answer"), [(Proxying.DROPS, Answer.TIMED_OUT), (Proxying.REFUSES, Answer.REFUSED)]
)
def test_a_proxy_may_end_the_connection(behaviour: Proxying, answer: Answer) -> None:
    assert pass_on(behaviour, CAME, OWN) == End(frozenset({answer}))


def test_those_that_emit_are_those_whose_own_address_is_seen() -> None:
    going_on = set(Proxying) - ENDS - {Proxying.REQUIRES_AND_PASSES_PROXY}
    assert {one for one in going_on if passed(one).source == OWN} == EMITS & going_on
    assert {one for one in going_on if passed(one).preface} == SENDS_PROXY & going_on


@pytest.mark.parametrize("behaviour", sorted(EMITS - BELIEVES_PROXY))
def test_without_a_known_address_of_its_own_the_source_stays(behaviour: Proxying) -> None:
    onward = pass_on(behaviour, CAME, None)
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


def test_a_header_that_is_kept_if_it_came_is_written_where_it_did_not() -> None:
    manner = Manner(sets=("CF-Connecting-IP", "X-Edge"), keeps=("CF-Connecting-IP",))
    claimed = replace(CAME, headers=(("cf-connecting-ip", "192.0.2.8"), ("X-Edge", "192.0.2.7")))

    came, not_come = (dict(passed(Proxying.HTTP_PRESERVES_XFF, one, manner).headers) for one in (claimed, CAME))

    assert (came["cf-connecting-ip"], came["X-Edge"]) == ("192.0.2.8", str(CLIENT))
    assert not_come["CF-Connecting-IP"] == str(CLIENT)


def test_one_that_ends_http_may_put_a_proxy_header_in_front_besides() -> None:
    onward = passed(Proxying.HTTP_APPENDS_XFF, manner=Manner(prefaces=True))

    assert [parse(segment)[0].source for segment in onward.preface] == [str(CLIENT)]
    assert chain(onward)[-1].endswith(str(CLIENT))
