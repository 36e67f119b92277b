"""Connections at several points, joined to ways, and what happened in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.capture import told
from diagnose.capture.connections import Opening
from diagnose.capture.head import Carries, Head
from diagnose.capture.ways import Between, chosen, join
from diagnose.path.traffic import Layer
from probes.wire import tlvs
from probes.wire.proxy_protocol import Header, encode
from tests.diagnose.capture.making import CLIENT, NONCE, REQUEST, connection, opening
from tests.diagnose.documents import hold

NODE = ("10.2.0.11", 40000)
BALANCER = ("10.1.0.4", 51000)
PROXY = Header(1, "PROXY", CLIENT[0], CLIENT[1], "203.0.113.80", 80)
OTHER = Head(carries=Carries.TLS, hello=bytes(31) + b"x", whole=True)
TLS = Head(carries=Carries.TLS, hello=bytes(32), whole=True)


def test_a_rewritten_source_of_the_same_syn_is_a_node_or_nat() -> None:
    [way] = join([connection(Layer.GATEWAY, NODE, began=opening()), connection(Layer.EGRESS, CLIENT, began=opening())])
    assert [one.source for one in way.sightings] == [CLIENT[0], NODE[0]]
    assert [one.between for one in way.passages] == [Between.REWRITTEN]
    assert way.lost_after == 0
    assert told.conclusion(way).startswith(f"{CLIENT[0]} is lost between client and Kong, where {NODE[0]}")


def test_where_one_file_holds_several_hops_the_conclusion_names_the_ends_that_they_lead_to() -> None:
    balancer, kong = ("127.0.0.1", 9443), ("127.0.0.1", 8443)
    proxied = encode(Header(2, "PROXY", "127.0.0.1", 40000, *balancer))
    [way] = join(
        [
            connection(Layer.EGRESS, ("127.0.0.1", 40000), b"", opening(), destination=balancer),
            connection(Layer.EGRESS, ("127.0.0.1", 51000), proxied, opening(9, 9), 0.1, destination=kong),
        ]
    )
    assert told.conclusion(way) == "127.0.0.1 is told up to 127.0.0.1:8443 (seen at client)"
    assert told.document([way], 0)["ways"][0]["conclusion"] == told.conclusion(way)
    lost = replace(way, sightings=(way.sightings[0], replace(way.sightings[1], source="10.0.0.9", head=Head())))
    assert "between client and 127.0.0.1:8443 (seen at client)" in told.conclusion(lost)


@pytest.mark.parametrize("key", ["nonce", "hello", "proxy"])
def test_what_a_proxy_leaves_alone_joins_its_two_sides(key: str) -> None:
    sides: dict[str, tuple[bytes | Head, bytes | Head]] = {
        "nonce": (REQUEST, REQUEST),
        "hello": (TLS, TLS),
        "proxy": (b"", encode(PROXY)),
    }
    before, after = sides[key]
    [way] = join(
        [
            connection(Layer.EGRESS, CLIENT, before, opening()),
            connection(Layer.GATEWAY, BALANCER, after, opening(5555, 77)),
        ]
    )
    [passed] = way.passages
    assert passed.between is Between.NEW
    assert passed.sent == ((PROXY,) if key == "proxy" else ())
    assert way.lost_after == (None if key == "proxy" else 0)


def test_what_is_not_joined_by_anything_stays_apart() -> None:
    others = [connection(None, ("192.0.2.5", number), b"", opening(number, number)) for number in range(3)]
    assert len(join(others)) == 3


def test_of_two_connections_that_a_header_may_name_the_nearer_one_is_meant() -> None:
    old = connection(Layer.EGRESS, CLIENT, b"", opening(1, 1), time=0.0)
    new = connection(Layer.EGRESS, CLIENT, b"", opening(2, 2), time=100.0)
    ways = join([old, new, connection(Layer.GATEWAY, BALANCER, encode(PROXY), opening(3, 3), time=100.1)])
    assert [len(way.sightings) for way in ways] == [1, 2]


def test_what_a_socket_alone_tells_of_is_joined_by_where_it_comes_from() -> None:
    own = connection(Layer.EGRESS, CLIENT, Head(carries=Carries.TLS), time=5.0)
    came = [connection(Layer.NODE, CLIENT, TLS, opening(number, number), time=float(number)) for number in (1, 4)]
    sent_on = connection(Layer.GATEWAY, NODE, TLS, opening(4, 4), time=4.0)
    older, way = sorted(join([own, replace(came[0], head=OTHER), came[1], sent_on]), key=lambda one: len(one.sightings))
    assert [one.source for one in way.sightings] == [CLIENT[0], CLIENT[0], NODE[0]]
    assert len(older.sightings) == 1


def test_two_that_come_from_the_same_port_at_one_point_are_two() -> None:
    seen = [connection(None, CLIENT, b"", time=1.0), connection(None, CLIENT, b"", time=9.0)]
    assert len(join(seen)) == 2


def test_what_a_socket_tells_of_is_left_out_where_its_packets_were_captured() -> None:
    own = connection(Layer.EGRESS, CLIENT)
    captured, kong = connection(Layer.EGRESS, CLIENT, began=opening()), connection(Layer.GATEWAY, NODE, began=opening())
    [way] = join([own, captured, kong])
    assert way.sightings == (captured, kong)
    [without] = join([own, kong])
    assert without.sightings == (own, kong)


def test_without_both_beginnings_it_is_not_told_how_it_was_forwarded() -> None:
    [way] = join([connection(Layer.EGRESS, CLIENT), connection(Layer.GATEWAY, NODE, began=opening())])
    assert [one.between for one in way.passages] == [Between.UNKNOWN]


def test_headers_that_are_stacked_taken_off_or_new_are_told_apart() -> None:
    outer = PROXY._replace(version=2, source="192.0.2.50")
    steps = [REQUEST, encode(PROXY) + REQUEST, encode(outer) + encode(PROXY) + REQUEST, REQUEST]
    layers = [Layer.EGRESS, Layer.EDGE, Layer.LOAD_BALANCER, Layer.GATEWAY]
    [way] = join([connection(layer, CLIENT, data) for layer, data in zip(layers, steps, strict=True)])
    assert [(one.sent, one.taken) for one in way.passages] == [((PROXY,), ()), ((outer,), ()), ((), (outer, PROXY))]


def test_lines_that_a_proxy_adds_are_told_and_its_tls_too() -> None:
    more = REQUEST.replace(b"192.0.2.1", b"192.0.2.1, 198.51.100.9")
    [way] = join([connection(Layer.EGRESS, CLIENT), connection(Layer.GATEWAY, BALANCER, more)])
    assert way.passages[0].fields == (("X-Forwarded-For", "192.0.2.1, 198.51.100.9"),)
    ended = [connection(Layer.EGRESS, CLIENT, TLS, opening()), connection(Layer.GATEWAY, NODE, REQUEST, opening())]
    assert join(ended)[0].passages[0].tls == "ended"


def test_the_document_agrees_with_its_schema() -> None:
    signed = PROXY._replace(version=2, tlvs=((tlvs.AUTHORITY, b"kong.test"),))
    local = Header(2, "LOCAL")
    no_ident = Opening(7, None, 502, 64, None, b"")
    seen = [
        connection(Layer.EGRESS, CLIENT, REQUEST, opening()),
        connection(Layer.GATEWAY, CLIENT, encode(local) + encode(signed) + REQUEST, no_ident),
        connection(None, CLIENT, b"PROXY what\r\n"),
        connection(Layer.NODE, CLIENT, TLS),
    ]

    found = told.document(join(seen), 3)

    hold(found)
    sightings = [one for way in found["ways"] for one in way["sightings"]]
    assert len(sightings) == 4
    assert any(one["since_the_one_before"] is not None for one in sightings)
    assert [len(one["proxy_headers"]) for one in sightings if one["layer"] == "gateway"] == [2]


def test_probes_and_clients_can_be_chosen() -> None:
    ways = join([connection(None), connection(None, ("192.0.2.5", 1), b"", Opening(9, 9, 1, 1, 1, b""))])
    assert [one.nonce for one in chosen(ways, NONCE, None)] == [NONCE]
    assert [one.nonce for one in chosen(ways, None, "192.0.2.5")] == [None]
    assert len(chosen(ways, None, "192.0.2.0/24")) == 2, "an address that a header names counts, too"
    assert chosen(ways, "f" * 16, None) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (encode(PROXY) + b"\x16\x03\x01" + bytes(50), "sent by 10.1.0.4, before TLS"),
        (encode(PROXY) + REQUEST, "sent by 10.1.0.4, before HTTP in clear text"),
        (encode(PROXY), "sent by 10.1.0.4"),
        (b"\x16\x03\x01" + bytes(50), "TLS: what is inside cannot be seen, and neither can a PROXY header in there"),
    ],
    ids=["before TLS", "before HTTP", "alone", "within TLS, if any"],
)
def test_who_sent_a_proxy_header_and_before_what_is_told(data: bytes, said: str) -> None:
    first, *_ = told.carried(connection(Layer.GATEWAY, BALANCER, data))
    assert first.endswith(said)


def test_text_from_packets_cannot_steer_a_terminal() -> None:
    way = join([connection(None, data=REQUEST.replace(b"192.0.2.1", b"\x1b[31mred"))])
    assert not any("\x1b" in line for line in told.text(way))
