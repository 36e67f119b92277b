"""The caller's own side: which address leaves it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from diagnose.path.egress import Egress, leave
from diagnose.path.proxying import End
from diagnose.path.traffic import Traffic

OWN = IPv4Address("203.0.113.1")
SENT = Traffic(
    IPv4Address("192.168.1.5"), IPv4Address("198.51.100.1"), 443, (b"PROXY UNKNOWN\r\n",), (("X-A", "1"),), True, "h"
)


def test_direct_leaves_everything_as_it_is() -> None:
    assert leave(Egress.DIRECT, SENT, OWN) == SENT


@pytest.mark.parametrize("behaviour", [Egress.NAT, Egress.NAT_POOL, Egress.HTTP_PROXY, Egress.FOREIGN])
def test_a_rewriting_side_changes_the_source_and_nothing_else(behaviour: Egress) -> None:
    left = leave(behaviour, SENT, OWN)
    assert left == Traffic(OWN, SENT.destination, 443, SENT.preface, SENT.headers, True, "h")


@pytest.mark.parametrize("behaviour", list(Egress))
def test_without_a_known_address_the_source_stays(behaviour: Egress) -> None:
    assert leave(behaviour, SENT, None) == SENT


def test_an_http_proxy_adds_the_caller_to_the_header_of_plain_http() -> None:
    plain = replace(SENT, tls=False, preface=())
    left = leave(Egress.HTTP_PROXY, plain, OWN)

    assert left == replace(plain, source=OWN, headers=(("X-A", "1"), ("X-Forwarded-For", "192.168.1.5")))


def test_an_http_proxy_takes_a_proxy_header_for_a_broken_request() -> None:
    assert isinstance(leave(Egress.HTTP_PROXY, replace(SENT, tls=False), OWN), End)
