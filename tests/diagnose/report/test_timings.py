"""Where the time of a run went."""

from __future__ import annotations

import pytest

from diagnose.cli import main
from diagnose.errors import Stop
from diagnose.report import timings
from diagnose.report.timings import Timings


def test_each_line_has_the_time_until_the_next_and_waits_for_others_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0])
    monkeypatch.setattr(timings, "time", type("Clock", (), {"monotonic": staticmethod(lambda: next(clock))}))
    heard: list[str] = []
    taking = Timings()
    progress = taking.of(heard.append)
    for line in ("deploying", "waiting for the echo\x1b", "deploying"):
        progress(line)

    assert heard == ["deploying", "waiting for the echo\x1b", "deploying"]
    assert taking.text() == (
        "   1.000 s  starting\n"
        "   6.000 s  deploying\n"
        "   3.000 s  waiting for the echo\\x1b\n"
        "  10.000 s  in all\n"
        "   3.000 s  of that waiting for pod and route\n"
        "   7.000 s  of that kongip's own\n"
    )


def test_a_run_tells_them_on_demand_beside_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    main(["diagnose", "--lab", "preserved", "--quiet", "--timings"])
    told = capsys.readouterr().err
    assert "sending 4 ordinary connections" not in told
    assert " s  explaining\n" in told
    assert told.splitlines()[-1].endswith("of that kongip's own")


def test_without_being_asked_a_run_does_not_tell_them(capsys: pytest.CaptureFixture[str]) -> None:
    main(["diagnose", "--lab", "preserved", "--quiet"])
    assert capsys.readouterr().err == ""


def test_a_run_that_does_not_end_in_time_tells_its_timings_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object) -> None:
        raise Stop("The run did not end within 300 seconds (--timeout).", "Give it more time.")

    monkeypatch.setattr("diagnose.run.examine", late)
    assert main(["diagnose", "--lab", "preserved", "--quiet", "--timings"]) == 4

    told = capsys.readouterr().err
    assert "did not end within" in told
    assert "in all" in told
