"""What would settle a run: told wherever something is open, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.explain.evidence import Observation, Seen
from diagnose.path.proxying import Answer
from diagnose.report.report import Verdict
from probes.outcome import Answered, Closed, Outcome
from tests.diagnose.conclude.simulated import kong, report
from tests.diagnose.explain.simulator import BALANCER, BRIDGE, COMPANY, PUBLIC, Way, inventory

EDGE_KNOWN = inventory(edge_known=True)


@pytest.mark.parametrize(
    ("way", "codes", "settled_by"),
    [
        (Way(node=BRIDGE), {"KIP201", "KIP301"}, "whether the balancer forwards packets or proxies connections"),
        (
            Way("preserves", header="X-Forwarded-For", trusted=(BALANCER,)),
            {"KIP202", "KIP502"},
            "whether the balancer writes X-Real-IP",
        ),
        (Way("proxy1"), {"KIP401"}, "nothing more to measure"),
        (Way("proxies", scheme="https", tls="ends", kong_tls=True), {"KIP206"}, "nothing more to measure"),
    ],
)
def test_what_would_tell_possible_culprits_apart_is_named(way: Way, codes: set[str], settled_by: str) -> None:
    told = report(way)

    assert {culprit.code for culprit in told.culprits} == codes
    assert {culprit.certainty for culprit in told.culprits} == {"possible"}
    assert any(line.startswith(settled_by) for line in told.settled_by), told.settled_by


def test_where_tls_is_answered_in_clear_text_it_is_asked_whether_that_port_is_meant_for_it() -> None:
    (told,) = report(Way("proxies", scheme="https")).settled_by

    assert told.startswith("whether port 443 of 203.0.113.80 is to speak TLS at all")
    assert told.endswith("kongip probe 203.0.113.80:443")


def test_why_a_proxy_answers_in_its_servers_place_is_asked_of_its_log() -> None:
    told = report(Way("appends", flag=True, header="proxy_protocol")).settled_by
    assert told[0].startswith("why what answers 502 at "), told
    assert not any("got nothing from Kong" in line for line in report(Way("proxy1")).settled_by)


def ended(one: Observation, outcome: Outcome, answer: Answer) -> Observation:
    return replace(one, sent=replace(one.sent, outcome=outcome), seen=Seen(answer), kong=None, echoed=False)


def test_only_where_a_400_came_it_is_asked_what_was_answered_with_it() -> None:
    def closed(one: Observation) -> Observation:
        return ended(one, Closed(), Answer.CLOSED)

    def refused_in_clear(one: Observation) -> Observation:
        return ended(one, Answered(400), Answer.REJECTED) if one.entry.scheme == "http" else closed(one)

    for changed, mention in (
        (closed, "why connections ended without an answer"),
        (refused_in_clear, "what Kong answered"),
    ):
        told = report(Way(), Way(scheme="https", kong_tls=True), changed=changed)
        assert {"KIP206", "KIP401"} <= {culprit.code for culprit in told.culprits}
        assert any(line.startswith(mention) for line in told.settled_by), told.settled_by


def test_behind_a_sidecar_only_a_way_past_it_is_told() -> None:
    told = report(Way("proxies", sidecar="127.0.0.6"))

    assert "KIP303" in {culprit.code for culprit in told.culprits}
    assert len(told.settled_by) == 1
    assert told.settled_by[0].startswith("what happens before a mesh's sidecar")


def test_behind_an_edge_a_way_round_it_would_settle_it() -> None:
    told = report(Way("google", edge="proxies", trusted=("0.0.0.0/0", "::/0")), owners=EDGE_KNOWN)

    assert {culprit.layer.value for culprit in told.culprits} == {"edge", "load_balancer"}
    assert any("--url" in line for line in told.settled_by), told.settled_by


def test_an_address_of_nobodys_is_to_be_named_by_the_user() -> None:
    told = report(Way(egress=PUBLIC))

    assert told.verdict is Verdict.UNDETERMINED
    assert any(f"--caller-ip {PUBLIC}" in line for line in told.settled_by), told.settled_by


@pytest.mark.parametrize(
    "way", [Way(), Way("proxies"), Way("appends", header="X-Forwarded-For"), Way(company_proxy=COMPANY, trusted=())]
)
def test_what_is_settled_needs_nothing_more(way: Way) -> None:
    told = report(way, told=(COMPANY,) if way.company_proxy else ())

    assert told.settled_by == ()


def test_pods_that_no_connection_reached_are_one_sentence_however_many() -> None:
    way = Way()
    for missed, named in ((1, "reaches kong/p0:"), (5, "reaches each of kong/p0, kong/p1, kong/p2 and 2 more:")):
        (told,) = report(way, kongs=[kong(way), *(kong(way, f"kong/p{number}") for number in range(missed))]).settled_by
        assert named in told
