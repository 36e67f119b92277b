"""Runs as metrics: Prometheus's text format to the letter, nothing that is not known, and a file that is whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import Stop
from diagnose.fleet.outcome import Outcome
from diagnose.report.metrics import check, metrics, write
from diagnose.report.report import Report
from tests.diagnose.report.hostile import HOSTILE, MARKUP, spoilt
from tests.diagnose.report.reports import LOST, MIXED, PRESERVED, UNDETERMINED

HELP = re.compile(r"# HELP (kongip_[a-z_]+) [^\\\n]+")
TYPE = re.compile(r"# TYPE (kongip_[a-z_]+) gauge")
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"(kongip_[a-z_]+)\{{({LABEL}(?:,{LABEL})*)\}} (-?[0-9.]+)")
"""Lines of the format, of which only gauges with labels are written here."""


def ran(report: Report | None, context: str = "production") -> Outcome:
    status = report.exit_status if report is not None else 4
    return Outcome(context, status, 1795867000.25, 3.2, report, None if report is not None else "no answer")


def samples(text: str) -> dict[tuple[str, str], float]:
    """The value of each sample by its name and labels; every line is of the format, and no sample is there twice."""
    found: dict[tuple[str, str], float] = {}
    family = ""
    for line in text.splitlines():
        if head := HELP.fullmatch(line):
            family = head[1]
        elif kind := TYPE.fullmatch(line):
            assert kind[1] == family
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample[1] == family
            assert (sample[1], sample[2]) not in found
            found[sample[1], sample[2]] = float(sample[3])
    return found


def test_a_run_tells_its_verdict_its_findings_and_its_time() -> None:
    told = samples(metrics([ran(MIXED)]))

    assert told["kongip_run_success", 'context="production"'] == 1
    assert told["kongip_run_timestamp_seconds", 'context="production"'] == 1795867000.25
    assert told["kongip_run_duration_seconds", 'context="production"'] == 3.2
    assert told["kongip_preserved", 'context="production"'] == 0
    assert told["kongip_verdict", 'context="production",verdict="lost"'] == 1
    assert told["kongip_verdict", 'context="production",verdict="preserved"'] == 0
    masquerade = (
        'context="production",code="KIP301",name="node-masquerade",layer="node",severity="error",certainty="proven",'
        'suppressed="false"'
    )
    assert told["kongip_finding", masquerade] == 1


@pytest.mark.parametrize(("report", "value"), [(PRESERVED, 1), (LOST, 0)])
def test_whether_the_address_is_preserved_is_1_or_0(report: Report, value: float) -> None:
    assert samples(metrics([ran(report)]))["kongip_preserved", 'context="production"'] == value


@pytest.mark.parametrize(
    "report", [UNDETERMINED, replace(UNDETERMINED, traffic=False), None], ids=["undetermined", "nothing sent", "no run"]
)
def test_what_is_not_known_has_no_sample(report: Report | None) -> None:
    assert "kongip_preserved" not in metrics([ran(report)])


def test_a_verdict_is_told_only_where_something_was_sent() -> None:
    undetermined = ("kongip_verdict", 'context="production",verdict="undetermined"')
    assert samples(metrics([ran(UNDETERMINED)]))[undetermined] == 1
    assert "kongip_verdict" not in metrics([ran(replace(UNDETERMINED, traffic=False))])


def test_a_run_that_could_not_be_tells_only_that_and_when() -> None:
    names = {name for name, _ in samples(metrics([ran(None)]))}
    assert names == {"kongip_run_success", "kongip_run_timestamp_seconds", "kongip_run_duration_seconds"}
    assert samples(metrics([ran(None)]))["kongip_run_success", 'context="production"'] == 0


def test_findings_of_the_same_sort_are_counted() -> None:
    twice = replace(LOST, findings=LOST.findings[:1] * 2)
    told = samples(metrics([ran(twice)]))
    assert [value for (name, _), value in told.items() if name == "kongip_finding"] == [2]


def test_contexts_stand_beside_each_other() -> None:
    told = samples(metrics([ran(PRESERVED, "a"), ran(None, "b"), ran(LOST, "c")]))
    assert [labels for name, labels in told if name == "kongip_run_success"] == [f'context="{one}"' for one in "abc"]
    assert [labels for name, labels in told if name == "kongip_preserved"] == ['context="a"', 'context="c"']


@pytest.mark.parametrize("text", [HOSTILE, MARKUP, 'a"b\\c\nd', "} 1\nkongip_preserved 1"])
def test_text_from_outside_stays_within_its_label(text: str) -> None:
    told = samples(metrics([ran(spoilt(MIXED, text), text)]))
    assert {name for name, _ in told} == {name for name, _ in samples(metrics([ran(spoilt(MIXED, "x"), "x")]))}


@given(st.text(st.characters(exclude_categories=())))
def test_any_name_is_a_label(text: str) -> None:
    assert len(samples(metrics([ran(LOST, text)]))) == len(samples(metrics([ran(LOST)])))


def test_a_file_is_replaced_at_once_and_readable_for_the_collector(tmp_path: Path) -> None:
    path = tmp_path / "kongip.prom"
    path.write_text("old")
    with path.open() as reader:
        write([ran(LOST)], str(path))
        assert reader.read() == "old"
    assert path.read_text("utf-8") == metrics([ran(LOST)])
    assert os.listdir(tmp_path) == ["kongip.prom"]
    assert path.stat().st_mode & 0o444 == 0o444 & ~umask()


def umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kongip.prom"
    path.mkdir()
    (path / "within").touch()
    with pytest.raises(Stop, match="could not be written"):
        write([ran(LOST)], str(path))
    assert os.listdir(tmp_path) == ["kongip.prom"]


PLACES: dict[str, Callable[[Path], Path]] = {
    "no ordinary file": lambda folder: Path("/dev/null"),
    "there is no folder": lambda folder: folder / "none" / "kongip.prom",
    "is no ordinary file": lambda folder: folder,
}


@pytest.mark.parametrize(("told", "place"), PLACES.items(), ids=list(PLACES))
def test_where_no_file_can_be_is_told_before(tmp_path: Path, told: str, place: Callable[[Path], Path]) -> None:
    with pytest.raises(Stop, match=told) as stopped:
        check(str(place(tmp_path)))
    assert stopped.value.status == 2
