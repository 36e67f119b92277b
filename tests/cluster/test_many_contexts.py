"""Several contexts of one kubeconfig at once: two of the test cluster, and one whose server does not answer."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cluster import topologies
from tests.cluster.bed import AUDIT_LOG, KUBECONFIG, inside, until
from tests.cluster.command import KONGIP, assert_nothing_left, left_behind

DOCS = Path(__file__).parents[2] / "docs"
VALID, VALID_REPORT = (
    Draft202012Validator(json.loads((DOCS / f"{name}.schema.json").read_text("utf-8"))) for name in ("fleet", "report")
)
GONE = "https://10.77.1.10:1"
"""The machine of the API server, at a port that nobody listens on."""


@pytest.fixture(scope="module")
def kubeconfig(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig with the contexts here, there and gone, and one Kong that here and there both lead to."""
    folder = tmp_path_factory.mktemp("kong")
    config = yaml.safe_load(KUBECONFIG.read_text())
    [user], [known] = config["users"], config["clusters"]
    config["clusters"].append({"name": "gone", "cluster": {**known["cluster"], "server": GONE}})
    config["contexts"] = [
        {"name": name, "context": {"cluster": cluster_name, "user": user["name"]}}
        for name, cluster_name in (("here", known["name"]), ("there", known["name"]), ("gone", "gone"))
    ]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    with topologies.built(topologies.PASSING, folder):
        yield path


def words(kubeconfig: Path, *arguments: str) -> list[str]:
    return [*inside("client"), str(KONGIP), "diagnose", f"--kubeconfig={kubeconfig}", *arguments]


def ran(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = words(kubeconfig, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


PROBING = ("--image=localhost/python:1", "--connections=6")


def test_each_has_its_own_report_and_the_one_that_is_gone_counts(kubeconfig: Path, tmp_path: Path) -> None:
    metrics, table = tmp_path / "kongip.prom", tmp_path / "all.txt"
    files = (f"--metrics-file={metrics}", f"--output-file={table}")
    run = ran(kubeconfig, *(f"--context={one}" for one in ("here", "gone", "there")), *PROBING, "--output=json", *files)

    told = json.loads(run.stdout)
    VALID.validate(told)
    assert run.returncode == told["exit_status"] == 4
    here, gone, there = told["contexts"]
    for one, name in ((here, "here"), (there, "there")):
        VALID_REPORT.validate(one["report"])
        assert (one["context"], one["exit_status"], one["report"]["verdict"]) == (name, 0, "preserved")
        assert one["report"]["site"].endswith(f" in {name}")
    assert here["report"]["run"]["id"] != there["report"]["run"]["id"]
    assert (gone["context"], gone["exit_status"], gone["report"]) == ("gone", 4, None)
    assert f"The API server {GONE} of context gone cannot be reached" in gone["problem"]
    assert 'kongip_preserved{context="here"} 1\nkongip_preserved{context="there"} 1\n' in metrics.read_text()
    assert table.read_text("utf-8").startswith("✗ 3 contexts: 1 could not run, 2 preserved\n")
    assert_nothing_left()


def test_they_run_side_by_side(kubeconfig: Path) -> None:
    """Two at once take less than twice as long as the slower of them."""
    began = time.monotonic()
    run = ran(kubeconfig, "--context=here", "--context=there", *PROBING, "--output=jsonl", "--quiet")
    whole = time.monotonic() - began

    told = [json.loads(line) for line in run.stdout.splitlines()]
    assert (run.returncode, run.stderr) == (0, "")
    assert {one["context"] for one in told} == {"here", "there"}
    assert whole < 0.9 * sum(one["seconds"] for one in told)
    assert_nothing_left()


def test_all_contexts_are_only_inspected_unless_yes_is_said(kubeconfig: Path) -> None:
    began = AUDIT_LOG.stat().st_size
    run = ran(kubeconfig, "--all-contexts", "--output=json")

    told = {one["context"]: one for one in json.loads(run.stdout)["contexts"]}
    assert told.keys() == {"here", "there", "gone"}
    assert [told[name]["report"]["traffic"] for name in ("here", "there")] == [False, False]
    assert told["gone"]["report"] is None
    assert run.returncode == 4
    asked = asked_since(began)
    assert "list" in asked
    assert asked <= {"get", "list"}


def asked_since(position: int) -> set[str]:
    """The verbs with which kongip has asked the API server, by that server's own log from there on."""
    with AUDIT_LOG.open("rb") as log:
        log.seek(position)
        events = [json.loads(line) for line in log if line.endswith(b"\n")]
    return {event["verb"] for event in events if event.get("userAgent") == "kongip"}


def test_all_contexts_with_yes_are_diagnosed_and_redacted(kubeconfig: Path) -> None:
    run = ran(kubeconfig, "--all-contexts", "--yes", "--redact", *PROBING, "--output=json")

    told: list[dict[str, Any]] = json.loads(run.stdout)["contexts"]
    assert [one["context"] for one in told] == ["context-1", "context-2", "context-3"]
    for one in told[:2]:
        assert one["report"]["verdict"] == "preserved"
        assert one["report"]["site"].endswith(f" in {one['context']}")
    assert [word for word in ("10.77.", "kong-proxy", '"gone"', "/pki/") if word in run.stdout] == []
    assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_and_leaves_nothing(kubeconfig: Path, number: signal.Signals) -> None:
    command = words(kubeconfig, "--context=here", "--context=there", *PROBING, "--output=json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until("both have made all", lambda: sum(one.startswith("Ingress/") for one in left_behind()) == 2)
        process.send_signal(number)
        printed, errors = process.communicate(timeout=120)

    assert (process.returncode, printed) == (130, "")
    assert "Traceback" not in errors
    assert "could not be removed" not in errors
    assert_nothing_left()
