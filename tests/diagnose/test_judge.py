"""A record is explained again, elsewhere and later, to the same report byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.lab.labs import LABS

FORMS = {
    "json": "report.json",
    "html": "report.html",
    "markdown": "report.md",
    "junit": "report.xml",
    "text": "report.txt",
}


@pytest.mark.parametrize("name", LABS)
def test_a_lab_explained_again_by_another_process_says_the_same(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "run.json"
    files = [word for file in FORMS.values() for word in ("--output-file", str(tmp_path / file))]
    status = main(["diagnose", "--lab", name, "--quiet", "--save", str(saved), "--output", "short", *files])
    short = capsys.readouterr().out

    (tmp_path / "again").mkdir()
    again = [word for file in FORMS.values() for word in ("--output-file", str(tmp_path / "again" / file))]
    command = [sys.executable, "-m", "diagnose", "diagnose", "--from", str(saved), "--output", "short", *again]
    # Sets are gone through in another order there.
    told = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": str(len(name))}
    )

    assert (told.returncode, told.stdout, told.stderr) == (status, short, "")
    for file in FORMS.values():
        assert (tmp_path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.parametrize("name", ["node-masquerade", "trusts-everyone", "proxy-header-missing"])
def test_with_placeholders_a_lab_has_the_same_verdict(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, plain = tmp_path / "run.json", tmp_path / "plain.json"
    flags = ["diagnose", "--lab", name, "--quiet", "--save", str(plain), "--output", "json"]
    status = main(flags)
    report = json.loads(capsys.readouterr().out)
    assert main(["diagnose", "--from", str(plain), "--redact", "--save", str(saved), "--output", "json"]) == status
    redacted = json.loads(capsys.readouterr().out)
    assert main(["diagnose", "--from", str(saved), "--output", "json"]) == status
    again = json.loads(capsys.readouterr().out)
    for one in (redacted, again):
        assert one["redacted"]
        assert one["verdict"] == report["verdict"]
        assert one["culprits"] == report["culprits"]
        assert [finding["code"] for finding in one["findings"]] == [finding["code"] for finding in report["findings"]]
        assert [group["verdict"] for group in one["groups"]] == [group["verdict"] for group in report["groups"]]
