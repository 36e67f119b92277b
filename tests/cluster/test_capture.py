"""kongip capture on the nodes of a real cluster: what packets show is so, and nothing of it stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diagnose.cluster.rights import CAPTURING, Mode, rights_of
from tests.cluster import topologies
from tests.cluster.accounts import account_under, admitted
from tests.cluster.bed import BALANCER, CLIENT, CONTEXT, KUBECONFIG, apply, inside
from tests.cluster.command import assert_nothing_left, left_behind
from tests.cluster.test_rights import PLACES, Audit, printed, without
from tests.cluster.topologies import built


@pytest.fixture
def admitted_there(cluster: None) -> Iterator[None]:
    """Pods that capture are let in, which are more than restricted."""
    with admitted("kong", "default"):
        yield


def captured(*words: str, kubeconfig: Path = KUBECONFIG) -> subprocess.CompletedProcess[str]:
    """Run `kongip capture` from the client."""
    command = [*inside("client"), sys.executable, "-m", "diagnose", "capture", "--context", CONTEXT]
    command += ["--kubeconfig", str(kubeconfig), "--image", "localhost/python:1", "--output", "json", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def ways(*words: str) -> list[dict[str, Any]]:
    """The ways of its probes."""
    done = captured("--yes", *words)
    assert done.returncode == 0, done.stderr
    return [one for one in json.loads(done.stdout)["ways"] if one["nonce"]]


def sources(way: dict[str, Any], layer: str) -> list[str]:
    return [one["source"] for one in way["sightings"] if one["layer"] == layer]


@pytest.mark.usefixtures("admitted_there")
def test_packets_that_are_passed_through_come_to_kong_as_they_left(tmp_path: Path) -> None:
    with built(topologies.PASSING, tmp_path):
        found = ways()
    assert found
    for way in found:
        assert sources(way, "egress") == [CLIENT]
        assert sources(way, "gateway")[0] == CLIENT
        assert way["lost_after"] is None
    assert_nothing_left()


@pytest.mark.usefixtures("admitted_there")
def test_a_node_that_masquerades_is_seen_to_do_so(tmp_path: Path) -> None:
    with built(topologies.MASQUERADING, tmp_path):
        found = ways("--connections", "6")
    assert found
    for way in found:
        assert sources(way, "gateway")[0] not in (CLIENT, BALANCER)
        assert way["lost_after"] is not None
    assert_nothing_left()


@pytest.mark.usefixtures("admitted_there")
def test_a_proxys_header_is_seen_beside_its_address(tmp_path: Path) -> None:
    with built(topologies.PROXY_PROTOCOL, tmp_path):
        found = ways()
    assert found
    for way in found:
        [arrived] = [one for one in way["sightings"] if one["layer"] == "gateway"][:1]
        assert arrived["source"] == BALANCER
        assert [(one["version"], one["source"]) for one in arrived["proxy_headers"]] == [(2, CLIENT)]
        assert way["lost_after"] is None
    assert_nothing_left()


@pytest.mark.usefixtures("admitted_there")
def test_the_clients_own_packets_are_captured_at_the_same_time(tmp_path: Path) -> None:
    with built(topologies.PASSING, tmp_path):
        found = ways("--interface", "any", "--port", "80")
    assert found
    for way in found:
        first, *rest = way["sightings"]
        assert (first["layer"], first["capture"], first["source"]) == ("egress", "any", CLIENT)
        assert first["syn"] is not None
        assert rest
        assert {one["since_the_one_before"]["connection"] for one in rest if one["layer"] == "node"} == {"forwarded"}
    assert_nothing_left()


@pytest.mark.usefixtures("cluster")
def test_without_consent_nothing_is_made_and_it_is_told_what_would_be(tmp_path: Path) -> None:
    with built(topologies.PASSING, tmp_path):
        done = captured()
    assert done.returncode == 2
    assert "NET_RAW" in done.stderr
    assert "--yes" in done.stderr
    assert left_behind() == []


@pytest.mark.usefixtures("admitted_there")
def test_it_lacks_nothing_under_exactly_its_role(tmp_path: Path) -> None:
    with built(topologies.PASSING, tmp_path), account_under(printed(Mode.CAPTURE), tmp_path) as path:
        audit = Audit()
        done = captured("--yes", kubeconfig=path)

    assert done.returncode == 0, done.stderr
    assert "forbidden" not in done.stderr
    found = [one for one in json.loads(done.stdout)["ways"] if one["nonce"]]
    assert found
    assert all(sources(way, "gateway")[0] == CLIENT for way in found)
    assert audit.changed() >= {("create", "jobs"), ("create", "configmaps"), ("delete", "jobs")}
    assert audit.reached_in() == {"pods/exec"}
    assert_nothing_left()


VITAL = [right for need in CAPTURING if need.vital for right in rights_of(need, PLACES) if right.resource != "pods"]


@pytest.mark.usefixtures("cluster")
def test_a_right_that_is_missing_is_named_before_anything_is_made(tmp_path: Path) -> None:
    documents = printed(Mode.CAPTURE)
    with built(topologies.PASSING, tmp_path), account_under(documents, tmp_path) as path:
        audit = Audit()
        for right in VITAL:
            apply(*without(documents, right))
            done = captured("--yes", kubeconfig=path)
            assert done.returncode == 4, done.stderr
            assert f"Capturing takes the rights to {right}." in done.stderr
            apply(*documents)
    assert audit.changed() <= {("create", "selfsubjectaccessreviews"), ("create", "selfsubjectrulesreviews")}
    assert left_behind() == []


@pytest.mark.usefixtures("cluster")
def test_where_the_api_has_no_ephemeral_containers_that_is_told(tmp_path: Path) -> None:
    with built(topologies.PASSING, tmp_path), account_under(printed(Mode.EPHEMERAL), tmp_path) as path:
        done = captured("--yes", "--ephemeral", kubeconfig=path)
    assert done.returncode == 4
    assert "offers no ephemeral containers" in done.stderr
    assert "Leave --ephemeral out" in done.stderr
    assert left_behind() == []
