"""The command as a process of its own, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

ENDED = """
import os, sys
from diagnose.__main__ import main
status = main(["explain", "KIP101"])
os.kill(os.getpid(), int(sys.argv[1]))
sys.exit(status)
"""


@pytest.mark.parametrize("words", [["lab"], ["rbac"], ["completion", "bash"], ["explain", "KIP101"]])
def test_what_cannot_be_written_is_told_in_one_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "diagnose", *words]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        4,
        "kongip: The answer could not be written: No space left on device. Make room for it.\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_all_is_told_does_not_change_the_exit_status(number: signal.Signals) -> None:
    ended = subprocess.run([sys.executable, "-c", ENDED, str(int(number))], capture_output=True, text=True, check=False)

    assert "KIP101" in ended.stdout
    assert (ended.returncode, ended.stderr) == (0, "")
