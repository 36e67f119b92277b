"""Credentials of a kubeconfig: what a plugin writes is shown nowhere, and that it failed is told."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import yaml

from diagnose.cluster.api import connect
from diagnose.errors import Stop

CANARY = "canary-5ec3e7-of-the-plugin"


def kubeconfig(folder: Path, plugin: str) -> str:
    """A kubeconfig whose credentials come of a plugin: a shell script."""
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", plugin]}
    document = {
        "contexts": [{"name": "production", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": command}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (f"echo {CANARY} >&2; exit 3", "process returned 3"),
        (f"echo {CANARY}", "what it printed is none"),
        (f"echo '[\"{CANARY}\"]'", "missing key"),
        (f"exec /nowhere/{CANARY[:3]} {CANARY}", "process returned 127"),
    ],
)
def test_a_plugin_that_fails_is_named_and_not_quoted(
    plugin: str, told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Stop) as stopped:
        connect("production", kubeconfig(tmp_path, plugin))
    assert told in stopped.value.what
    assert "context production" in stopped.value.what
    assert stopped.value.status == 4
    assert CANARY not in str(stopped.value)
    assert CANARY not in "".join(capfd.readouterr())
    assert not [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]


def test_the_token_of_a_plugin_is_used_and_told_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    answer = json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": CANARY}}
    )
    api = connect("production", kubeconfig(tmp_path, f"echo note >&2; echo '{answer}'"))
    with pytest.raises(Stop) as stopped:
        api.get("/version")
    assert CANARY not in str(stopped.value)
    assert "".join(capfd.readouterr()) == ""
