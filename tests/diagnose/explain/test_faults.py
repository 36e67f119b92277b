"""Faults: who is at fault in a world that is known outright."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from diagnose.explain.faults import Judgement, judge
from diagnose.path.node import Node
from diagnose.path.proxying import Manner, Proxying
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer, Traffic
from diagnose.path.world import Hop, World, predict
from diagnose.report.report import Verdict
from probes.wire import proxy_protocol
from tests.diagnose.explain.simulator import BALANCER, PUBLISHED, SOCKET

PREFACES = Manner(prefaces=True)


def judged(proxy: Hop, *, flag: bool, header: str = "X-Forwarded-For") -> Judgement:
    """The judgement on ``proxy`` before a Kong that trusts it."""
    listener = Listener(8000, proxy_protocol=flag)
    settings = Settings((listener,), (BALANCER,), header)
    world = World((proxy, Hop(Layer.NODE, Node.KEEPS_SOURCE)), settings, listener)
    plain = Traffic(ip_address(SOCKET), ip_address(PUBLISHED), 80)
    binding = (ip_address(BALANCER), None)
    return judge(world, predict(world, plain, binding), (), binding, lambda address: str(address) == SOCKET)


@pytest.mark.parametrize(
    "proxy",
    [
        Hop(Layer.LOAD_BALANCER, Proxying.SENDS_PROXY_V1),
        Hop(Layer.EDGE, Proxying.SENDS_PROXY_V2),
        Hop(Layer.LOAD_BALANCER, Proxying.HTTP_APPENDS_XFF, PREFACES),
    ],
)
def test_whoever_sends_a_proxy_header_that_kong_does_not_expect_may_mend_it_and_so_may_kong(proxy: Hop) -> None:
    found = judged(proxy, flag=False)

    assert found.verdict is Verdict.UNREACHABLE
    assert [(fault.layer, fault.code) for fault in found.culprits] == [
        (proxy.layer, "KIP401"),
        (Layer.GATEWAY, "KIP401"),
    ]


def test_a_proxy_that_tells_its_client_twice_is_read_either_way() -> None:
    proxy = Hop(Layer.LOAD_BALANCER, Proxying.HTTP_REPLACES_XFF, PREFACES)

    for header in ("X-Forwarded-For", "proxy_protocol"):
        assert judged(proxy, flag=True, header=header).verdict is Verdict.PRESERVED


def test_a_proxy_address_that_kong_throws_away_is_kongs_fault() -> None:
    found = judged(Hop(Layer.LOAD_BALANCER, Proxying.HTTP_STRIPS_XFF, PREFACES), flag=True)

    assert [(fault.layer, fault.code) for fault in found.culprits] == [(Layer.GATEWAY, "KIP504")]


@pytest.mark.parametrize(("trusted", "forgeable"), [(("0.0.0.0/0",), ("PROXY",)), ((), ())])
def test_a_callers_proxy_header_may_be_believed_where_ordinary_connections_end(
    trusted: tuple[str, ...], forgeable: tuple[str, ...]
) -> None:
    listener = Listener(8000, proxy_protocol=True)
    settings = Settings((listener,), trusted_ips=trusted, real_ip_header="proxy_protocol")
    world = World((Hop(Layer.NODE, Node.KEEPS_SOURCE),), settings, listener)
    plain = Traffic(ip_address(SOCKET), ip_address(PUBLISHED), 80)
    header = proxy_protocol.encode(proxy_protocol.Header(1, "PROXY", "192.0.2.8", 40000, PUBLISHED, 80))
    claims = [
        ("PROXY", replace(plain, preface=(header,))),
        ("X-Real-IP", replace(plain, headers=(("X-Real-IP", "192.0.2.9"),))),
    ]

    found = judge(world, predict(world, plain, (None,)), claims, (None,), lambda address: str(address) == SOCKET)

    assert (found.verdict, found.forgeable) == (Verdict.UNREACHABLE, forgeable)
