"""Settings that no specification tells: Kong's own files, read in its pod, and what is said without them."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.accounts import MAKING, READING, account
from tests.cluster.balancers import balancer
from tests.cluster.bed import BALANCER, KUBECONFIG, Object, apply, inside, kubectl, until
from tests.cluster.command import Run, assert_nothing_left, diagnose
from tests.cluster.kong import settled
from tests.cluster.topologies import built
from tests.diagnose.outside.admin import root

TOPOLOGY = topologies.HEADER_NOT_TRUSTED


@pytest.fixture
def mounted() -> Iterator[None]:
    """A configuration file for Kong, which is gone in the end, with the Deployment that mounts it."""
    data = {"kong.conf": "real_ip_header = X-Forwarded-For  # as the balancer writes it\ntrusted_ips = 192.0.2.0/24\n"}
    apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": "kong"}, "data": data})
    yield
    kubectl("delete", "--namespace=kong", "deployment/kong", "configmap/own", "--wait")


def mount() -> None:
    """Have Kong's pods mount the file, and wait until they have."""
    volume: Object = {"name": "own", "configMap": {"name": "own"}}
    proxy: Object = {"name": "proxy", "volumeMounts": [{"name": "own", "mountPath": "/etc/kong"}]}
    spec = {"volumes": [volume], "containers": [proxy]}
    patch: Object = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}, "template": {"spec": spec}}}
    kubectl("patch", "--namespace=kong", "deployment/kong", "--patch", json.dumps(patch))


def codes(run: Run) -> set[str]:
    assert run.report is not None, run.errors
    return {finding["code"] for finding in run.report["findings"]}


@pytest.mark.usefixtures("cluster", "mounted")
def test_a_mounted_file_is_known_by_what_kong_made_of_it(tmp_path: Path) -> None:
    with built(TOPOLOGY, tmp_path):
        mount()
    with balancer(TOPOLOGY.balancer, settled(TOPOLOGY.policy, BALANCER), tmp_path):
        asked, unasked = diagnose(), diagnose("--no-exec")

    assert asked.report is not None, asked.errors
    assert "KIP705" not in codes(asked)
    assert [(one["code"], one["certainty"]) for one in asked.report["culprits"]] == [("KIP501", "proven")]
    because = "\n".join(line for finding in asked.report["findings"] for line in finding["because"])
    assert "trusted_ips 192.0.2.0/24, real_ip_header X-Forwarded-For" in because
    assert "nginx-kong.conf and .kong_env of pod kong/" in because

    assert unasked.report is not None, unasked.errors
    assert "KIP705" in codes(unasked)
    assert "a file is mounted at /etc/kong" in json.dumps(unasked.report["not_measured"])
    assert "KIP603" not in codes(unasked), "nothing is sent from inside either"
    assert_nothing_left()


SERVER = """
import http.server, sys
body = sys.stdin.buffer.read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", 8001), Handler).serve_forever()
"""
FORWARDING: list[Object] = [
    {"apiGroups": [""], "resources": ["pods/portforward", "pods/log"], "verbs": ["get", "create"]}
]


@contextlib.contextmanager
def admin_api(pod: str, settings: dict[str, str]) -> Iterator[None]:
    """The fake of Kong's Admin API on the loopback of its pod, where a real one listens by default."""
    command = ["kubectl", f"--kubeconfig={KUBECONFIG}", "exec", "--stdin", "--namespace=kong", pod, "--container=proxy"]
    words = [*inside("client"), *command, "--", "timeout", "60", "python3", "-c", SERVER]
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(root(settings)).encode())
        process.stdin.close()
        listening = ("exec", "--namespace=kong", pod, "--container=proxy", "--", "cat", "/proc/net/tcp")
        until("the Admin API listens", lambda: ":1F41 " in kubectl(*listening))
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("cluster")
def test_without_the_right_to_run_commands_the_admin_api_tells_the_settings(tmp_path: Path) -> None:
    told = {"KONG_REAL_IP_HEADER": "X-Forwarded-For", "KONG_TRUSTED_IPS": "192.0.2.0/24"}
    with built(TOPOLOGY, tmp_path) as kong, account([*READING, *MAKING, *FORWARDING], tmp_path) as path:
        (pod,) = kong.pods
        with admin_api(pod, told):
            run = diagnose("--kubeconfig", str(path))

    assert run.report is not None, run.errors
    because = "\n".join(line for finding in run.report["findings"] for line in finding["because"])
    assert f"the Admin API of pod kong/{pod}" in because
    assert "trusted_ips 192.0.2.0/24, real_ip_header X-Forwarded-For" in because
    assert_nothing_left()
