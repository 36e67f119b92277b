"""The node: which source address reaches Kong's socket, or how the connection ends."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from diagnose.path.node import EMITS, SIDECARS, Node, pass_on
from diagnose.path.proxying import Answer, End
from diagnose.path.traffic import Address, Traffic

OWN = IPv4Address("10.0.2.7")
CAME = Traffic(IPv4Address("198.51.100.9"), IPv4Address("10.0.1.1"), 30080, (b"\x16",), (("X-A", "1"),), True, "h")


def test_a_node_that_keeps_the_source_changes_nothing() -> None:
    assert pass_on(Node.KEEPS_SOURCE, CAME, OWN) == CAME


@pytest.mark.parametrize(
    ("behaviour", "own"), [(Node.MASQUERADES, OWN), (Node.SERVICE_LB, OWN), (Node.SIDECAR, SIDECARS[0])]
)
def test_a_rewriting_node_changes_the_source_and_nothing_else(behaviour: Node, own: Address) -> None:
    assert pass_on(behaviour, CAME, own) == Traffic(own, CAME.destination, 30080, (b"\x16",), CAME.headers, True, "h")


def test_a_node_without_a_known_address_leaves_the_source() -> None:
    assert pass_on(Node.MASQUERADES, CAME, None) == CAME


@pytest.mark.parametrize(("behaviour", "answer"), [(Node.DROPS, Answer.TIMED_OUT), (Node.REFUSES, Answer.REFUSED)])
def test_a_node_may_end_the_connection(behaviour: Node, answer: Answer) -> None:
    assert pass_on(behaviour, CAME, OWN) == End(frozenset({answer}))


def test_those_that_emit_are_those_that_rewrite() -> None:
    rewriting = set()
    for behaviour in Node:
        left = pass_on(behaviour, CAME, OWN)
        if isinstance(left, Traffic) and left.source == OWN:
            rewriting.add(behaviour)
    assert rewriting == EMITS
