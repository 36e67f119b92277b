"""The labs as sites: what each gives the main job, what its Kongs log, and that nothing is left of it."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from diagnose.errors import COULD_NOT_RUN, USAGE, Stop
from diagnose.lab.balancer import Mode
from diagnose.lab.labs import BALANCER, LABS, Lab
from diagnose.lab.site import KONG_PORT, LabSite, open_lab
from diagnose.path.traffic import Layer
from diagnose.plan import Planner
from diagnose.run import Options, diagnose
from diagnose.site import PREAMBLE_AS_REQUEST, Backend, Logs
from probes.claims import Claims
from probes.outcome import Answered, Closed, Outcome
from probes.probe import Preamble, Vantage
from probes.send import send_all

TIMEOUT = 5.0


def silent(line: str) -> None:
    """Progress that nobody reads."""


def plain(site: LabSite, number: int = 8) -> tuple[list[Outcome], Logs]:
    """What comes of ordinary connections from outside, and what is logged of them."""
    backend: Backend = site.deploy(silent)
    planner = Planner(backend.path, backend.secret, Claims())
    probes = [one.probe for one in planner.plain(site.entries[0], number)]
    since = time.time()
    sent = send_all(probes, TIMEOUT)
    return [one.outcome for one in sent], site.logs(probes, since)


LOGGED = {
    "preserved": {"127.0.0.1"},
    "node-masquerade": {"127.30.0.11", "127.30.0.12", "127.40.1.1", "127.40.2.1"},
    "proxy-without-header": {"127.20.0.10"},
    "header-not-trusted": {"127.20.0.10"},
    "wrong-header": {"127.20.0.10"},
    "trusts-everyone": {"127.0.0.1"},
    "proxy-protocol": {"127.0.0.1"},
    "forwarded-header": {"127.0.0.1"},
}
"""The addresses that Kong logs for the caller, in the labs where it answers."""


@pytest.mark.parametrize("name", LOGGED)
def test_ordinary_connections_reach_the_echo_through_both_pods(name: str) -> None:
    with open_lab(name) as site:
        outcomes, logs = plain(site)
    assert all(isinstance(one, Answered) and one.status == 200 for one in outcomes)
    lines = [line for lines in logs.access.values() for line in lines]
    assert {line.address for line in lines} == LOGGED[name]
    assert Counter(line.kong for line in lines) == {"kong/kong-a": 4, "kong/kong-b": 4}
    assert not logs.complaints


def test_a_header_that_is_not_expected_is_refused_as_a_request() -> None:
    with open_lab("proxy-header-refused") as site:
        outcomes, logs = plain(site)
    assert all(isinstance(one, Answered) and one.status == 400 for one in outcomes)
    assert not logs.access
    assert Counter((one.kind, one.client) for one in logs.complaints) == {(PREAMBLE_AS_REQUEST, "127.20.0.10"): 8}


def test_a_header_that_does_not_come_closes_the_connection() -> None:
    with open_lab("proxy-header-missing") as site:
        outcomes, logs = plain(site)
    assert all(isinstance(one, Closed) for one in outcomes)
    assert not logs.access
    assert Counter((one.kind, one.client) for one in logs.complaints) == {("broken header", "127.20.0.10"): 8}
    assert all(one.excerpt.startswith("GET /kongip-") for one in logs.complaints)


def test_a_preamble_that_is_logged_as_a_request_is_put_down_to_its_probe() -> None:
    with open_lab("preserved") as site:
        backend = site.deploy(silent)
        planner = Planner(backend.path, backend.secret, Claims())
        probes = [one.probe for one in planner.kinds(site.entries[0])]
        send_all(probes, TIMEOUT)
        logs = site.logs(probes, 0.0)
    [v1] = [one for one in probes if one.preamble is Preamble.V1]
    [line] = logs.access[v1.nonce]
    assert (line.status, line.request.split()[0]) == (400, "PROXY")
    unnamed = sorted(one.excerpt for one in logs.complaints)
    assert unnamed == ["PROXY UNKNOWN", "\\x00", "\\x00"]


def test_probes_from_inside_come_from_the_echo_pod() -> None:
    with open_lab("preserved") as site:
        backend = site.deploy(silent)
        planner = Planner(backend.path, backend.secret, Claims())
        inside = [entry for entry in site.entries if entry.vantage is Vantage.INSIDE]
        probes = [one.probe for entry in inside for one in planner.plain(entry)]
        sent = site.send_inside(probes, TIMEOUT) or []
        logs = site.logs(probes, 0.0)
    assert [entry.address for entry in inside] == ["127.40.1.5", "127.40.2.5"]
    assert [one.socket for one in sent] == ["127.40.1.9", "127.40.1.9"]
    assert [line.address for probe in probes for line in logs.access[probe.nonce]] == ["127.40.1.9", "127.40.1.9"]


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_the_main_job_says_of_a_lab_what_the_lab_declares(lab: Lab) -> None:
    with open_lab(lab.name) as site:
        report = diagnose(site, Options(), silent)
    assert report.verdict == lab.verdict
    assert tuple((one.layer, one.certainty) for one in report.culprits) == lab.culprits


@pytest.mark.parametrize(
    "cured",
    [
        replace(LABS["node-masquerade"], policy="Local"),
        replace(
            LABS["proxy-without-header"],
            balancer=Mode.SENDS_PROXY_V2,
            proxy_protocol=True,
            real_ip_header="proxy_protocol",
            trusted_ips=(BALANCER,),
        ),
        replace(LABS["proxy-header-refused"], proxy_protocol=True),
        replace(LABS["proxy-header-missing"], balancer=Mode.SENDS_PROXY_V2),
        replace(LABS["header-not-trusted"], trusted_ips=(BALANCER,)),
        replace(LABS["wrong-header"], real_ip_header="X-Forwarded-For"),
        replace(LABS["trusts-everyone"], trusted_ips=(BALANCER,)),
    ],
    ids=lambda lab: str(lab.name),
)
def test_each_fault_is_one_change_away_from_preserved(cured: Lab) -> None:
    with LabSite(cured) as site:
        report = diagnose(site, Options(), silent)
    assert report.verdict == "preserved"
    assert report.culprits == ()


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_what_is_certain_of_a_lab_is_so(lab: Lab) -> None:
    with open_lab(lab.name) as site:
        certain = {fact.layer: fact.behaviours for fact in site.facts if fact.certain}
        [of_node] = [fact for fact in site.facts if fact.layer is Layer.NODE]
    forwarded = lab.name in ("preserved", "node-masquerade", "rollout")
    assert certain == ({Layer.LOAD_BALANCER: frozenset({"passes_through"})} if forwarded else {})
    assert of_node.behaviours == {"masquerades" if lab.policy == "Cluster" else "keeps_source"}


def test_no_thread_and_no_socket_is_left() -> None:
    with open_lab("preserved") as site:
        plain(site)  # what is loaded and cached on first use is no leak
    threads, descriptors = threading.active_count(), open_descriptors()
    for name in LABS:
        with open_lab(name) as site:
            plain(site)
            with socket.create_connection((site.entries[0].address, site.entries[0].port)):
                began = time.monotonic()
                site.remove()  # with a connection that is still open, and says nothing
                assert time.monotonic() - began < 5.0
            site.remove()
    assert threading.active_count() == threads
    assert open_descriptors() == descriptors


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_two_labs_may_be_open_at_once() -> None:
    with open_lab("node-masquerade") as first, open_lab("node-masquerade") as second:
        assert first.entries[0].port != second.entries[0].port
        assert first.entries[1].port != second.entries[1].port
        for site in (first, second):
            assert all(isinstance(one, Answered) for one in plain(site, 2)[0])


def test_kong_listens_where_it_does_by_default_if_nobody_else_does() -> None:
    with open_lab("preserved") as site:
        port = site.entries[1].port
        settings = site.kongs[0].settings
    assert settings is not None
    assert settings.proxy_listen == f"0.0.0.0:{port}"
    try:
        socket.create_server(("127.40.1.5", KONG_PORT)).close()
    except OSError:
        return  # taken by another: nothing to hold the lab to
    assert port == KONG_PORT


def test_a_name_that_no_lab_has_brings_up_those_that_are_near() -> None:
    with pytest.raises(Stop) as stopped:
        open_lab("node-masquerades")
    assert stopped.value.status == USAGE
    assert "node-masquerade" in stopped.value.remedy


def test_where_no_way_leads_to_the_lab_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.lab.site.BALANCER", "192.0.2.10")  # not of this machine, whose way is another's
    with pytest.raises(Stop) as stopped:
        open_lab("preserved")
    assert stopped.value.status == COULD_NOT_RUN
    assert "the lab's address 192.0.2.10" in stopped.value.what


def test_where_nothing_can_listen_it_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count(), open_descriptors()
    monkeypatch.setattr("diagnose.lab.site.NODES", {"lab-a": "127.30.0.11", "lab-b": "192.0.2.12"})
    with pytest.raises(Stop) as stopped:
        open_lab("preserved")
    assert stopped.value.status == COULD_NOT_RUN
    assert "cannot listen" in stopped.value.what
    assert (threading.active_count(), open_descriptors()) == before


def test_what_was_logged_before_is_left_out() -> None:
    with open_lab("proxy-header-missing") as site:
        _, logs = plain(site, 2)
        assert len(logs.complaints) == 2
        assert not site.logs([], time.time()).complaints
    with open_lab("preserved") as site:
        backend = site.deploy(silent)
        [planned] = Planner(backend.path, backend.secret, Claims()).plain(site.entries[0])
        send_all([planned.probe], TIMEOUT)
        assert site.logs([planned.probe], 0.0).access
        assert not site.logs([planned.probe], time.time()).access


def test_other_systems_are_told_that_they_cannot_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Stop) as stopped:
        open_lab("preserved")
    assert stopped.value.status == COULD_NOT_RUN
