"""`kongip diagnose --no-echo` on a real cluster: Kong's own 404 and its log tell, and nothing is made."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import BALANCER, PATIENCE, Object, apply, get, kubectl, until
from tests.cluster.bed import run as run_in
from tests.cluster.command import Run, left_behind, said
from tests.cluster.kong import Installed
from tests.cluster.topologies import Topology, built

pytestmark = pytest.mark.usefixtures("cluster")


def without_echo(*arguments: str) -> Run:
    return said("diagnose", "--no-echo", *arguments)


@pytest.mark.parametrize(
    ("topology", "verdict", "layers"),
    [
        pytest.param(topologies.PASSING, "preserved", set(), id="passing"),
        pytest.param(topologies.PROXY_PROTOCOL, "preserved", set(), id="PROXY protocol"),
        pytest.param(topologies.PROXYING, "lost", {"load_balancer"}, id="proxying"),
        pytest.param(topologies.HEADER_NOT_TRUSTED, "lost", {"gateway"}, id="header not trusted"),
    ],
)
def test_kongs_log_alone_tells(topology: Topology, verdict: str, layers: set[str], tmp_path: Path) -> None:
    with built(topology, tmp_path) as kong:
        before = len(kong.log())
        run = without_echo()
        lines = kong.log()[before:]

    assert run.report is not None, run.errors
    assert run.report["verdict"] == verdict, run.report["headline"]
    assert layers <= {culprit["layer"] for culprit in run.report["culprits"]}
    assert "KIP602" not in {finding["code"] for finding in run.report["findings"]}, "it was not asked for"
    assert any("--no-echo" in gap["why"] for gap in run.report["not_measured"])
    requests = [line.split('"')[1] for line in lines if "/kongip-" in line]
    assert requests
    assert {request.split()[0] for request in requests} == {"GET"}
    assert left_behind() == []


def catching_all(name: str) -> list[Object]:
    """An application behind a route of Kong's that takes every host and every path."""
    labels = {"app": name}
    code = (
        "import http.server as h\n"
        "class A(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        print('ASKED', self.headers['Host'], self.path, flush=True)\n"
        "        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
        "h.ThreadingHTTPServer(('', 8080), A).serve_forever()\n"
    )
    container = {
        "name": "app",
        "image": "localhost/python:1",
        "command": ["python3", "-c", code],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    specs = {
        ("apps/v1", "Deployment"): {"selector": {"matchLabels": labels}, "template": template},
        ("v1", "Service"): {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        ("networking.k8s.io/v1", "Ingress"): {"ingressClassName": "kong", "rules": rules},
    }
    return [
        {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "kong"}, "spec": spec}
        for (version, kind), spec in specs.items()
    ]


def asked(name: str) -> list[str]:
    """The hosts and paths that the application was asked for by kongip."""
    log = kubectl("logs", "--namespace=kong", f"deployment/{name}")
    return [line for line in log.splitlines() if line.startswith("ASKED") and "/kongip-" in line]


def answered_by_it(kong: Installed) -> bool:
    words = ("--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"http://{BALANCER}/")
    return run_in("client", "curl", *words) == "200"


def test_an_application_that_takes_everything_gets_one_probe_and_no_more(tmp_path: Path) -> None:
    name = f"app-{uuid.uuid4().hex[:6]}"
    with built(topologies.PASSING, tmp_path) as kong:
        apply(*catching_all(name))
        try:
            kubectl("rollout", "status", "--namespace=kong", f"deployment/{name}", f"--timeout={PATIENCE:.0f}s")
            until("Kong leads to it", lambda: answered_by_it(kong))
            run = without_echo()
            [line] = asked(name)
        finally:
            kinds = "deployment,service,ingress"
            kubectl("delete", kinds, name, "--namespace=kong", "--wait=false")

    assert line.split()[1].endswith(".invalid"), "of no host that anybody has"
    assert run.report is not None, run.errors
    assert len(run.report["probes"]) == 1
    assert run.report["probes"][0]["logged"], "the line that was logged is used"
    assert any("took the probe" in gap["why"] for gap in run.report["not_measured"])
    assert get("jobs", "-A")["items"] == [], json.dumps(run.report["headline"])
