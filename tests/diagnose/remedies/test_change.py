"""Changes: what a world is once they are made, and in which order their parts do no harm."""

from __future__ import annotations

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.explain import Explanation, explain
from diagnose.explain.senders import find_senders
from diagnose.path.proxying import Manner, Onward, Proxying, Reads
from diagnose.path.settings import Listener
from diagnose.path.traffic import Layer, Traffic
from diagnose.path.world import Hop
from diagnose.remedies.balancers import Telling, tellings, told
from diagnose.remedies.change import Change, Part, after, apply, parts_of, safest_order
from diagnose.report.report import Verdict
from tests.diagnose.explain.simulator import BALANCER, Way, evidence, inventory

BALANCING = Layer.LOAD_BALANCER


def explained(way: Way) -> tuple[Explanation, Addresses]:
    observations = evidence(way)
    addresses = Addresses(inventory(), find_senders((), observations, inventory(), None))
    return explain(observations, (), [way.settings], addresses), addresses


def claims(way: Way) -> list[tuple[str, Traffic]]:
    return [(o.probe.claims[0].channel, o.traffic) for o in evidence(way) if o.probe.claims and o.traffic]


def test_plain_and_tls_listeners_are_flagged_apart() -> None:
    change = Change(plain_flag=True)

    assert change.flag(Listener(8000)) is True
    assert change.flag(Listener(8443, tls=True)) is False
    assert change.flag(Listener(8543, tls=True, proxy_protocol=True)) is True


def test_only_what_is_set_is_a_part() -> None:
    assert parts_of(Change()) == []
    assert parts_of(Change("Local", Telling.APPEND, trusted_ips=())) == [Part.BALANCER, Part.KONG, Part.SERVICE]


def test_where_no_proxy_can_be_told_so_the_rest_of_a_change_holds_all_the_same() -> None:
    explanation, addresses = explained(Way())
    case = explanation.cases[0]
    change = Change(balancer=Telling.SEND_PROXY, plain_flag=True)

    world, _ = apply(change, case)

    assert world.hops == case.world.hops
    assert world.listener.proxy_protocol
    assert after(change, case, (), addresses).verdict is Verdict.UNREACHABLE


def test_a_balancer_appends_before_kong_trusts_it() -> None:
    way = Way("preserves", header="X-Real-IP")
    explanation, addresses = explained(way)
    cases = [case for case in explanation.cases if case.world.hops[1].behaviour is Proxying.HTTP_PRESERVES_XFF]
    change = Change(balancer=Telling.APPEND, real_ip_header="X-Forwarded-For", trusted_ips=(BALANCER,))
    cured = after(change, cases[0], claims(way), addresses)

    assert cured.verdict is Verdict.PRESERVED
    assert safest_order(change, cases, claims(way), addresses) == ((Part.BALANCER, Part.KONG), None)


def test_the_proxy_protocol_cannot_be_switched_on_without_a_break() -> None:
    way = Way("proxies")
    explanation, addresses = explained(way)
    change = Change(
        balancer=Telling.SEND_PROXY, plain_flag=True, real_ip_header="proxy_protocol", trusted_ips=(BALANCER,)
    )

    assert safest_order(change, explanation.cases, claims(way), addresses)[1] is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("hop", "telling", "told_so"),
    [
        (Hop(BALANCING, Proxying.PROXIES), Telling.SEND_PROXY, Hop(BALANCING, Proxying.SENDS_PROXY_V2)),
        (Hop(BALANCING, Proxying.SENDS_PROXY_V1), Telling.STOP_PROXY, Hop(BALANCING, Proxying.PROXIES)),
        (
            Hop(BALANCING, Proxying.HTTP_APPENDS_XFF, Manner(prefaces=True)),
            Telling.STOP_PROXY,
            Hop(BALANCING, Proxying.HTTP_APPENDS_XFF),
        ),
        (
            Hop(BALANCING, Proxying.ACCEPTS_AND_PASSES_PROXY),
            Telling.BELIEVE_NOBODY,
            Hop(BALANCING, Proxying.SENDS_PROXY_V2),
        ),
        (
            Hop(BALANCING, Proxying.HTTP_APPENDS_XFF, Manner(reads=Reads.IF_ANY)),
            Telling.BELIEVE_NOBODY,
            Hop(BALANCING, Proxying.HTTP_APPENDS_XFF),
        ),
        (
            Hop(BALANCING, Proxying.PROXIES, Manner(onward=Onward.CLEAR)),
            Telling.SPEAK_TLS,
            Hop(BALANCING, Proxying.PROXIES, Manner(onward=Onward.TLS)),
        ),
    ],
)
def test_what_a_proxy_does_once_it_is_told(hop: Hop, telling: Telling, told_so: Hop) -> None:
    assert told([hop], telling) == [told_so]


def test_a_second_proxy_reads_what_the_first_is_told_to_send() -> None:
    chain = [Hop(BALANCING, Proxying.PROXIES), Hop(BALANCING, Proxying.HTTP_APPENDS_XFF)]
    changed = told(chain, Telling.SEND_PROXY)

    assert changed is not None
    assert changed[1].manner.reads is Reads.NAMES


def test_no_proxy_is_told_to_speak_what_kong_does_not_expect() -> None:
    hops = [Hop(BALANCING, Proxying.HTTP_APPENDS_XFF, Manner(onward=Onward.CLEAR))]

    assert Telling.SPEAK_TLS in tellings(hops, Listener(8443, tls=True))
    assert Telling.SPEAK_TLS not in tellings(hops, Listener(8000))
