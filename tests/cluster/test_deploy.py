"""kongip's objects in a real cluster: made, watched, asked and taken away, also where the cluster is in the way."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.site import ClusterSite, open_cluster
from diagnose.errors import Stop
from diagnose.site import Backend
from probes.outcome import Answered
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target, Vantage
from probes.send import send_all
from tests.cluster import topologies
from tests.cluster.accounts import MAKING, READING, account
from tests.cluster.bed import BALANCER, CLIENT, CONTEXT, KUBECONFIG, NODES, Object, apply, kubectl
from tests.cluster.command import assert_nothing_left, left_behind
from tests.cluster.kong import SERVICE, Installed, Kong, install

PASSING = "kong/kong-proxy"


@pytest.fixture
def kong(cluster: None, tmp_path: Path) -> Iterator[Installed]:
    """One Kong pod behind a balancer that passes packets through."""
    with topologies.built(topologies.PASSING, tmp_path) as installed:
        yield installed


@pytest.fixture
def namespace(cluster: None) -> Iterator[str]:
    """A namespace of its own, removed with all that is in it."""
    name = f"kongip-test-{secrets.token_hex(3)}"
    apply(thing("Namespace", name))
    yield name
    kubectl("delete", "services", "--all", f"--namespace={name}")  # at once: another test may look for Kong's
    kubectl("delete", "namespace", name, "--wait=false")


def thing(kind: str, name: str, version: str = "v1", **more: object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}


def site(**chosen: object) -> ClusterSite:
    options = {"context": CONTEXT, "kubeconfig": str(KUBECONFIG), "image": "localhost/python:1", **chosen}
    return open_cluster(ClusterOptions(**options))  # type: ignore[arg-type]


def problem_of(**chosen: object) -> str:
    """What a deployment says that cannot succeed; by then nothing of it is left."""
    with site(**chosen) as opened:
        backend = opened.deploy(lambda line: None)
        assert_nothing_left()
    assert backend.problem is not None
    return backend.problem


@pytest.mark.usefixtures("client", "kong")
def test_the_echo_runs_answers_and_leaves_nothing() -> None:
    said: list[str] = []
    with site() as opened:
        backend = opened.deploy(said.append)
        assert backend.problem is None
        assert opened.missing_rights == ()
        kinds = {left.split("/")[0] for left in left_behind()}
        assert kinds == {"Job", "Pod", "ConfigMap", "Service", "Ingress"}
        assert opened.caller_by_api() == CLIENT
    assert opened.leftovers == ()
    assert_nothing_left()
    assert said[0].startswith("deploying the echo as Job kong/kongip-")
    opened.remove()


@pytest.mark.usefixtures("client", "kong")
def test_an_interrupted_run_leaves_nothing() -> None:
    def interrupt(line: str) -> None:
        if line.startswith("waiting"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), site() as opened:
        opened.deploy(interrupt)
    assert_nothing_left()


@pytest.mark.usefixtures("client", "kong")
def test_probes_are_sent_from_the_echo_pod_to_kongs_pod() -> None:
    with site() as opened:
        backend = opened.deploy(lambda line: None)
        (kong,) = opened.kongs
        probe = made(backend, kong.address, 8000, Vantage.INSIDE)
        sent = opened.send_inside([probe], 5.0)
        assert sent is not None
        (one,) = sent
        assert isinstance(one.outcome, Answered)
        assert one.socket is not None
        assert one.socket.startswith("10.78.")


def made(backend: Backend, address: str, port: int, vantage: Vantage, **more: object) -> Probe:
    nonce = secrets.token_hex(8)
    target = Target(address, port, "http", "kong.test")
    return Probe(nonce, target, f"{backend.path}/{nonce}", vantage, secret=backend.secret, **more)  # type: ignore[arg-type]


@pytest.mark.usefixtures("client", "kong")
def test_kongs_log_tells_of_every_probe() -> None:
    since = time.time()
    nowhere = Backend("/kongip-none", "")
    plain = made(nowhere, BALANCER, 80, Vantage.OUTSIDE)
    claims = (Claim(PROXY_CHANNEL, "203.0.113.7"),)
    proxied = made(nowhere, BALANCER, 80, Vantage.OUTSIDE, preamble=Preamble.V1, claims=claims, claimed_port=40123)
    with site() as opened:
        assert [type(one.outcome) for one in send_all([plain, proxied], timeout=5.0)] == [Answered, Answered]
        logs = opened.logs([plain, proxied], since)
    assert logs.unread == {}
    lines = {nonce: [(line.address, line.status) for line in lines] for nonce, lines in logs.access.items()}
    assert lines == {plain.nonce: [(CLIENT, 404)], proxied.nonce: [(CLIENT, 400)]}


@pytest.mark.usefixtures("client", "kong")
def test_an_image_that_cannot_be_pulled_is_named() -> None:
    problem = problem_of(image="localhost/no-such-image:1")
    assert problem.startswith("The image localhost/no-such-image:1 of the echo pod cannot be pulled (ErrImagePull)")
    assert "--image" in problem


@pytest.mark.usefixtures("client", "kong")
def test_a_pod_that_no_node_takes_is_told_in_the_schedulers_words() -> None:
    kubectl("cordon", *NODES)
    try:
        problem = problem_of()
    finally:
        kubectl("uncordon", *NODES)
    assert problem.startswith("The echo pod cannot be scheduled: 0/3 nodes are available")


@pytest.mark.usefixtures("client", "kong")
def test_a_quota_that_forbids_the_pod_is_quoted(namespace: str) -> None:
    quota = thing("ResourceQuota", "tight", spec={"hard": {"pods": "0"}})
    kubectl("apply", f"--namespace={namespace}", "--filename=-", text=json.dumps(quota))
    problem = problem_of(namespace=namespace)
    assert problem.startswith("The cluster refuses the echo pod: ")
    assert "exceeded quota: tight" in problem


@pytest.mark.usefixtures("client", "cluster")
def test_a_service_without_an_address_is_pending() -> None:
    install(Kong({}, "Local", ("n2",)), None)
    told = r"Service kong/kong-proxy has no published address yet: .*pending"
    with pytest.raises(Stop, match=told) as stopped, site() as opened:
        opened.deploy(lambda line: None)
    assert stopped.value.status == 4
    assert_nothing_left()
    with site(urls=("http://192.0.2.10",)) as opened:
        assert {entry.address for entry in opened.entries if entry.vantage is Vantage.OUTSIDE} == {"192.0.2.10"}


@pytest.mark.usefixtures("client", "kong")
def test_two_kongs_and_none_chosen_is_a_usage_error(namespace: str) -> None:
    ports = [{"name": "proxy", "port": 80}]
    second = thing("Service", "second-kong-proxy", spec={"selector": {"app": "second"}, "ports": ports})
    kubectl("apply", f"--namespace={namespace}", "--filename=-", text=json.dumps(second))
    told = f"There are several Kongs: kong/{SERVICE} .*; {namespace}/second-kong-proxy"
    with pytest.raises(Stop, match=told) as stopped:
        site()
    assert stopped.value.status == 2
    with site(service=PASSING) as opened:
        assert opened.service == PASSING


@pytest.mark.usefixtures("client", "kong")
def test_without_any_right_the_api_servers_refusal_is_passed_on(tmp_path: Path) -> None:
    with account([], tmp_path) as path, pytest.raises(Stop) as stopped:
        site(kubeconfig=str(path), service=PASSING)
    assert stopped.value.status == 4
    assert "is forbidden" in stopped.value.what


@pytest.mark.usefixtures("client", "kong")
def test_without_the_rights_to_deploy_nothing_is_made_and_they_are_named(tmp_path: Path) -> None:
    with account(READING, tmp_path) as path:
        problem = problem_of(kubeconfig=str(path))
    assert "create jobs.batch in namespace kong" in problem
    assert "delete ingresses.networking.k8s.io in namespace kong" in problem
    assert "list pods" not in problem


@pytest.mark.usefixtures("client", "kong")
def test_without_the_rights_to_logs_and_exec_the_run_goes_on_without_these_witnesses(tmp_path: Path) -> None:
    with account([*READING, *MAKING], tmp_path) as path, site(kubeconfig=str(path)) as opened:
        backend = opened.deploy(lambda line: None)
        assert backend.problem is None
        assert {right.split(" in ")[0] for right in opened.missing_rights} >= {
            "create pods/exec",
            "get pods/exec",
            "get pods/log",
            "get services/proxy",
        }
        probe = made(backend, opened.kongs[0].address, 8000, Vantage.INSIDE)
        assert opened.send_inside([probe], 5.0) is None
        assert opened.caller_by_api() is None
        logs = opened.logs([probe], time.time())
        assert list(logs.unread) == [opened.kongs[0].name]
        assert 'cannot get resource "pods/log"' in logs.unread[opened.kongs[0].name]
    assert opened.leftovers == ()
    assert_nothing_left()
