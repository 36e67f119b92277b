"""The installed command, run as its user runs it: from the caller's network namespace, against the test cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.bed import CONTEXT, KUBECONFIG, Object, inside, kubectl, until

KONGIP = Path(sys.executable).with_name("kongip")
KINDS = "jobs,pods,configmaps,services,ingresses,networkpolicies"


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: its exit status, its report (None when it printed none), and its standard error."""

    status: int
    report: Object | None
    errors: str


def kongip(command: str, *arguments: str) -> list[str]:
    """The words that run a command of kongip's against the cluster, from the caller's network namespace."""
    return [*inside("client"), str(KONGIP), command, "--context", CONTEXT, "--kubeconfig", str(KUBECONFIG), *arguments]


def said(command: str, *arguments: str) -> Run:
    """Run a command of kongip's with JSON output and these further arguments."""
    words = kongip(command, "--output", "json", *arguments)
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    return Run(result.returncode, json.loads(result.stdout) if result.stdout else None, result.stderr)


def diagnose(*arguments: str) -> Run:
    """Run `kongip diagnose` with an echo, JSON output and these further arguments."""
    return said("diagnose", "--image", "localhost/python:1", *arguments)


def left_behind() -> list[str]:
    """Return every object of kongip's in the cluster, as kind/namespace/name, pods on their way out among them."""
    listing = kubectl("get", KINDS, "-A", "--selector=app.kubernetes.io/managed-by=kongip", "--output=json")
    return [
        f"{item['kind']}/{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in json.loads(listing)["items"]
    ]


def assert_nothing_left() -> None:
    """Assert that no object of kongip's is left; pods alone may take their time to go."""
    assert [thing for thing in left_behind() if not thing.startswith("Pod/")] == []
    until("kongip's pods are gone", lambda: not left_behind())
