"""Processes side by side: their reports, their ends of every sort, and that what ends this one ends them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from diagnose.fleet.children import Children, concluded
from diagnose.fleet.outcome import Outcome
from tests.diagnose.fleet.fleets import UNREACHABLE

ROOT = Path(__file__).parents[3]
QUICK = ("--connections=4", "--output=json")
ENDLESS = ("watch", "--lab=node-masquerade", "--interval=0.1", "--connections=2", "--output=json")


class Seen:
    """What children told."""

    def __init__(self, longest: float = 60.0) -> None:
        self.told: list[tuple[str, str | None]] = []
        self.notes: list[tuple[str, str]] = []
        self.outcomes: dict[str, Outcome] = {}
        self.children = Children(
            lambda name, line: self.told.append((name, line)),
            lambda name, text: self.notes.append((name, text)),
            longest,
        )

    def run(self, **commands: tuple[str, ...]) -> dict[str, Outcome]:
        self.children.run(commands, lambda one: self.outcomes.update({one.context: one}))
        return self.outcomes


def test_each_ends_with_its_own_report_or_why_it_has_none() -> None:
    seen = Seen()
    outcomes = seen.run(
        good=("diagnose", "--lab=preserved", *QUICK),
        bad=("diagnose", "--lab=node-masquerade", *QUICK),
        none=("diagnose", "--lab=zzz", *QUICK),
    )

    assert {name: (one.verdict, one.status) for name, one in outcomes.items()} == {
        "good": ("preserved", 0),
        "bad": ("lost", 1),
        "none": ("could not run", 2),
    }
    assert (outcomes["none"].problem or "").startswith("There is no lab zzz")
    assert {name for name, line in seen.told if line is None} == {"good", "bad", "none"}
    assert next(line for name, line in seen.told if name == "good") == "starting"
    assert ("good", "explaining") in seen.told
    assert seen.notes == []


def test_one_that_hangs_is_killed_and_holds_up_nobody() -> None:
    outcomes = Seen(longest=4.0).run(hung=ENDLESS, good=("diagnose", "--lab=preserved", *QUICK))

    assert outcomes["good"].verdict == "preserved"
    assert outcomes["hung"].status == 4
    assert "did not end in time" in (outcomes["hung"].problem or "")


def test_progress_that_nobody_reads_ends_no_run() -> None:
    def refuse(name: str, line: str | None) -> None:
        raise BrokenPipeError

    outcomes: list[Outcome] = []
    Children(refuse, lambda name, text: None, 60.0).run({"a": ("diagnose", "--lab=preserved", *QUICK)}, outcomes.append)
    assert [one.verdict for one in outcomes] == ["preserved"]


def test_one_that_dies_is_told_as_such() -> None:
    seen = Seen()

    def kill() -> None:
        while not seen.children._running:
            time.sleep(0.01)
        next(iter(seen.children._running)).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = seen.run(a=ENDLESS)
    killer.join()
    assert (outcomes["a"].status, outcomes["a"].problem) == (4, "The run ended with signal 9 and no report")


def test_a_folder_with_modules_of_the_same_name_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "diagnose").mkdir()
    (tmp_path / "diagnose" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])

    assert Seen().run(a=("diagnose", "--lab=preserved", *QUICK))["a"].verdict == "preserved"


INTERRUPTED = """
import sys
from diagnose.cli import _interruptible
from diagnose.fleet.children import Children
children = Children(lambda name, line: print(name, line, flush=True), lambda name, text: None, 60.0)
with _interruptible():
    children.run({str(one): sys.argv[1:] for one in range(10)}, lambda outcome: None)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_and_waits_for_them(number: signal.Signals) -> None:
    command = [sys.executable, "-c", INTERRUPTED, *ENDLESS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("explaining" in line for line in process.stdout), "one of them is well on its way"
        running = children_of(process.pid)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)

    assert 1 <= len(running) <= 8
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert [pid for pid in running if Path(f"/proc/{pid}").exists()] == []


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, by any of its threads (proc(5))."""
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


@pytest.mark.parametrize(
    ("status", "printed", "said", "outcome", "problem", "notes"),
    [
        (4, "", ["looking", f"kongip: {UNREACHABLE}"], 4, UNREACHABLE, []),
        (2, "", ["kongip: There are several Kongs."], 2, "There are several Kongs.", []),
        (4, "", ["kongip: Job a stays.", "kongip: Gone."], 4, "Gone.", ["Job a stays."]),
        (130, "", ["kongip: interrupted"], 4, "interrupted", []),
        (1, "", ["Traceback", "KeyError: 'x'"], 4, "The run ended with status 1 and no report: KeyError: 'x'", []),
        (0, '{"schema": "other"}', [], 4, "The run ended with status 0 and no report", []),
        (0, "[]", ["kongip: Job a stays."], 4, "The run ended with status 0 and no report",
         ["Job a stays."]),
        (-11, "", [], 4, "The run ended with signal 11 and no report", []),
        (None, "", ["kongip: slow"], 4,
         "The run did not end in time, and was killed: kongip clean removes what it has left.", ["slow"]),
    ],
)  # fmt: skip
def test_how_a_run_ended_without_a_report_is_told_and_never_fine(
    status: int | None, printed: str, said: list[str], outcome: int, problem: str, notes: list[str]
) -> None:
    told, further = concluded("a", status, printed, said, 1.0)
    assert (told.report, told.status, told.problem, further) == (None, outcome, problem, notes)
