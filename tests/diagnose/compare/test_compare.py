"""What changed between two runs, and nothing of what is other in any two runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.evidence.file import save
from diagnose.evidence.record import Record
from diagnose.evidence.secrets import without_secrets
from diagnose.judge import judge
from diagnose.report.document import document
from diagnose.report.report import Run
from diagnose.site import Kong
from tests.diagnose.documents import hold
from tests.diagnose.evidence.records import recorded
from tests.diagnose.explain.simulator import NODES, Way

LOST, PRESERVED = recorded(Way(node=NODES[0])), recorded(Way())


def kept(record: Record, path: Path, *, report: bool = False) -> str:
    """A run in a file, as evidence or as its report."""
    if report:
        path.write_text(json.dumps(document(judge(record))))
    else:
        save(without_secrets(record), str(path))
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["compare", *arguments])
    return status, capsys.readouterr().out


@pytest.mark.parametrize("report", [False, True], ids=["evidence", "report"])
def test_a_cure_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], report: bool) -> None:
    before = kept(LOST, tmp_path / "before.json", report=report)
    after = kept(PRESERVED, tmp_path / "after.json")
    status, said = told(capsys, before, after)
    assert status == 1
    lines = said.splitlines()
    assert lines[0] == "verdict: lost -> preserved"
    assert "finding KIP301 node-masquerade: gone, was error: the node replaces" in said
    assert "path node: rewrites (masquerades) -> keeps (keeps source)" in lines
    assert told(capsys, after, before)[1].splitlines()[0] == "verdict: preserved -> lost"


def test_two_runs_of_the_same_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = recorded(Way(node=NODES[0]))
    other = replace(other, run=Run("r2", "0.1.0", 9.0))
    pod: Kong = replace(other.place.kongs[0], source="Pod kong/kong-1 spec.containers[0].env")
    other = replace(other, place=replace(other.place, kongs=(pod,)))
    before, after = kept(LOST, tmp_path / "before.json"), kept(other, tmp_path / "after.json")
    assert told(capsys, before, after) == (0, "nothing changed\n")


def test_what_kong_is_told_is_compared_where_both_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trusting = recorded(Way(node=NODES[0], trusted=("10.0.0.0/8",)))
    before, after = kept(LOST, tmp_path / "before.json"), kept(trusting, tmp_path / "after.json")
    status, said = told(capsys, before, after)
    assert status == 1
    assert "no longer: Kong is told: trusted_ips nobody" in said
    assert "now: Kong is told: trusted_ips 10.0.0.0/8" in said


def test_json_says_it_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = kept(LOST, tmp_path / "before.json"), kept(PRESERVED, tmp_path / "after.json")
    _, said = told(capsys, before, after, "--output", "json")
    read = json.loads(said)
    hold(read)
    assert (read["schema"], read["same"]) == ("kongip.comparison/v1", False)
    assert read["changes"][0] == {"what": "verdict", "name": "", "before": "lost", "after": "preserved"}
    assert json.loads(told(capsys, before, before, "--output", "json")[1]) == {
        "schema": "kongip.comparison/v1",
        "same": True,
        "changes": [],
    }


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{}", '{"schema": "kongip.report/v1"}', '{"schema": "kongip.report/v1", "verdict": 3}'],
)
def test_what_is_no_run_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    odd = tmp_path / "odd.json"
    odd.write_text(text)
    assert main(["compare", str(odd), kept(LOST, tmp_path / "before.json")]) == 2
    assert str(odd) in capsys.readouterr().err
