"""The main job on every lab: verdict, layer at fault, certainty and exit status, as documented."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import pytest

from diagnose.capture.files import CaptureFile
from diagnose.cli import main
from diagnose.lab.labs import LABS
from diagnose.lab.site import open_lab
from diagnose.path.traffic import Layer
from diagnose.report.report import Verdict
from diagnose.run import Options, examine

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text("utf-8"))
EITHER = [("load_balancer", "possible"), ("gateway", "possible")]
DOCUMENTED = {
    "preserved": ("preserved", [], 0),
    "node-masquerade": ("lost", [("node", "proven")], 1),
    "proxy-without-header": ("lost", [("load_balancer", "proven")], 1),
    "proxy-header-refused": ("unreachable", EITHER, 1),
    "proxy-header-missing": ("unreachable", EITHER, 1),
    "header-not-trusted": ("lost", [("gateway", "proven")], 1),
    "wrong-header": ("lost", [("gateway", "proven")], 1),
    "trusts-everyone": ("spoofable", [("gateway", "proven")], 1),
    "proxy-protocol": ("preserved", [], 0),
    "forwarded-header": ("preserved", [], 0),
    "rollout": ("lost", [("node", "proven")], 1),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_lab_gives_what_is_documented_of_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    status = main(["diagnose", "--lab", name, "--output", "json", "--quiet"])

    printed = capsys.readouterr()
    report = json.loads(printed.out)
    culprits = [(culprit["layer"], culprit["certainty"]) for culprit in report["culprits"]]
    assert (report["verdict"], culprits, status) == DOCUMENTED[name]
    assert printed.err == ""
    jsonschema.validate(report, SCHEMA)
    assert threading.active_count() == before


@pytest.mark.parametrize("name", [name for name, (_, culprits, _) in DOCUMENTED.items() if culprits])
def test_a_lab_with_a_fault_has_a_remedy_to_paste(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["diagnose", "--lab", name, "--output", "json", "--quiet"])

    errors = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["severity"] == "error"]
    assert errors
    assert all(one["because"] for one in errors)
    assert any(one["remedy"] and one["remedy"]["steps"] for one in errors)


def test_a_capture_that_cannot_be_read_any_more_is_not_measured_and_the_verdict_stands(tmp_path: Path) -> None:
    captures = (CaptureFile(tmp_path / "gone.pcap", Layer.NODE),)
    with open_lab("preserved") as site:
        _, report = examine(site, Options(connections=2, captures=captures), lambda line: None)

    assert report.verdict is Verdict.PRESERVED
    assert [gap.why for gap in report.not_measured if "captures" in gap.what] == [
        f"The capture {captures[0].path} cannot be read: No such file or directory"
    ]


def test_every_lab_is_listed_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LABS) == list(DOCUMENTED)


def test_the_text_begins_and_ends_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    main(["diagnose", "--lab", "node-masquerade", "--quiet"])

    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert "lost" in lines[0]
    assert lines[0] == lines[-1]


@pytest.mark.parametrize("closed", ["exec >&-", "exec 2>&-", "exec >&- 2>&-"])
def test_who_closes_the_output_still_gets_the_exit_status(closed: str) -> None:
    command = f"{closed}; {shlex.quote(sys.executable)} -m diagnose diagnose --lab preserved"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert (result.returncode, "Traceback" in result.stderr) == (0, False)


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m diagnose diagnose --lab node-masquerade --quiet --verbose | head -1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)

    assert "lost" in result.stdout
    assert result.stderr == ""


def test_a_reader_of_both_streams_that_has_had_enough_leaves_the_exit_status_as_it_is() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "diagnose", "diagnose", "--lab", "preserved", "--output", "short", "--timings"]
    assert subprocess.run(command, stdout=write, stderr=write, check=False).returncode == 0
    os.close(write)
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stdout=subprocess.DEVNULL, stderr=full, check=False).returncode == 0


def test_what_is_known_of_does_not_fail_a_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["diagnose", "--lab", "node-masquerade", "--quiet", "--output", "json"]
    assert main([*flags, "--suppress", "KIP301"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert known["verdict"] == "lost"
    assert [one["suppressed"] for one in known["findings"] if one["code"] == "KIP301"] == [True]
    assert main([*flags, "--suppress", "node-masquerade", "--fail-on", "info"]) == 1
    assert main([*flags, "--suppress", "kip301", "--suppress", "KIP601", "--fail-on", "info"]) == 0
    jsonschema.validate(known, SCHEMA)


def test_several_files_at_once_each_in_its_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {
        "a.json": '{\n  "schema"',
        "b.xml": "<?xml",
        "c.md": "## ✗ lost",
        "d.html": "<!doctype html>",
        "e.txt": "✗ lost",
    }
    files = [word for name in names for word in ("--output-file", str(tmp_path / name))]
    summary = tmp_path / "summary"
    files += ["--output-file", f"markdown={summary}"]
    main(["diagnose", "--lab", "node-masquerade", "--quiet", "--output", "short", *files])
    assert capsys.readouterr().out.startswith("lost at Service kong/kong-proxy")
    for name, begins in names.items():
        assert (tmp_path / name).read_text("utf-8").startswith(begins)
    assert summary.read_text("utf-8") == (tmp_path / "c.md").read_text("utf-8")
