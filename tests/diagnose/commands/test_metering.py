"""`kongip diagnose --metrics-file`: metrics of a run that came to a report, and of one that could not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnose.cli import main
from tests.diagnose.test_cli import KUBECONFIG


@pytest.mark.parametrize(("lab", "preserved"), [("preserved", 1), ("node-masquerade", 0)])
def test_a_run_writes_its_metrics(tmp_path: Path, lab: str, preserved: int) -> None:
    path = tmp_path / "kongip.prom"
    status = main(["diagnose", "--lab", lab, "--connections", "4", "--quiet", "--metrics-file", str(path)])

    told = path.read_text("utf-8")
    assert status == 1 - preserved
    assert f'\nkongip_preserved{{context="{lab}"}} {preserved}\n' in told
    assert f'\nkongip_run_success{{context="{lab}"}} 1\n' in told


@pytest.mark.parametrize(("flags", "named"), [((), "production"), (("--redact",), "context-1")])
def test_a_run_that_could_not_be_replaces_what_the_last_one_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], named: str
) -> None:
    path, kubeconfig = tmp_path / "kongip.prom", tmp_path / "kubeconfig"
    path.write_text('kongip_preserved{context="production"} 1\n')
    kubeconfig.write_text(KUBECONFIG)
    words = ["--context", "production", "--kubeconfig", str(kubeconfig), "--metrics-file", str(path), *flags]

    assert main(["diagnose", *words]) == 4
    assert "https://127.0.0.1:1" in capsys.readouterr().err
    told = path.read_text("utf-8")
    assert f'\nkongip_run_success{{context="{named}"}} 0\n' in told
    assert "kongip_preserved" not in told
    assert ("production" in told) != bool(flags)


def test_a_file_that_cannot_be_is_told_before_anything_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--lab", "preserved", "--metrics-file", "/dev/null"]) == 2
    assert capsys.readouterr().err == (
        "kongip: /dev/null is no ordinary file. It would be replaced: name one that may be.\n"
    )
