"""`kongip watch` on labs: its exit status, what it waits for, and that Ctrl-C ends it with a summary."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest

from diagnose.cli import main
from diagnose.commands.values import duration
from diagnose.commands.watch import status_of
from diagnose.report.report import Report
from diagnose.watch.history import History
from diagnose.watch.rounds import Round
from tests.diagnose.report.reports import LOST, PRESERVED, UNDETERMINED

QUICK = ("--quiet", "--interval", "0.1", "--connections", "4")


def test_it_waits_until_the_address_is_preserved(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    status = main(["watch", "--lab", "rollout", "--until", "preserved", "--output", "json", *QUICK])

    printed = capsys.readouterr()
    *rounds, last = [json.loads(line) for line in printed.out.splitlines()]
    assert [one["verdict"] for one in rounds] == ["lost"] * 6 + ["preserved"] * 3
    assert (last["summary"]["in_a_row"], status) == (3, 0)
    assert printed.err == ""
    assert threading.active_count() == before


def test_what_it_waits_for_in_vain_is_told_by_the_last_round(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["watch", "--lab", "node-masquerade", "--until", "preserved", "--for", "1s", *QUICK])

    assert status == 1
    assert "at the end lost" in capsys.readouterr().out.splitlines()[-1]


def test_without_anything_to_wait_for_it_ends_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--lab", "preserved", "--for", "1s", *QUICK]) == 0
    assert "at the end preserved" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_after_a_summary(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "diagnose", "watch", "--lab", "node-masquerade", *QUICK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)

    assert "lost" in first
    assert rest.splitlines()[-2].startswith("interrupted after")
    assert (process.returncode, errors) == (130, "")


def watched(*reports: Report | None) -> History:
    told = History()
    for number, report in enumerate(reports, start=1):
        told.take(Round(number, float(number), report, None if report else "no answer"))
    return told


@pytest.mark.parametrize(
    ("reports", "until", "status"),
    [
        ((LOST, PRESERVED), False, 0),
        ((PRESERVED, LOST), False, 1),
        ((PRESERVED, UNDETERMINED), False, 3),
        ((PRESERVED, None), False, 4),
        ((LOST, PRESERVED, PRESERVED), True, 3),
        ((PRESERVED, PRESERVED, PRESERVED), True, 0),
        ((PRESERVED, PRESERVED, LOST), True, 1),
    ],
)
def test_the_exit_status_is_that_of_the_last_round_or_of_what_was_waited_for(
    reports: tuple[Report | None, ...], until: bool, status: int
) -> None:
    assert status_of(watched(*reports), until=until, fail_on="error") == status


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1s", 1)])
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds
