"""What captures say of probes, also where packets are lacking in them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from diagnose.capture.sightings import Sighting, sightings
from diagnose.path.traffic import Layer
from probes.outcome import Closed, Sent
from probes.probe import Probe, Target
from probes.wire.proxy_protocol import Header, encode
from tests.diagnose.capture.making import CLIENT, NONCE, REQUEST, connection, opening

NODE, BALANCER, UPSTREAM = ("10.2.0.11", 40000), ("10.1.0.4", 51000), ("10.3.2.5", 61000)
ECHO = ("10.9.0.8", 8080)
PROXY = Header(1, "PROXY", CLIENT[0], CLIENT[1], "203.0.113.80", 80)
TARGET = Target("203.0.113.80", 80, "http", "kong.test")
SENT = Sent(Probe(NONCE, TARGET, f"/kongip-echo/{NONCE}"), Closed(), CLIENT[0], port=CLIENT[1])
ADDRESS = ip_address(NODE[0])


def test_the_first_connection_at_each_layer_is_the_arrival_there() -> None:
    seen = [
        connection(Layer.NODE, CLIENT, began=opening(), time=1.0),
        connection(Layer.NODE, NODE, began=opening(), time=2.0),
        connection(Layer.GATEWAY, NODE, began=opening(), time=3.0),
        connection(Layer.GATEWAY, UPSTREAM, began=opening(7, 7), time=4.0, destination=ECHO),
    ]
    found = sightings(seen, [SENT])[NONCE]
    assert {(one.layer, str(one.source)) for one in found} == {(Layer.NODE, CLIENT[0]), (Layer.GATEWAY, NODE[0])}
    assert all((one.proxies, one.forwarded) == ((), ("192.0.2.1",)) for one in found)


def test_what_kong_sends_on_is_no_arrival_even_where_the_arrival_is_lacking() -> None:
    other = connection(Layer.GATEWAY, NODE, b"", opening(9, 9))
    lonely = connection(Layer.GATEWAY, UPSTREAM, began=opening(7, 7), destination=ECHO)
    assert sightings([other, lonely], [SENT]) == {}


def test_what_nobody_answered_before_something_that_was_answered_may_have_been_for_another_machine() -> None:
    overheard = connection(Layer.NODE, CLIENT, b"", opening(), time=1.0)
    arrived = connection(Layer.NODE, NODE, began=opening(), time=2.0, answer=opening(50, 60))
    assert sightings([overheard, arrived], [SENT]) == {}
    [alone] = sightings([overheard, replace(arrived, answer=None)], [SENT])[NONCE]
    assert str(alone.source) == CLIENT[0], "a capture of one direction, where nothing has an answer"


def test_what_kong_was_answered_says_nothing_of_what_came_to_it() -> None:
    arrived = connection(Layer.GATEWAY, NODE, began=opening(), time=1.0)
    sent_on = connection(Layer.GATEWAY, UPSTREAM, began=opening(7, 7), time=2.0, destination=ECHO, answer=opening(8, 8))
    [found] = sightings([arrived, sent_on], [SENT])[NONCE]
    assert found.source == ADDRESS


def test_without_a_syn_it_is_not_known_what_came_first() -> None:
    [found] = sightings([connection(Layer.GATEWAY, NODE)], [SENT])[NONCE]
    assert found == Sighting(Layer.GATEWAY, ADDRESS, None, ("192.0.2.1",), (), None)


def test_a_connection_that_said_nothing_yet_tells_its_source_alone() -> None:
    [found] = sightings([connection(Layer.NODE, CLIENT, b"", opening())], [SENT])[NONCE]
    assert (found.source, found.proxies, found.forwarded) == (ip_address(CLIENT[0]), None, None)


def test_a_proxy_header_names_the_probe_by_its_socket() -> None:
    [found] = sightings(
        [connection(Layer.GATEWAY, BALANCER, encode(PROXY) + b"\x16\x03\x01" + bytes(50), opening())], [SENT]
    )[NONCE]
    assert found.proxies == ((1, ip_address(CLIENT[0])),)


def test_the_callers_own_connection_is_known_by_its_sequence_number() -> None:
    departed = connection(Layer.EGRESS, CLIENT, began=opening())
    [same] = sightings([departed, connection(Layer.GATEWAY, NODE, began=opening())], [SENT])[NONCE]
    [other] = sightings([departed, connection(Layer.GATEWAY, NODE, began=opening(5, 6))], [SENT])[NONCE]
    assert (same.same, other.same) == (True, None)


def test_what_is_no_probe_and_what_was_captured_nowhere_in_particular_say_nothing() -> None:
    stranger = connection(Layer.GATEWAY, ("192.0.2.77", 5), REQUEST.replace(NONCE.encode(), b"f" * 16), opening(3, 3))
    assert sightings([stranger, connection(None, NODE, began=opening())], [SENT]) == {}


def test_where_tls_ends_what_goes_on_from_there_is_no_arrival_there() -> None:
    came = connection(Layer.LOAD_BALANCER, CLIENT, b"\x16\x03\x01\x00\x80\x01" + bytes(50), opening(), time=1.0)
    went_on = connection(Layer.LOAD_BALANCER, BALANCER, began=opening(7, 7), time=2.0)
    [found] = sightings([came, went_on], [SENT])[NONCE]
    assert (found.source, found.forwarded) == (ip_address(CLIENT[0]), None)


def test_what_kong_sends_on_past_a_node_is_no_arrival_there() -> None:
    of_kong = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Path: /kongip-echo\r\n\r\n")
    sent_on = connection(Layer.NODE, UPSTREAM, of_kong, opening(7, 7), destination=ECHO, answer=opening(8, 8))
    assert sightings([sent_on], [SENT]) == {}, "the echo's node, or a connection that the balancer had kept open"
    [found] = sightings([replace(sent_on, time=-1.0), connection(Layer.NODE, NODE, began=opening())], [SENT])[NONCE]
    assert found.source == ADDRESS, "though by the clock of the echo's node it was earlier"


def test_several_connections_at_nodes_are_a_proxy_s_of_which_it_is_not_known_where_it_stands() -> None:
    came = connection(Layer.NODE, CLIENT, began=opening(), time=1.0, answer=opening(50, 60))
    went_on = connection(Layer.NODE, NODE, began=opening(7, 7), time=2.0, answer=opening(51, 61))
    assert sightings([came, went_on], [SENT]) == {}, "from the node itself, or from a balancer that its pod had called"
    at_kong = connection(Layer.GATEWAY, NODE, began=opening(7, 7), time=3.0)
    [found] = sightings([came, went_on, at_kong], [SENT])[NONCE]
    assert found.layer is Layer.GATEWAY


def test_what_the_node_itself_answered_did_not_come_to_a_node_that_forwards() -> None:
    came = connection(Layer.NODE, CLIENT, began=opening(), answer=replace(opening(50, 60), ttl=64))
    assert sightings([came], [SENT]) == {}
    [found] = sightings([replace(came, answer=replace(opening(50, 60), ttl=63))], [SENT])[NONCE]
    assert str(found.source) == CLIENT[0]


def test_addresses_in_forwarded_for_are_read_without_the_port_behind_them() -> None:
    written = REQUEST.replace(b"192.0.2.1", b"192.0.2.1:4711, ::ffff:198.51.100.9")
    [found] = sightings([connection(Layer.GATEWAY, NODE, written, opening())], [SENT])[NONCE]
    assert found.forwarded == ("192.0.2.1", CLIENT[0])


def test_a_caller_s_own_node_may_have_seen_it_leave() -> None:
    left = connection(Layer.NODE, CLIENT, began=opening(), answer=opening(50, 60))
    balanced = connection(Layer.LOAD_BALANCER, CLIENT, began=opening(), answer=opening(50, 60))
    [found] = sightings([left, balanced], [SENT], home={CLIENT[0]})[NONCE]
    assert found.layer is Layer.LOAD_BALANCER


def test_at_kong_s_machine_what_counts_is_the_source_with_which_a_connection_went_on_to_kong() -> None:
    came = connection(Layer.GATEWAY, CLIENT, began=opening(), time=1.0, destination=("203.0.113.80", 80))
    went_on = connection(Layer.GATEWAY, NODE, began=opening(), time=2.0)
    [found] = sightings([came, went_on], [SENT])[NONCE]
    assert found.source == ADDRESS


def test_what_was_first_seen_leaving_is_no_arrival() -> None:
    left = replace(connection(Layer.NODE, CLIENT, began=opening()), left=True)
    assert sightings([left], [SENT]) == {}, "the caller's own machine, or a capture that lacks how it came"
    [found] = sightings([connection(Layer.NODE, CLIENT, began=opening(), time=-1.0), left], [SENT])[NONCE]
    assert str(found.source) == CLIENT[0]
