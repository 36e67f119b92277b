"""A run against a real cluster, kept: explained again offline it says the same, and it can be shown to strangers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.cluster import topologies
from tests.cluster.bed import CONTEXT
from tests.cluster.command import KONGIP, diagnose
from tests.cluster.topologies import built

BED = re.compile(r"(?<![\w.])10\.(?:77|78|96)\.\d+\.\d+")


def offline(*arguments: str) -> tuple[int, str]:
    """The command without the cluster: its exit status, and what it prints."""
    done = subprocess.run([str(KONGIP), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.usefixtures("cluster")
def test_a_run_is_explained_again_and_shown_to_strangers(tmp_path: Path) -> None:
    saved, shown = str(tmp_path / "run.json"), str(tmp_path / "shown.json")
    with built(topologies.MASQUERADING, tmp_path):
        run = diagnose("--save", saved)
    assert run.report is not None, run.errors

    status, again = offline("diagnose", "--from", saved, "--output", "json")
    assert (status, json.loads(again)) == (run.status, run.report)

    status, redacted = offline("diagnose", "--from", saved, "--redact", "--save", shown, "--output", "json")
    status_again, again = offline("diagnose", "--from", shown, "--output", "json")
    assert status == status_again == run.status
    names = {
        name for kong in json.loads(Path(saved).read_text())["place"]["kongs"] for name in kong["name"].split("/")[1:]
    }
    for text in (redacted, again, Path(shown).read_text()):
        assert BED.findall(text) == []
        assert [name for name in (*names, CONTEXT, "node n1", "node n2") if name in text] == []
    for report in (json.loads(redacted), json.loads(again)):
        assert report["culprits"] == run.report["culprits"]
        assert [one["code"] for one in report["findings"]] == [one["code"] for one in run.report["findings"]]
    assert offline("compare", saved, saved) == (0, "nothing changed\n")
