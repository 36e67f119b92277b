"""The command: what it prints, how it ends, and that it sends nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from diagnose.cli import main

HERE = Path(__file__).parent / "manifests"
DEFINED = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text("utf-8"))
GOOD, BAD = str(HERE / "chart-kong.yaml"), str(HERE / "chart-ingress.yaml")


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("inspect --file opened a connection")

    monkeypatch.setattr(socket.socket, "connect", connect)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status and standard output."""
    status = main(["inspect", *arguments])
    told = capsys.readouterr()
    assert told.err == ""
    return status, told.out


def stopped(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status and the one line on standard error."""
    status = main(["inspect", *arguments])
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return status, told.err


@pytest.mark.parametrize(
    ("file", "fail_on", "status"),
    [(GOOD, "info", 0), (BAD, "error", 1), (BAD, "info", 1), (str(HERE / "cluster.yaml"), "error", 1)],
)
def test_the_findings_alone_decide_the_exit_status(
    capsys: pytest.CaptureFixture[str], file: str, fail_on: str, status: int
) -> None:
    assert printed(capsys, "--file", file, "--fail-on", fail_on)[0] == status


def test_warnings_are_no_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    warned = Path(GOOD).read_text("utf-8").replace('value: "10.0.0.0/16"', 'value: "0.0.0.0/0,::/0"')
    (tmp_path / "kong.yaml").write_text(warned)
    assert printed(capsys, "--file", str(tmp_path))[0] == 0
    assert printed(capsys, "--file", str(tmp_path), "--fail-on", "warning")[0] == 1


@pytest.mark.parametrize("file", [GOOD, BAD])
def test_json_is_the_report_without_probes(capsys: pytest.CaptureFixture[str], file: str) -> None:
    document = json.loads(printed(capsys, "--file", file, "--output", "json")[1])
    Draft202012Validator(DEFINED).validate(document)
    assert document["verdict"] == "undetermined"
    assert [document[key] for key in ("probes", "groups", "path", "culprits")] == [[], [], [], []]
    assert document["not_measured"][0]["why"] == "inspect sends nothing; kongip diagnose does"


def test_text_names_verdict_finding_evidence_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--file", BAD)[1]
    lines = out.splitlines()
    assert lines[0].endswith(f"undetermined, since nothing was sent: 3 errors, 1 warning in {BAD}")
    assert lines[0] == lines[-1]
    assert "KIP706 prefix-doubled  error, gateway" in out
    assert "env KONG_KONG_TRUSTED_IPS" in " ".join(out.split())
    assert "Remedy: name the variable KONG_TRUSTED_IPS" in out
    assert "First step" not in out, "nobody knows without traffic whether it suffices"


def test_manifests_without_kong_could_not_be_judged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("{apiVersion: v1, kind: Service, metadata: {name: shop}}")
    status, line = stopped(capsys, "--file", str(tmp_path))
    assert status == 4
    assert "No Kong was found" in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--context"),
        (("--context", "a", "--file", "b"), "--file"),
        (("--file", GOOD, "--service", "a/b"), "--service goes with --context"),
        (("--file", GOOD, "--ingress-class", "kong"), "--ingress-class"),
        (("--file", GOOD, "--namespace", "kong"), "--namespace"),
        (("--file", GOOD, "--kubeconfig", "x"), "--kubeconfig"),
        (("--context", "a", "--service", "proxy"), "NAMESPACE/NAME"),
        (("--context", "a", "--service", "a/b/c"), "NAMESPACE/NAME"),
        (("--file", GOOD, "--output", "yaml"), "yaml"),
        (("--file", "missing.yaml"), "missing.yaml"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    status, line = stopped(capsys, *arguments)
    assert status == 2
    assert named in line


def test_names_out_of_a_manifest_steer_no_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "kong.yaml").write_text(
        '{apiVersion: apps/v1, kind: Deployment, metadata: {name: "k\\e[2J"}, spec: {template: {spec: {containers: '
        '[{name: "p\\e[2J", image: "kong:3", env: [{name: "KONG_KONG_\\e[2J", value: a}]}]}}}}'
    )
    out = printed(capsys, "--file", str(tmp_path))[1]
    assert "KIP706" in out
    assert "\x1b" not in out
