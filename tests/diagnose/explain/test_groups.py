"""Groups: paths and pods that differ are told apart, and the worst of them decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, Seen
from diagnose.explain.groups import Part, explain_all
from diagnose.explain.senders import find_senders
from diagnose.path.proxying import Answer
from diagnose.path.traffic import Layer
from diagnose.report.report import Verdict
from diagnose.site import Fact, Kong
from tests.diagnose.explain.simulator import BALANCER, ENTRY, KONG, NODES, PUBLIC, SOCKET, Way, evidence, inventory

EVERYONE = ("0.0.0.0/0", "::/0")
FORWARDS = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a test", certain=True)


def kongs(*ways: Way) -> list[Kong]:
    return [Kong(f"kong/kong-{n}", KONG, "node-a", True, way.settings, "a test") for n, way in enumerate(ways)]


def parts(observations: list[Observation], pods: list[Kong], *facts: Fact, told: tuple[str, ...] = ()) -> list[Part]:
    owners = inventory()
    addresses = Addresses(owners, find_senders(told, observations, owners, None))
    return explain_all(observations, {ENTRY: facts}, pods, addresses, {})


def alternating(*ways: Way) -> list[Observation]:
    """Connections that take these ways in turn, as through several nodes or addresses of a balancer."""
    taken = [evidence(way, connections=6) for way in ways]
    return [taken[n % len(ways)][n] for n in range(len(taken[0]))]


def from_socket(address: str, way: Way) -> list[Observation]:
    """As ``evidence``, for a caller whose own socket has that address."""
    return [replace(o, sent=replace(o.sent, socket=address)) for o in evidence(way)]


def told_of(found: list[Part]) -> set[tuple[Verdict, str]]:
    return {(part.verdict, culprit.code) for part in found for culprit in part.explanation.culprits}


def test_one_node_of_two_that_kong_does_not_trust_is_a_loss_whichever_was_seen_first() -> None:
    ways = [Way("appends", node, header="X-Forwarded-For", trusted=(NODES[0],)) for node in NODES]

    for order in (ways, ways[::-1]):
        found = parts(alternating(*order), kongs(ways[0]))
        assert {part.verdict for part in found} == {Verdict.PRESERVED, Verdict.LOST}
        assert told_of(found) == {(Verdict.LOST, "KIP501")}


def test_shares_are_counted_by_what_became_of_the_connections() -> None:
    ways = [Way("appends", node, header="X-Forwarded-For", trusted=(NODES[0],)) for node in NODES]
    found = parts(alternating(*ways), kongs(ways[0]))

    assert {part.verdict: len(part.plain) for part in found} == {Verdict.PRESERVED: 3, Verdict.LOST: 3}


def test_a_pod_that_trusts_everyone_is_found_though_the_forged_probe_reached_another() -> None:
    open_pod, closed_pod = Way(trusted=EVERYONE), Way()
    observations = [replace(o, kong="kong/kong-0") for o in evidence(open_pod) if o.plain]
    observations += [replace(o, kong="kong/kong-1") for o in evidence(closed_pod)]

    found = {part.kong: part.verdict for part in parts(observations, kongs(open_pod, closed_pod))}

    assert found == {"kong/kong-0": Verdict.SPOOFABLE, "kong/kong-1": Verdict.PRESERVED}


def test_a_caller_behind_nat_and_an_http_balancer_is_explained() -> None:
    way = Way("appends", egress=PUBLIC, header="X-Forwarded-For", trusted=(BALANCER,))

    (found,) = parts(evidence(way), kongs(way), told=(PUBLIC,))

    assert (found.verdict, found.explanation.contradiction) == (Verdict.PRESERVED, None)


def test_a_forwarding_balancer_before_a_kong_that_wants_proxy_is_not_taken_for_a_proxy() -> None:
    way = Way(egress=PUBLIC, flag=True, header="proxy_protocol", trusted=(BALANCER,))

    (found,) = parts(evidence(way), kongs(way), FORWARDS, told=(PUBLIC,))

    assert {culprit.code for culprit in found.explanation.culprits} == {"KIP402"}


def test_what_nobody_saw_of_plain_connections_is_never_called_lost() -> None:
    way = Way(egress=PUBLIC)
    blinded = [replace(o, seen=Seen(o.seen.answer)) if o.plain else o for o in evidence(way)]

    (found,) = parts(blinded, kongs(way))

    assert (found.verdict, found.explanation.culprits) == (Verdict.UNDETERMINED, ())


def test_a_caller_on_a_node_is_not_told_to_have_lost_its_own_address() -> None:
    way = Way(egress=NODES[0])

    (found,) = parts(from_socket(NODES[0], way), kongs(way))

    assert (found.verdict, found.explanation.culprits) == (Verdict.UNDETERMINED, ())


def test_a_range_of_the_caller_does_not_cover_what_the_cluster_owns_within_it() -> None:
    way = Way(node=NODES[0])

    (found,) = parts(evidence(way), kongs(way), FORWARDS, told=("10.0.0.0/8", f"{SOCKET}/32"))

    assert told_of([found]) == {(Verdict.LOST, "KIP301")}


def test_two_faults_on_two_sorts_of_connections_are_both_proven() -> None:
    untrusted, misread = (Way("appends", node, trusted=(NODES[1],)) for node in NODES)

    (found,) = parts(alternating(untrusted, misread), kongs(untrusted))

    assert {(one.code, one.certainty) for one in found.explanation.culprits} == {
        ("KIP501", "proven"),
        ("KIP502", "proven"),
    }


@pytest.mark.parametrize("echo", [True, False])
def test_a_probe_that_took_the_way_kong_refuses_does_not_blame_the_one_that_it_takes(*, echo: bool) -> None:
    sends = Way("proxy2", flag=True, header="proxy_protocol", trusted=(BALANCER,))
    silent = replace(sends, balancer="proxies")
    mixed = [
        of_silent if took_the_other(number, of_silent) else of_sends
        for number, (of_sends, of_silent) in enumerate(
            zip(evidence(sends, 6, echo=echo), evidence(silent, 6, echo=echo), strict=True)
        )
    ]
    observations = [replace(o, kong="kong/kong-0" if o.seen.answer is Answer.PASSED else None) for o in mixed]

    found = parts(observations, kongs(sends))

    assert {part.verdict for part in found} == {Verdict.PRESERVED, Verdict.UNREACHABLE}
    assert all(part.explanation.as_told for part in found)
    assert {culprit.certainty for part in found for culprit in part.explanation.culprits} == {"possible"}


def took_the_other(number: int, observation: Observation) -> bool:
    """Two of the ordinary connections, and the PROXY headers but that of version 2."""
    return number in (4, 5) or observation.probe.preamble.value in ("v1", "v1-unknown", "v2-local")


@pytest.mark.parametrize(("told", "verdict"), [((SOCKET,), Verdict.LOST), ((), Verdict.UNDETERMINED)])
def test_an_address_that_is_none_of_the_callers_is_lost_though_too_many_worlds_agree(
    told: tuple[str, ...], verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnose.explain.explain.MOST", 1)
    observations = evidence(Way("proxies"), echo=False)
    owners = inventory(balancer_known=False)
    addresses = Addresses(owners, find_senders(told, observations, owners, None))
    (found,) = explain_all(observations, {ENTRY: ()}, [], addresses, {})

    assert found.explanation.crowded
    assert (found.verdict, found.explanation.culprits) == (verdict, ())
