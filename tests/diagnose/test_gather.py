"""Gathering: what is sent through an entry depends on what the first probe met there."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from diagnose.explain.evidence import ECHO_MARK
from diagnose.gather import NO_INSIDE, NOT_ROUTED, Choose, Gathering
from diagnose.plan import Planned, Planner
from diagnose.site import Entry, EntryKind, Kong
from echo_server.server import proof
from probes.claims import Claims
from probes.outcome import Answered, Outcome, Sent, Unreachable
from probes.probe import Probe, Vantage


@contextmanager
def answering(status: int, **headers: str) -> Iterator[tuple[Entry, list[str]]]:
    """A server that answers every request alike, as an entry, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "127.0.0.1", server.server_address[1], "http"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def all_of_them(entry: Entry, sent: Sequence[Sent], left: Sequence[Planned]) -> Sequence[Planned]:
    return left


def gathering(*entries: Entry, choose: Choose = all_of_them, routed: bool = True) -> Gathering:
    site: Any = SimpleNamespace(entries=entries, kongs=(), gaps=())
    planner = Planner("/kongip-x", "secret", Claims(), routed=routed)
    return Gathering(site, planner, choose, 2.0, lambda line: None, routed=routed)


def test_where_kong_answers_itself_all_kinds_and_all_connections_are_sent() -> None:
    with answering(404, Server="kong/3.9.3") as (entry, _):
        found = gathering(entry)
        found.outside(10)

    plain = [sent for sent, _ in found.sent if not sent.probe.claims and sent.probe.preamble == "none"]
    assert len(plain) == 10
    assert len(found.sent) == 17
    assert set(found.whys) == {sent.probe.nonce for sent, _ in found.sent}


def test_after_one_probe_that_reached_an_application_no_more_are_sent() -> None:
    with answering(200, Via="1.1 kong/3.9.3", X_Kong_Upstream_Latency="3") as (entry, asked):
        found = gathering(entry)
        found.outside(10)

    assert len(asked) == 1
    assert [gap.what for gap in found.gaps] == [entry.name]


APPLICATION = {"Via": "1.1 kong/3.9.3", "X_Kong_Upstream_Latency": "3"}


def test_with_an_echo_other_entries_are_still_probed_after_one_that_led_to_an_application() -> None:
    with answering(200, **APPLICATION) as (taken, asked), answering(404, Server="kong/3.9.3") as (free, others):
        gathering(taken, free).outside(1)

    assert len(asked) == 1
    assert len(others) > 1


def test_without_an_echo_the_first_probe_that_a_route_takes_is_the_last_through_any_entry() -> None:
    with answering(200, **APPLICATION) as (taken, asked), answering(404, Server="kong/3.9.3") as (free, others):
        found = gathering(taken, free, routed=False)
        found.outside(10)

    assert len(asked) == 1
    assert others == []
    assert len(found.sent) == 1, "what was sent is kept, for its line in Kong's log"
    assert len(found.gaps) == 2


def test_where_nothing_answers_the_sample_is_not_taken() -> None:
    with answering(200) as (entry, _):
        pass  # its port is closed again

    found = gathering(entry)
    found.outside(10)

    assert len(found.sent) == 8


def test_kinds_are_sent_until_none_of_those_left_would_tell_anything() -> None:
    asked_for: list[tuple[int, int]] = []

    def two_then_none(entry: Entry, sent: Sequence[Sent], left: Sequence[Planned]) -> Sequence[Planned]:
        asked_for.append((len(sent), len(left)))
        return left[:2] if len(sent) == 1 else ()

    with answering(404, Server="kong/3.9.3") as (entry, _):
        found = gathering(entry, choose=two_then_none)
        found.outside(1)

    assert asked_for == [(1, 7), (3, 5)]
    assert len(found.spared) == 5
    assert len(found.claims[entry]) == 7


def test_an_entry_that_this_machine_has_no_way_to_is_a_gap_where_there_are_others() -> None:
    four = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "192.0.2.10", 80, "http")
    six = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "2001:db8::10", 80, "http")
    for answered, kept in ((Answered(404), [four]), (Unreachable("no route"), [four, six, six])):
        found = gathering(four, six)
        [first, *more] = [found._planner.plain(entry)[0].probe for entry in (four, six, six)]
        found.sent = [(Sent(first, answered), four), *((Sent(one, Unreachable("no route")), six) for one in more)]
        found.leave_out_what_cannot_be_sent_to()
        assert [entry for _, entry in found.sent] == kept
        assert [gap.why for gap in found.gaps] == ["no way from here: no route"] * (len(kept) == 1)


INSIDE = Entry(EntryKind.POD, "pod kong/kong-1", "10.78.1.5", 8000, "http", vantage=Vantage.INSIDE)
NO_ROUTE = Answered(404, (("Server", "kong/3.9.3"),), b'{"message":"no Route matched with those values"}')


def echoed(probe: Probe, peer: str = INSIDE.address) -> Answered:
    """The echo's answer to a probe, as the Kong pod of that address passes it on."""
    told = {"kongip": ECHO_MARK, "path": probe.path, "peer": peer}
    body = json.dumps({**told, "proof": proof(probe.secret, json.dumps(told))})
    return Answered(200, (("Via", "kong/3.9.3"),), body.encode())


class FromInside:
    """A site that sends from inside: what came of each probe is told by ``outcomes``, a function for each sending."""

    def __init__(self, *outcomes: Callable[[Probe], Outcome], problem: str | None = None) -> None:
        self.entries, self.kongs, self.gaps = (INSIDE,), (), ()
        self.sendings: list[Sequence[Probe]] = []
        self._outcomes = outcomes
        self._problem = problem

    def send_inside(self, probes: Sequence[Probe], _: float) -> list[Sent]:
        outcome = self._outcomes[min(len(self.sendings), len(self._outcomes) - 1)]
        self.sendings.append(probes)
        return [Sent(probe, outcome(probe), "10.78.1.9", 0.0, 0.0) for probe in probes]

    def echo_problem(self) -> str | None:
        return self._problem


def from_inside(site: FromInside) -> Gathering:
    found = Gathering(site, Planner("/kongip-x", "secret", Claims()), all_of_them, 2.0, lambda line: None)  # type: ignore[arg-type]
    found.inside()
    return found


def test_where_kong_has_the_route_already_nothing_is_sent_twice() -> None:
    site = FromInside(echoed)

    found = from_inside(site)

    assert len(site.sendings) == 1
    assert {one.probe.nonce for one, _ in found.sent} < {probe.nonce for probe in site.sendings[0]}
    assert len(found.sent) == 8, "the knocks are no evidence"
    assert found.problem is None


def test_where_the_route_comes_amid_the_sending_all_are_sent_anew() -> None:
    seen: list[Probe] = []

    def late(probe: Probe) -> Outcome:
        seen.append(probe)
        return NO_ROUTE if len(seen) == 5 else echoed(probe)

    site = FromInside(late, echoed)

    found = from_inside(site)

    assert [len(probes) for probes in site.sendings] == [10, 2, 10]
    assert all(isinstance(one.outcome, Answered) and one.outcome.status == 200 for one, _ in found.sent)


def test_a_worker_of_kongs_that_never_learns_of_the_route_is_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.gather.PAUSES", (0.0, 0.0))
    seen: list[Probe] = []

    def by_turns(probe: Probe) -> Outcome:
        seen.append(probe)
        return NO_ROUTE if len(seen) % 2 else echoed(probe)

    site = FromInside(by_turns)

    found = from_inside(site)

    assert [len(probes) for probes in site.sendings] == [10, 2, 10, 2, 10]
    assert (
        sorted(one.outcome.status for one, _ in found.sent if isinstance(one.outcome, Answered))
        == [200] * 4 + [404] * 4
    )
    assert found.problem is None, "a route is there"


@pytest.mark.parametrize(("problem", "told"), [(None, NOT_ROUTED), ("The echo pod is gone.", "The echo pod is gone.")])
def test_where_no_route_comes_it_is_told_what_keeps_the_echo_from_answering(
    problem: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnose.gather.ROUTE_WAIT", 0.2)
    site = FromInside(lambda _: NO_ROUTE, problem=problem)

    assert from_inside(site).problem == told


def test_where_nothing_can_be_sent_from_inside_that_is_a_gap_and_the_echo_is_asked_after() -> None:
    site = FromInside(echoed, problem="The echo pod ended at once.")
    site.send_inside = lambda *_: None  # type: ignore[method-assign, assignment]

    found = from_inside(site)

    assert found.gaps == [NO_INSIDE]
    assert found.problem == "The echo pod ended at once."


def sampled_by(pods: int, choose: Callable[[Sequence[str]], str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pods that took the connections of a run with 20 of them, where ``choose`` is the balancer."""
    addresses = [f"10.78.1.{number}" for number in range(1, pods + 1)]
    taken: list[str] = []

    def send_all(probes: Sequence[Probe], *_: object, **__: object) -> list[Sent]:
        chosen = [choose(addresses) for _ in probes]
        taken.extend(chosen)
        return [Sent(one, echoed(one, peer), "192.0.2.7", 0.0, 0.0) for one, peer in zip(probes, chosen, strict=True)]

    monkeypatch.setattr("probes.send.send_all", send_all)
    entry = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", "192.0.2.10", 80, "http")
    site: Any = SimpleNamespace(
        entries=[entry], kongs=[Kong(one, one, "n1", True, None, "") for one in addresses], gaps=()
    )
    planner = Planner("/kongip-x", "secret", Claims())
    Gathering(site, planner, lambda *_: (), 2.0, lambda line: None).outside(20)
    return taken


def by_node(chance: random.Random) -> Callable[[Sequence[str]], str]:
    """A balancer that shares connections out by node; the first node has half of the pods, two others the rest."""

    def choose(addresses: Sequence[str]) -> str:
        half, quarter = len(addresses) // 2, len(addresses) // 4
        return chance.choice(chance.choice((addresses[:half], addresses[half:-quarter], addresses[-quarter:])))

    return choose


@pytest.mark.parametrize("seed", range(20))
def test_of_fifty_pods_each_is_reached_where_chance_shares_the_connections_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = sampled_by(50, by_node(random.Random(seed)), monkeypatch)
    assert len(set(taken)) == 50
    assert len(taken) < 1000


@pytest.mark.parametrize(("pods", "most"), [(3, 60), (50, 270)])
def test_a_balancer_that_always_takes_the_same_pod_ends_the_search(
    pods: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(sampled_by(pods, lambda addresses: addresses[0], monkeypatch)) == most


def test_once_every_pod_was_seen_no_more_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(sampled_by(1, lambda addresses: addresses[0], monkeypatch)) == 20
