"""What docs/proving-ground.md says is played is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.lab.scenario import scenarios

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "proving-ground.md").read_text("utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
ALL = scenarios()


def test_every_report_is_played_or_it_is_told_why_not() -> None:
    assert len(ROWS) > 45
    for row in ROWS:
        assert len(row) == 3, row
        assert "`" in row[2] or re.search(r"not here: \w", row[2]), row


def test_what_is_named_is_there() -> None:
    names = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[2])}
    files = {name for name in names if name.endswith(".py")}
    assert all((ROOT / name).exists() for name in files)
    assert names - files <= {one.name for one in ALL}


def test_a_report_that_a_scenario_names_is_in_the_table() -> None:
    page = " ".join(" ".join(row) for row in ROWS)
    told = {one.name for one in ALL if one.seen}
    missing = {name for name in told if f"`{name}`" not in page}
    assert not missing
