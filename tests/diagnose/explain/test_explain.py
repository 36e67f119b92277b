"""Explanations of simulated paths: the layer at fault, how sure that is, and what stays open."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import agrees
from diagnose.explain.evidence import Seen
from diagnose.explain.explain import Explanation, explain
from diagnose.explain.senders import find_senders
from diagnose.path.proxying import HTTP, Answer
from diagnose.path.traffic import Layer
from diagnose.path.world import Prediction
from diagnose.report.report import Verdict
from diagnose.site import Fact
from tests.diagnose.explain.simulator import (
    BALANCER,
    BRIDGE,
    NODES,
    PUBLIC,
    PUBLISHED,
    Way,
    evidence,
    inventory,
)

EVERYONE = ("0.0.0.0/0", "::/0")
FORWARDS = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a test", certain=True)


def explained(
    way: Way,
    *,
    told: tuple[str, ...] = (),
    facts: tuple[Fact, ...] = (),
    balancer_known: bool = True,
    api: str | None = None,
) -> Explanation:
    observations = evidence(way)
    owners = inventory(balancer_known=balancer_known)
    senders = find_senders(told, observations, owners, api)
    return explain(observations, facts, [way.settings], Addresses(owners, senders))


def blamed(explanation: Explanation) -> set[tuple[str, str, str]]:
    return {(culprit.layer.value, culprit.code, culprit.certainty) for culprit in explanation.culprits}


def test_a_clean_path_is_preserved_and_blames_nobody() -> None:
    explanation = explained(Way())

    assert (explanation.verdict, blamed(explanation)) == (Verdict.PRESERVED, set())


@pytest.mark.parametrize("way", [Way(socket="192.0.2.10", published="192.0.2.10"), Way(socket="127.0.0.1")], ids=str)
def test_where_probes_do_not_leave_the_machine_a_proxy_on_it_has_the_callers_address_too(way: Way) -> None:
    explanation = explained(way, balancer_known=False)
    assert (explanation.verdict, blamed(explanation)) == (Verdict.UNDETERMINED, set())

    assert explained(way, told=(way.socket,), balancer_known=False).verdict is Verdict.PRESERVED
    sender = find_senders((), evidence(way), inventory(balancer_known=False), None)
    assert sender.source.endswith("a proxy has the same address: run kongip on another")


def test_a_silent_proxy_is_the_balancers_fault() -> None:
    explanation = explained(Way("proxies"))

    assert (explanation.verdict, blamed(explanation)) == (Verdict.LOST, {("load_balancer", "KIP201", "proven")})


def test_behind_a_masquerading_node_a_silent_proxy_cannot_be_excluded() -> None:
    explanation = explained(Way(node=NODES[0]))

    assert explanation.verdict is Verdict.LOST
    assert blamed(explanation) == {("node", "KIP301", "possible"), ("load_balancer", "KIP201", "possible")}


def test_a_balancer_known_to_forward_leaves_the_node_alone_at_fault() -> None:
    explanation = explained(Way(node=BRIDGE), facts=(FORWARDS,))

    assert blamed(explanation) == {("node", "KIP301", "proven")}


@pytest.mark.parametrize("kind", ["proxy1", "proxy2"])
def test_a_proxy_header_that_kong_does_not_expect_may_be_mended_on_either_side(kind: str) -> None:
    explanation = explained(Way(kind))

    assert explanation.verdict is Verdict.UNREACHABLE
    assert blamed(explanation) == {("load_balancer", "KIP401", "possible"), ("gateway", "KIP401", "possible")}


def test_a_proxy_header_that_nobody_sends_may_be_mended_on_either_side() -> None:
    explanation = explained(Way("proxies", flag=True, header="proxy_protocol", trusted=(BALANCER,)))

    assert explanation.verdict is Verdict.UNREACHABLE
    assert blamed(explanation) == {("load_balancer", "KIP402", "possible"), ("gateway", "KIP402", "possible")}


def test_a_proxy_header_read_and_thrown_away_is_kongs_fault() -> None:
    explanation = explained(Way("proxy2", flag=True, trusted=(BALANCER,)))

    assert (explanation.verdict, blamed(explanation)) == (Verdict.LOST, {("gateway", "KIP504", "proven")})


def test_a_header_of_an_untrusted_hop_is_kongs_fault() -> None:
    explanation = explained(Way("appends", header="X-Forwarded-For"))

    assert (explanation.verdict, blamed(explanation)) == (Verdict.LOST, {("gateway", "KIP501", "proven")})


def test_reading_the_wrong_header_is_kongs_fault() -> None:
    explanation = explained(Way("appends", trusted=(BALANCER,)))

    assert blamed(explanation) == {("gateway", "KIP502", "proven")}


def test_a_balancer_that_strips_the_header_and_adds_none_is_at_fault() -> None:
    explanation = explained(Way("strips", trusted=(BALANCER,)))

    assert blamed(explanation) == {("load_balancer", "KIP202", "proven")}


def test_nobody_can_tell_whether_a_balancer_writes_the_header_that_kong_overwrites() -> None:
    explanation = explained(Way("strips", header="X-Forwarded-For", trusted=(BALANCER,)))

    assert blamed(explanation) == {("load_balancer", "KIP202", "possible"), ("gateway", "KIP502", "possible")}


def test_trusting_everyone_along_the_chain_is_spoofable() -> None:
    explanation = explained(Way("appends", header="X-Forwarded-For", trusted=EVERYONE, recursive=True))

    assert (explanation.verdict, blamed(explanation)) == (Verdict.SPOOFABLE, {("gateway", "KIP503", "proven")})


def test_trusting_everyone_with_the_default_header_is_spoofable_on_a_clean_path() -> None:
    explanation = explained(Way(trusted=EVERYONE))

    assert (explanation.verdict, blamed(explanation)) == (Verdict.SPOOFABLE, {("gateway", "KIP503", "proven")})


def test_an_unowned_address_of_an_unknown_caller_settles_nothing() -> None:
    explanation = explained(Way(egress=PUBLIC))

    assert explanation.verdict is Verdict.UNDETERMINED
    assert all(certainty == "possible" for _, _, certainty in blamed(explanation))
    assert {"egress", "edge", "load_balancer"} == {layer for layer, _, _ in blamed(explanation)}


def test_the_users_word_settles_whose_address_it_is() -> None:
    assert explained(Way(egress=PUBLIC), told=(PUBLIC,)).verdict is Verdict.PRESERVED


def test_an_unowned_address_that_the_user_denies_is_a_loss_of_an_unproven_layer() -> None:
    explanation = explained(Way(egress="100.64.3.3"), told=(PUBLIC,))

    assert explanation.verdict is Verdict.LOST
    assert {layer for layer, _, _ in blamed(explanation)} == {"egress", "edge", "load_balancer"}
    assert all(certainty == "possible" for _, _, certainty in blamed(explanation))


def test_the_api_servers_word_counts_where_kong_saw_the_same_address() -> None:
    assert explained(Way(egress=PUBLIC), api=PUBLIC).verdict is Verdict.PRESERVED
    assert explained(Way(egress=PUBLIC), api="100.64.3.3").verdict is Verdict.UNDETERMINED


def test_a_balancer_of_unknown_inner_address_is_never_called_proven() -> None:
    explanation = explained(Way("proxies"), balancer_known=False)

    assert ("load_balancer", "KIP201", "proven") not in blamed(explanation)


def test_a_published_address_seen_as_the_peer_is_the_balancers() -> None:
    assert PUBLISHED in {str(net.network_address) for net, _ in inventory().ranges}


def test_a_connection_that_kongs_log_quotes_had_come_to_kong() -> None:
    ended_before = Prediction((), None, frozenset({Answer.CLOSED}))

    assert agrees(ended_before, Seen(Answer.CLOSED))
    assert not agrees(ended_before, Seen(Answer.CLOSED, quoted=True))


def with_nothing_known_of_kong(way: Way, *, told: tuple[str, ...] = (), log: bool = True) -> Explanation:
    observations = evidence(way, echo=False, log=log)
    owners = inventory(balancer_known=False)
    return explain(observations, (), [], Addresses(owners, find_senders(told, observations, owners, None)))


def test_too_many_worlds_for_what_is_known_are_not_told_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("diagnose.explain.explain")
    number = len(with_nothing_known_of_kong(Way("proxies")).cases)
    monkeypatch.setattr(module, "MOST", number)
    explanation = with_nothing_known_of_kong(Way("proxies"))

    assert (explanation.crowded, explanation.cases) == (True, ())
    assert (explanation.verdict, explanation.culprits) == (Verdict.UNDETERMINED, ())
    monkeypatch.setattr(module, "MOST", number + 1)
    assert not with_nothing_known_of_kong(Way("proxies")).crowded
    assert not explained(Way("proxies")).crowded, "of this Kong the settings are known"


def test_who_ends_connections_is_told_however_many_worlds_there_are() -> None:
    explanation = with_nothing_known_of_kong(Way("refuses"), log=False)

    assert not explanation.crowded
    assert explanation.verdict is Verdict.UNREACHABLE
    assert explanation.culprits


def test_whom_a_kong_trusts_that_no_connection_got_to_is_not_guessed() -> None:
    ended = with_nothing_known_of_kong(Way("appends", flag=True), log=False)
    taken = with_nothing_known_of_kong(Way("proxies"))

    assert {case.world.settings.trusted_ips for case in ended.cases} == {()}
    assert {case.world.settings.trusted_ips for case in taken.cases} > {()}


def test_tls_answered_in_clear_text_is_no_missing_proxy_header() -> None:
    answered = with_nothing_known_of_kong(Way(scheme="https"), log=False)
    closed = with_nothing_known_of_kong(Way("proxies", scheme="https", kong_tls=True, flag=True), log=False)

    assert answered.verdict is closed.verdict is Verdict.UNREACHABLE
    assert {"KIP206", "KIP401"} <= {culprit.code for culprit in answered.culprits}
    assert "KIP402" not in {culprit.code for culprit in answered.culprits}
    assert "KIP402" in {culprit.code for culprit in closed.culprits}
    in_clear = [case.world for case in answered.cases if "KIP206" in {one.code for one in case.judgement.culprits}]
    assert not any(hop.behaviour in HTTP for world in in_clear for hop in world.hops), "these end TLS themselves"


def test_where_nobody_saw_an_ordinary_connection_nothing_is_told_of_its_address() -> None:
    seen = [
        replace(one, seen=Seen(None) if one.plain else Seen(one.seen.answer))
        for one in evidence(Way("proxies", flag=True), echo=False, log=False)
    ]
    owners = inventory()
    explanation = explain(seen, (), [], Addresses(owners, find_senders((), seen, owners, None)))

    assert (explanation.cases, explanation.verdict, explanation.culprits) == ((), Verdict.UNDETERMINED, ())


def test_of_equally_likely_faults_the_one_nearest_to_callers_comes_first() -> None:
    codes = [culprit.code for culprit in explained(Way("refuses")).culprits]
    assert codes.index("KIP203") < codes.index("KIP302")
