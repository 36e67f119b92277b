"""Every scenario on real parts: kongip names what is wrong, and its remedy, taken as it is printed, cures it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.network import Network
from tests.lab.playing import Run, play
from tests.lab.scenario import Scenario, scenarios
from tests.lab.taking import taken

ALL = scenarios()


def said(run: Run, folder: Path) -> str:
    """What came of a run, for a test that fails: the parts' configurations, logs and the report stay in the folder."""
    return f"{run.verdict}, {sorted(run.culprits)}, {sorted(run.codes)}; all of it is in {folder}\n{run.errors}"


@pytest.mark.parametrize("scenario", ALL, ids=[one.name for one in ALL])
def test_what_is_wrong_is_named_and_its_remedy_cures(scenario: Scenario, ground: Network, tmp_path: Path) -> None:
    wanted, broken = scenario.expected, tmp_path / "broken"
    run = play(ground, scenario, broken)

    assert (run.verdict, run.culprits) == (wanted.verdict, wanted.culprits), said(run, broken)
    assert run.status == wanted.status, said(run, broken)
    assert wanted.findings <= run.codes, said(run, broken)
    if not wanted.cured:
        return
    assert run.report is not None
    remedies = [one["remedy"] for one in run.report["findings"] if one["remedy"] and one["remedy"]["sufficient"]]
    assert remedies, f"no remedy is said to be sufficient: {said(run, broken)}"
    for remedy in remedies:
        mended = tmp_path / "mended"
        again = play(ground, taken(scenario, remedy["steps"]), mended)
        assert (again.verdict, again.status) == ("preserved", 0), f"{remedy['summary']}: {said(again, mended)}"


def test_there_are_sixty_of_them() -> None:
    assert len(ALL) >= 60
    assert len({one.about for one in ALL}) == len(ALL)


@pytest.mark.parametrize("scenario", ALL, ids=[one.name for one in ALL])
def test_a_scenario_blames_what_is_broken(scenario: Scenario) -> None:
    wanted = scenario.expected
    blamed = {one.partition(" ")[0] for one in wanted.culprits}
    proven = {one.partition(" ")[0] for one in wanted.culprits if one.endswith("proven")}
    assert wanted.broken <= blamed, "what is at fault in truth is among the culprits"
    assert proven <= wanted.broken, "nothing is proven that is not so"
    assert (wanted.status == 0) == (wanted.verdict == "preserved")
    assert wanted.cured <= bool(wanted.culprits), "what is well needs no cure"
