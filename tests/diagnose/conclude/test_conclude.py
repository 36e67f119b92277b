"""Reports on simulated paths: verdict, findings, ladder, and what the exit status makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from diagnose.catalogue import fault
from diagnose.explain.evidence import Observation, Seen
from diagnose.path.traffic import Layer
from diagnose.report.report import Finding, Report, Severity, Status, Verdict
from diagnose.site import EntryKind, Fact
from probes.outcome import TimedOut
from probes.probe import Vantage
from tests.diagnose.conclude.simulated import by_another, kong, report, with_headers
from tests.diagnose.explain.simulator import (
    BALANCER,
    BRIDGE,
    NODES,
    PUBLIC,
    SOCKET,
    Way,
)

EVERYONE = ("0.0.0.0/0", "::/0")
FORWARDS = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "the provider's documentation", certain=True)
LOCAL = Fact(Layer.NODE, frozenset({"keeps_source"}), "Service kong/kong-proxy spec.externalTrafficPolicy: Local")


def codes(told: Report) -> set[str]:
    return {finding.code for finding in told.findings}


def test_a_preserved_address_exits_with_0_and_names_it() -> None:
    told = report(Way())

    assert (told.verdict, told.exit_status) == (Verdict.PRESERVED, 0)
    assert SOCKET in told.headline
    assert told.caller.addresses == (SOCKET,)


def silent(one: Observation) -> Observation:
    """The same, with a connection that was taken and on which nothing came back."""
    return replace(one, sent=replace(one.sent, outcome=TimedOut("answer")), seen=Seen(None), kong=None, echoed=False)


def test_connections_that_are_taken_and_never_answered_are_unreachable_and_nobody_is_blamed() -> None:
    told = report(Way(), changed=silent)

    assert (told.verdict, told.culprits, told.exit_status) == (Verdict.UNREACHABLE, (), 1)
    (found,) = [one for one in told.findings if one.code == "KIP203"]
    assert found.because[0].endswith("timed out (answer), and no address was logged")


def test_without_its_log_nothing_is_said_of_what_kong_logs() -> None:
    told = report(Way("proxies"), changed=lambda one: replace(one, in_log=False))

    assert "Kong takes 10.1.0.4" in told.headline
    assert "Kong logs" not in told.headline
    [evidence, *_] = told.findings[0].because
    assert evidence.startswith("Kong told the echo in X-Real-IP 10.1.0.4")


def test_every_lost_spoofable_or_unreachable_verdict_has_an_error() -> None:
    for way in (Way("proxies"), Way("appends"), Way("proxy1"), Way(trusted=EVERYONE), Way("proxies", flag=True)):
        told = report(way)
        assert told.verdict in (Verdict.LOST, Verdict.SPOOFABLE, Verdict.UNREACHABLE), way
        assert told.exit_status == 1, way


def test_an_unowned_address_is_undetermined_and_the_command_to_confirm_it_is_printed() -> None:
    told = report(Way(egress=PUBLIC))

    assert (told.verdict, told.exit_status) == (Verdict.UNDETERMINED, 3)
    (finding,) = [one for one in told.findings if one.code == "KIP101"]
    assert finding.remedy is not None
    assert finding.remedy.steps[0].text == f"kongip diagnose --context prod --caller-ip {PUBLIC}"


def test_what_no_witness_saw_is_not_pointed_at() -> None:
    told = report(Way("proxies"), changed=lambda one: by_another(one, 502))
    assert told.headline == (
        "undetermined at Service kong/kong-proxy: the evidence does not settle which address Kong takes"
    )


def test_possible_culprits_of_an_undetermined_run_are_no_errors() -> None:
    told = report(Way(egress=PUBLIC))

    assert {culprit.certainty for culprit in told.culprits} == {"possible"}
    assert not [finding for finding in told.findings if finding.severity == "error"]


def test_a_ready_pod_that_was_not_seen_keeps_a_path_from_being_called_preserved() -> None:
    way = Way()
    told = report(way, kongs=[kong(way), kong(way, "kong/kong-unseen")])

    assert told.verdict is Verdict.UNDETERMINED
    (finding,) = [one for one in told.findings if one.code == "KIP604"]
    assert "kong/kong-unseen" in finding.because[0]
    assert "the caller's own address 192" in told.headline, told.headline
    assert told.headline.endswith("but 1 of 2 ready Kong pods got none of the connections")


def at_a_node(one: Observation) -> Observation:
    """The same at a port of the node of the pod that took it."""
    return replace(one, entry=replace(one.entry, kind=EntryKind.NODE, kongs=(str(one.kong),)))


def test_a_pod_that_the_entry_does_not_lead_to_need_not_be_seen_there() -> None:
    way = Way()
    told = report(way, kongs=[kong(way), kong(way, "kong/kong-elsewhere")], facts=(FORWARDS,), changed=at_a_node)

    assert told.verdict is Verdict.PRESERVED


def test_before_a_port_of_a_node_no_balancer_is_drawn() -> None:
    assert "load_balancer" in {rung.layer for rung in report(Way()).path}
    assert "load_balancer" not in {rung.layer for rung in report(Way(), changed=at_a_node).path}


def test_one_wrong_pod_among_right_ones_is_found_and_the_shares_are_told() -> None:
    right = Way("appends", header="X-Forwarded-For", trusted=(BALANCER,))
    told = report(right, replace(right, trusted=()), right)

    assert told.verdict is Verdict.LOST
    assert {(group.pod, group.verdict) for group in told.groups} == {
        ("kong/kong-0", Verdict.PRESERVED),
        ("kong/kong-1", Verdict.LOST),
        ("kong/kong-2", Verdict.PRESERVED),
    }
    assert [(culprit.layer, culprit.certainty) for culprit in told.culprits] == [("gateway", "proven")]


def test_a_policy_that_traffic_contradicts_is_a_finding_of_its_own() -> None:
    told = report(Way(node=BRIDGE), facts=(FORWARDS, LOCAL))

    assert {"KIP301", "KIP702"} <= codes(told)


def test_settings_that_traffic_contradicts_are_a_finding_of_their_own() -> None:
    told = report(Way("proxies", trusted=EVERYONE), kongs=[kong(Way())])

    assert "KIP701" in codes(told)


def test_a_proxy_mismatch_is_one_finding_though_two_hops_may_be_changed() -> None:
    told = report(Way("proxy2"))

    assert [finding.code for finding in told.findings].count("KIP401") == 1
    assert {culprit.layer for culprit in told.culprits} == {Layer.LOAD_BALANCER, Layer.GATEWAY}


def test_forgery_beside_another_fault_is_told_too() -> None:
    told = report(Way("preserves", header="X-Forwarded-For", trusted=EVERYONE))

    assert told.verdict is Verdict.LOST
    assert "KIP503" in codes(told)


def test_the_ladder_shows_where_the_address_is_rewritten() -> None:
    told = report(Way(node=NODES[0]), facts=(FORWARDS,))

    rungs = {rung.layer: rung for rung in told.path}
    assert (rungs[Layer.NODE].source_in, rungs[Layer.NODE].source_out) == (SOCKET, NODES[0])
    assert rungs[Layer.NODE].status is Status.REWRITES
    assert rungs[Layer.LOAD_BALANCER].status is Status.KEEPS


def test_an_address_that_nobody_saw_is_not_drawn() -> None:
    told = report(Way("proxies", node=NODES[0]))

    (balancer,) = [rung for rung in told.path if rung.layer is Layer.LOAD_BALANCER]
    assert balancer.behaviour is None
    assert balancer.status is Status.UNKNOWN
    assert balancer.source_out != BALANCER


def test_what_kong_restores_is_drawn_as_restored() -> None:
    told = report(Way("proxy2", flag=True, header="proxy_protocol", trusted=(BALANCER,)))

    (gateway,) = [rung for rung in told.path if rung.layer is Layer.GATEWAY]
    assert (gateway.source_in, gateway.source_out, gateway.status) == (BALANCER, SOCKET, Status.RESTORES)


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"backend_problem": "The echo pod cannot be scheduled."}, "KIP602"),
        ({"missing_rights": ("create pods",)}, "KIP703"),
        ({"unprobed": ("routes are for shop.example, which leads to 198.51.100.1",)}, "KIP204"),
        ({"lingering": "a killed run must be cleared"}, "KIP704"),
        ({"kongs": [replace(kong(Way()), settings=None, source="Secret kong/license could not be read")]}, "KIP705"),
    ],
)
def test_what_was_missing_is_a_warning_and_no_failure(known: dict[str, Any], code: str) -> None:
    told = report(Way(), **known)

    assert code in codes(told)
    assert told.exit_status == 0
    assert replace(told, fail_on=Severity.WARNING).exit_status == 1


def test_what_is_wrong_in_the_objects_stands_unless_the_traffic_refutes_it() -> None:
    objects = [
        Finding(code, fault(code).name, fault(code).layer, fault(code).severity, fault(code).title, ("read",))
        for code in ("KIP706", "KIP725")
    ]

    assert codes(report(Way("proxies"), configured=objects)) >= {"KIP706", "KIP725"}
    assert codes(report(Way(), configured=objects)) & {"KIP706", "KIP725"} == {"KIP706"}


def test_an_inside_vantage_is_said_in_the_headline() -> None:
    told = report(Way(), vantage=Vantage.INSIDE)

    assert "inside" in told.headline
    assert told.caller.vantage == "inside"


def test_a_balancer_that_shows_itself_on_the_wire_is_named_as_a_hint_where_one_is_to_blame() -> None:
    shown = "answer header CF-Ray: 8f0a-FRA, which points to Cloudflare"

    def passed_by(one: Observation) -> Observation:
        return with_headers(one, ("CF-Ray", "8f0a-FRA"))

    lost, preserved = (report(way, changed=passed_by) for way in (Way("proxies"), Way()))

    assert [shown in finding.because for finding in lost.findings if finding.layer is Layer.LOAD_BALANCER] == [True]
    assert not any(shown in finding.because for finding in preserved.findings)


def test_an_answer_that_nothing_says_is_kongs_is_told_to_be_anothers() -> None:
    told = report(Way(), changed=lambda one: by_another(one, 403))

    assert (told.verdict, told.exit_status) == (Verdict.UNDETERMINED, 3)
    (finding,) = [one for one in told.findings if one.code == "KIP208"]
    assert "403, and nothing says that Kong gave that answer" in finding.because[0]


def test_an_entry_that_only_redirects_to_https_leaves_the_verdict_to_the_others() -> None:
    secure, plain = Way(scheme="https", kong_tls=True), Way()

    def redirected(one: Observation) -> Observation:
        away = one.entry.scheme == "http"
        return by_another(one, 301, ("Location", "https://shop.example.com/")) if away else one

    both = report(secure, plain, changed=redirected, kongs=[kong(secure)])
    alone = report(plain, changed=redirected)

    assert both.verdict is Verdict.PRESERVED
    assert "KIP208" in codes(both)
    assert "leads to https://shop.example.com/" in next(f for f in both.findings if f.code == "KIP208").because[0]
    assert alone.verdict is Verdict.UNDETERMINED


def test_a_redirect_to_somewhere_in_clear_text_is_no_other_entry() -> None:
    def redirected(one: Observation) -> Observation:
        return by_another(one, 302, ("Location", "/login")) if one.entry.scheme == "http" else one

    assert report(Way(scheme="https", kong_tls=True), Way(), changed=redirected).verdict is Verdict.UNDETERMINED


def test_a_headline_names_the_likeliest_of_several_faults_and_that_there_are_more() -> None:
    several = report(Way("appends", edge="appends", flag=True, header="proxy_protocol"))
    two = report(Way("proxies", flag=True, header="proxy_protocol"))

    assert len({one.code for one in several.culprits}) > 2
    assert several.headline.endswith(", or something else")
    assert not two.headline.endswith(", or something else")
