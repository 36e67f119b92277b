"""Sentences of evidence."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from diagnose.capture.sightings import Sighting
from diagnose.conclude import because
from diagnose.explain.bindings import Addresses
from diagnose.explain.groups import explain_all
from diagnose.explain.senders import find_senders
from diagnose.path.traffic import Layer
from tests.diagnose.explain.simulator import BALANCER, Way, evidence, inventory


def test_one_connection_is_told_as_one() -> None:
    wire = frozenset({Sighting(Layer.NODE, ip_address(BALANCER))})
    for number, told in ((1, "1 connection"), (2, "2 connections")):
        seen = [replace(one, seen=replace(one.seen, wire=wire)) for one in evidence(Way("proxies"), number)]
        addresses = Addresses(inventory(), find_senders((), seen, inventory(), None))
        (part,) = explain_all(seen, {}, (), addresses, {})
        (line,) = because.captured(part, addresses)
        assert line.endswith(f", {told}")
        assert told.replace("connection", "ordinary connection") in because.logged(part, addresses)[0]
