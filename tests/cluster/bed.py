"""The test bed as the tests see it: commands inside its network namespaces, and the API server through kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent / "testbed"
BASE = Path(os.environ.get("KONGIP_TESTBED", "/var/cache/kongip-testbed"))
KUBECONFIG = BASE / "pki" / "testbed.kubeconfig"
AUDIT_LOG = BASE / "run" / "logs" / "audit.log"
CONTEXT = "testbed"

CLIENT = "10.77.3.30"
BALANCER = "10.77.2.20"
NODES = {"n1": "10.77.1.11", "n2": "10.77.1.12", "n3": "10.77.1.13"}

PATIENCE = 180.0
"""Seconds for what Kubernetes does: kubelet 1.20 may hold a pod that is deleted amid its start for two minutes."""

Object = dict[str, Any]


def why_not() -> str | None:
    """Say in one line why this machine cannot run the cluster, or None where it can."""
    result = subprocess.run([SCRIPTS / "can.sh"], capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else result.stdout.strip() or result.stderr.strip()


def up() -> None:
    """Bring the cluster up; one that is up is left as it is. Its progress goes to standard error."""
    subprocess.run([SCRIPTS / "up.sh"], check=True)


def inside(place: str) -> list[str]:
    """Return the words that run a command in the network namespace of client, balancer, router, control or a node."""
    return ["nsenter", f"--net=/run/netns/kip-{place}", "--"]


def run(place: str, *words: str, text: str | None = None) -> str:
    """Run a command in a network namespace and return its standard output; CalledProcessError when it fails."""
    return subprocess.run([*inside(place), *words], input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def on(node: str, *words: str, text: str | None = None) -> str:
    """Run a command on a node, in all of its namespaces, and return its standard output."""
    done = subprocess.run([SCRIPTS / "in.sh", node, *words], input=text, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def kubectl(*words: str, text: str | None = None) -> str:
    """Run kubectl as the cluster's administrator."""
    return run("client", "kubectl", f"--kubeconfig={KUBECONFIG}", *words, text=text)


def get(*words: str) -> Object:
    """Return what `kubectl get` finds, as it comes from the API."""
    return dict(json.loads(kubectl("get", *words, "--output=json")))


def apply(*things: Object) -> None:
    """Create these objects, or change those that exist to what is given here."""
    listing = {"apiVersion": "v1", "kind": "List", "items": list(things)}
    kubectl("apply", "--filename=-", text=json.dumps(listing))


def until(what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until a condition holds; AssertionError, naming what was awaited, when it does not in this time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain until {what}"
        time.sleep(0.1)
