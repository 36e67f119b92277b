"""Evidence: what the witnesses said, and that a witness is believed only for the probe it saw."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address

import pytest

from diagnose.explain.evidence import Observation, echo_peer, observe_all
from diagnose.path.proxying import Answer
from diagnose.plan import Planner
from diagnose.site import PREAMBLE_AS_REQUEST, AccessLine, Complaint, Entry, EntryKind, Kong, Logs
from echo_server import server
from probes import compose
from probes.claims import Claims
from probes.outcome import (
    Answered,
    Closed,
    Garbled,
    Outcome,
    Refused,
    Reset,
    Sent,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from probes.probe import Probe, Vantage

OUTSIDE = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "203.0.113.80", 80, "http")
INSIDE = Entry(EntryKind.POD, "pod kong/kong-0", "10.3.1.5", 8000, "http", vantage=Vantage.INSIDE)
KONG = Kong("kong/kong-0", "10.3.1.5", "node-a", True, None, "a test")
SECRET = "secret"
PLANNER = Planner("/kongip-x", SECRET, Claims())


def probe(entry: Entry = OUTSIDE) -> Probe:
    return PLANNER.plain(entry)[0].probe


def echoed(asked: Probe, **said: object) -> Answered:
    """The echo's answer to ``asked``, unless ``said`` has it otherwise."""
    told: dict[str, object] = {
        "kongip": "echo/v1",
        "peer": KONG.address,
        "path": asked.path,
        "headers": [["X-Real-IP", "192.168.7.7"], ["X-Forwarded-For", "192.0.2.1, 10.0.0.1"]],
    }
    told |= said
    return Answered(200, (), json.dumps({**told, "proof": server.proof(SECRET, json.dumps(told))}).encode())


def observed(asked: Probe, outcome: Outcome, logs: Logs | None = None, entry: Entry = OUTSIDE) -> Observation:
    sent = Sent(asked, outcome, "192.168.7.7")
    return observe_all([(sent, entry)], logs or Logs(), [KONG], SECRET)[0]


def test_the_echo_tells_both_addresses_that_kong_holds_and_the_pod() -> None:
    asked = probe()
    seen = observed(asked, echoed(asked))

    assert seen.seen.answer is Answer.PASSED
    assert seen.seen.logged == ip_address("192.168.7.7")
    assert seen.seen.forwarded == ("192.0.2.1", "10.0.0.1")
    assert seen.kong == KONG.name


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[]", b"null", b'{"kongip": "echo/v1"}', b'{"kongip": "other", "path": "/"}'],
)
def test_an_answer_that_is_not_the_echos_tells_no_address(body: bytes) -> None:
    seen = observed(probe(), Answered(200, (), body))

    assert (seen.seen.logged, seen.seen.forwarded, seen.echoed) == (None, None, False)


def test_an_echo_of_another_probe_is_not_believed() -> None:
    asked, other = probe(), probe()

    assert not observed(asked, echoed(other)).echoed


def test_without_the_runs_secret_nobody_is_an_echo() -> None:
    asked = replace(probe(), secret="")

    assert echo_peer(Sent(asked, echoed(asked))) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("192.0.2.1:51622", "192.0.2.1"),
        ("[2001:db8::1]:51622", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.300:1", "192.0.2.300:1"),
        ("unknown", "unknown"),
    ],
)
def test_ports_and_brackets_around_a_forwarded_address_are_taken_off(written: str, read: str) -> None:
    asked = probe()
    headers = [["X-Forwarded-For", f"{written}, 10.0.0.1"]]

    assert observed(asked, echoed(asked, headers=headers)).seen.forwarded == (read, "10.0.0.1")


def test_whether_kongs_own_log_told_the_address_is_kept() -> None:
    asked = probe()
    line = AccessLine(KONG.name, "192.168.7.7", 200, f"GET {asked.path} HTTP/1.1")

    assert observed(asked, echoed(asked), Logs({asked.nonce: (line,)})).in_log
    assert not observed(asked, echoed(asked)).in_log


def test_an_entry_that_leads_to_one_pod_alone_tells_which_took_the_probe() -> None:
    asked = probe()
    only = replace(OUTSIDE, kind=EntryKind.NODE, kongs=("kong/kong-7",))
    assert observed(asked, echoed(asked, peer="10.78.3.1"), entry=only).kong == "kong/kong-7"
    assert observed(asked, echoed(asked, peer="10.78.3.1")).kong is None


def test_a_node_port_at_the_address_of_a_pod_in_its_nodes_network_may_lead_to_another_pod() -> None:
    asked = probe()
    node = replace(OUTSIDE, kind=EntryKind.NODE, address=KONG.address)
    line = AccessLine("kong/kong-7", "10.2.0.11", 404, f"GET {asked.path} HTTP/1.1")
    assert observed(asked, Answered(404), Logs({asked.nonce: (line,)}), entry=node).kong == "kong/kong-7"
    assert observed(asked, Refused(), entry=node).kong is None


def test_a_log_of_unknown_form_that_names_the_probe_tells_that_kong_answered_and_no_address() -> None:
    asked = probe()
    seen = observed(asked, Answered(404), Logs(unread={KONG.name: "unknown"}, foreign={asked.nonce: KONG.name}))

    assert (seen.seen.answer, seen.seen.logged, seen.kong, seen.in_log) == (Answer.PASSED, None, KONG.name, False)
    assert observed(asked, Answered(404), Logs(unread={KONG.name: "unknown"})).seen.answer is None


def test_a_handshake_that_is_answered_in_clear_text_is_told_from_one_that_is_cut_off() -> None:
    assert observed(probe(), TlsFailed("WRONG_VERSION_NUMBER")).seen.clear_reply
    assert not observed(probe(), TlsFailed("UNEXPECTED_EOF_WHILE_READING")).seen.clear_reply
    assert not observed(probe(), Answered(400)).seen.clear_reply


def test_kongs_log_speaks_where_the_echo_does_not() -> None:
    asked = probe()
    line = AccessLine(KONG.name, "10.2.0.11", 404, f"GET {asked.path} HTTP/1.1")
    seen = observed(asked, Answered(404), Logs({asked.nonce: (line,)}))

    assert (seen.seen.answer, seen.seen.logged, seen.kong) == (Answer.PASSED, ip_address("10.2.0.11"), KONG.name)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Answered(400), Answer.REJECTED),
        (Answered(404, (("Server", "kong/3.9.3"),)), Answer.PASSED),
        (Answered(503, (("X-Kong-Request-Id", "0"),)), Answer.PASSED),
        (Answered(502), Answer.BAD_GATEWAY),
        (Answered(301), None),
        (Answered(403), None),
        (Closed(), Answer.CLOSED),
        (Closed(b"HTTP/1.1 2"), None),
        (Reset(), Answer.CLOSED),
        (Refused(), Answer.REFUSED),
        (TimedOut("connect"), Answer.TIMED_OUT),
        (TimedOut("answer"), None),
        (TlsFailed("WRONG_VERSION_NUMBER"), Answer.TLS_FAILED),
        (Unreachable("no route"), None),
        (Garbled(b"SSH-2.0"), None),
    ],
    ids=str,
)
def test_what_a_socket_saw_is_an_answer_or_unknown(outcome: Outcome, answer: Answer | None) -> None:
    assert observed(probe(), outcome).seen.answer is answer


def test_a_refused_connection_is_found_in_the_log_by_its_nonce() -> None:
    asked = probe()
    logs = Logs(
        complaints=(
            Complaint(KONG.name, "broken header", "10.1.0.4", f"GET {asked.path} HTTP/1.1", None),
            Complaint(KONG.name, "broken header", "10.9.9.9", "GET /other HTTP/1.1", None),
        )
    )

    seen = observed(asked, Closed(), logs).seen
    assert seen.refused == frozenset({ip_address("10.1.0.4")})
    assert seen.quoted
    assert not observed(probe(), Closed(), logs).seen.quoted


def test_addresses_of_which_only_one_is_this_connections_are_not_told_of_it() -> None:
    complaints = tuple(
        Complaint(KONG.name, PREAMBLE_AS_REQUEST, peer, "\\x00", None) for peer in ("10.1.0.4", "10.1.0.5")
    )
    seen = observed(probe(), Answered(400), Logs(complaints=complaints))

    assert seen.told == frozenset()
    assert seen.visible == {ip_address("10.1.0.4"), ip_address("10.1.0.5")}


def test_what_kong_complains_of_the_echo_pod_is_not_laid_at_an_outside_probes_door() -> None:
    outer, inner = probe(), probe(INSIDE)
    logs = Logs(
        complaints=(
            Complaint(KONG.name, PREAMBLE_AS_REQUEST, "10.1.0.4", "\\x00", None),
            Complaint(KONG.name, PREAMBLE_AS_REQUEST, "10.3.2.9", "\\x00", None),
        )
    )
    sent = [(Sent(outer, Answered(400), "192.168.7.7"), OUTSIDE), (Sent(inner, Answered(400), "10.3.2.9"), INSIDE)]
    first, second = observe_all(sent, logs, [KONG], SECRET)

    assert first.seen.refused == frozenset({ip_address("10.1.0.4")})
    assert second.seen.refused == frozenset({ip_address("10.3.2.9")})


def test_a_claim_that_kong_took_is_told_by_its_channel() -> None:
    asked = next(one.probe for one in PLANNER.kinds(OUTSIDE) if one.probe.claim("X-Real-IP"))
    claimed = asked.claim("X-Real-IP")

    assert observed(asked, echoed(asked, headers=[["X-Real-IP", claimed]])).forged == "X-Real-IP"
    assert observed(asked, echoed(asked, headers=[["X-Real-IP", "10.0.0.1"]])).forged is None


OTHER = Kong("kong/kong-1", "10.3.1.6", "node-b", True, None, "a test")


def lines_of(asked: Probe, *of: tuple[str, str, int]) -> Logs:
    return Logs({asked.nonce: tuple(AccessLine(kong, at, status, f"GET {asked.path}") for kong, at, status in of)})


def test_of_two_tries_of_a_balancer_the_one_that_was_answered_counts() -> None:
    asked = probe()
    logs = lines_of(asked, (KONG.name, "10.2.0.11", 503), (OTHER.name, "10.2.0.12", 404))
    seen = observed(asked, Answered(404), logs)

    assert (seen.seen.logged, seen.kong) == (ip_address("10.2.0.12"), OTHER.name)


def test_where_two_tries_were_logged_alike_but_for_the_address_it_is_unknown() -> None:
    asked = probe()
    logs = lines_of(asked, (KONG.name, "10.2.0.11", 404), (OTHER.name, "10.2.0.12", 404))
    seen = observed(asked, Answered(404), logs)

    assert (seen.seen.answer, seen.seen.logged, seen.kong) == (Answer.PASSED, None, None)


def test_a_line_that_was_logged_twice_says_no_more_than_once() -> None:
    asked = probe()
    logs = lines_of(asked, (KONG.name, "10.2.0.11", 404), (KONG.name, "10.2.0.11", 404))

    assert observed(asked, Answered(404), logs).seen.logged == ip_address("10.2.0.11")


def test_the_echo_decides_which_of_two_tries_it_saw() -> None:
    asked = probe()
    logs = lines_of(asked, (OTHER.name, "10.2.0.12", 200), (KONG.name, "192.168.7.7", 200))
    seen = observed(asked, echoed(asked), logs)

    assert (seen.seen.logged, seen.kong) == (ip_address("192.168.7.7"), KONG.name)


def test_a_400_that_a_plugin_gave_is_no_refusal() -> None:
    asked = probe()
    line = AccessLine(KONG.name, "10.2.0.11", 400, f"GET {asked.path} HTTP/1.1")

    assert observed(asked, Answered(400), Logs({asked.nonce: (line,)})).seen.answer is Answer.PASSED


def test_clear_text_on_a_tls_port_is_told_from_a_refused_proxy_header() -> None:
    asked = probe()
    page = b"<h1>400</h1><center>The plain HTTP request was sent to HTTPS port</center>"
    line = AccessLine(KONG.name, "10.2.0.11", 400, f"GET {asked.path} HTTP/1.1")

    seen = observed(asked, Answered(400, (), page), Logs({asked.nonce: (line,)})).seen
    assert (seen.answer, seen.in_clear) == (Answer.REJECTED, True)
    assert observed(asked, Answered(400, (), page)).seen.in_clear is None, "a balancer may have sent that page"
    assert observed(asked, Answered(400, (("Server", "kong/3.9.1"),), b"Bad request")).seen.in_clear is False


def test_headers_that_name_an_address_are_witnesses_and_others_are_not() -> None:
    asked = probe()
    came = [["CF-Connecting-IP", "192.168.7.7"], ["X-Real-IP", "10.0.0.1"], ["Host", "10.9.9.9"], ["Accept", "*/*"]]

    carried = observed(asked, echoed(asked, headers=came)).seen.carried

    assert carried == frozenset({("cf-connecting-ip", "192.168.7.7")})


def timed(planned: Probe, outcome: Outcome, started: float) -> tuple[Sent, Entry]:
    return Sent(planned, outcome, "192.168.7.7", started, 0.1), OUTSIDE


@pytest.mark.parametrize(("later", "unlogged"), [(20.0, True), (10.05, False)])
def test_that_kong_has_no_line_counts_only_where_its_log_was_read_to_a_later_time(later: float, unlogged: bool) -> None:
    refused = next(one.probe for one in PLANNER.kinds(OUTSIDE) if one.probe.preamble == "v1")
    asked = probe()
    line = AccessLine(KONG.name, "192.168.7.7", 404, f"GET {asked.path}")
    sent = [timed(refused, Answered(400), 10.0), timed(asked, Answered(404), later)]
    first, _ = observe_all(sent, Logs({asked.nonce: (line,)}), [KONG], SECRET)

    assert first.seen.unlogged is unlogged


def test_a_pod_whose_log_is_silent_proves_nothing() -> None:
    refused = next(one.probe for one in PLANNER.kinds(OUTSIDE) if one.probe.preamble == "v1")
    asked = probe()
    line = AccessLine(KONG.name, "192.168.7.7", 404, f"GET {asked.path}")
    sent = [timed(refused, Answered(400), 10.0), timed(asked, Answered(404), 20.0)]
    first, _ = observe_all(sent, Logs({asked.nonce: (line,)}), [KONG, OTHER], SECRET)

    assert not first.seen.unlogged


def test_a_log_that_lacks_its_beginning_proves_nothing_by_what_it_lacks() -> None:
    refused = next(one.probe for one in PLANNER.kinds(OUTSIDE) if one.probe.preamble == "v1")
    asked = probe()
    line = AccessLine(KONG.name, "192.168.7.7", 404, f"GET {asked.path}")
    sent = [timed(refused, Answered(400), 10.0), timed(asked, Answered(404), 20.0)]
    rotated = Logs({asked.nonce: (line,)}, unread={KONG.name: "it begins amid the run"})
    first, _ = observe_all(sent, rotated, [KONG], SECRET)

    assert not first.seen.unlogged


def answered(request_id: str) -> Answered:
    return Answered(404, (("Server", "kong/3.9.3"), ("X-Kong-Request-Id", request_id)))


def line_of(asked: Probe, address: str, identifier: str | None) -> AccessLine:
    return AccessLine(KONG.name, address, 404, f"GET {asked.path} HTTP/1.1", identifier)


def seen_of(*told: tuple[Probe, str, tuple[AccessLine, ...]]) -> list[Observation]:
    logs = Logs({asked.nonce: lines for asked, _, lines in told})
    return observe_all(
        [(Sent(asked, answered(identifier), "192.168.7.7"), OUTSIDE) for asked, identifier, _ in told],
        logs,
        [KONG],
        SECRET,
    )


def test_a_request_that_only_carries_the_probes_path_is_told_by_its_id_from_the_probe() -> None:
    asked = probe()
    copy = line_of(asked, "203.0.113.66", "b" * 32)
    [seen] = seen_of((asked, "a" * 32, (copy, line_of(asked, "10.2.0.11", "a" * 32), copy)))

    assert seen.seen.logged == ip_address("10.2.0.11")


def test_a_copy_alone_is_not_believed_where_the_probes_own_line_is_lost() -> None:
    asked, other = probe(), probe()
    seen, _ = seen_of(
        (asked, "a" * 32, (line_of(asked, "203.0.113.66", "b" * 32),)),
        (other, "c" * 32, (line_of(other, "10.2.0.11", "c" * 32),)),
    )

    assert (seen.seen.logged, seen.in_log) == (None, False)


def test_where_no_answers_id_is_in_the_log_the_lines_are_another_kongs_behind_the_first() -> None:
    asked = probe()
    [seen] = seen_of((asked, "a" * 32, (line_of(asked, "10.2.0.11", "b" * 32),)))

    assert seen.seen.logged == ip_address("10.2.0.11")


def test_a_copy_without_an_id_to_tell_it_leaves_the_address_unknown() -> None:
    asked = probe()
    logs = Logs({asked.nonce: (line_of(asked, "203.0.113.66", None), line_of(asked, "10.2.0.11", None))})

    assert observed(asked, Answered(404), logs).seen.logged is None


@pytest.mark.parametrize("proof", [None, 7, "", "é", "0" * 64])
def test_an_echo_that_cannot_prove_itself_is_not_believed(proof: object) -> None:
    asked = probe()
    said = json.loads(echoed(asked).body)

    assert observed(asked, Answered(200, (), json.dumps({**said, "proof": proof}).encode())).echoed is False


def test_what_the_echo_said_cannot_be_changed_on_its_way() -> None:
    asked = probe()
    said = json.loads(echoed(asked).body)
    said["headers"] = [["X-Real-IP", "203.0.113.66"]]

    assert observed(asked, Answered(200, (), json.dumps(said).encode())).echoed is False


def test_one_who_took_a_probe_knows_too_little_to_answer_as_the_echo() -> None:
    asked = probe()
    sent = dict(compose.headers(asked))[compose.SECRET_HEADER]
    told = {"kongip": "echo/v1", "peer": KONG.address, "path": asked.path, "headers": []}
    said = {**told, "proof": server.proof(sent, json.dumps(told))}

    assert observed(asked, Answered(200, (), json.dumps(said).encode())).echoed is False


@pytest.mark.parametrize(
    "body", [b"[" * 60_000, b'{"kongip": "echo/v1", "path": ' + b"[" * 60_000, b"\xff", b"1" * 9999]
)
def test_an_answer_that_no_parser_likes_is_no_echo(body: bytes) -> None:
    assert observed(probe(), Answered(200, (), body)).echoed is False
