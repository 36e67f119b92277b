"""The manual page names every command and flag, and is clean roff."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from diagnose.manual.commands import commands
from diagnose.manual.man_page import FOLDER, PAGE, page

ROOT = Path(__file__).parents[3]


def shown() -> str:
    """The page as a reader sees it, on lines of their full length."""
    if shutil.which("groff") is None:
        pytest.skip("groff is missing (Debian: groff-base)")
    command = ["groff", "-man", "-Tascii", "-rLL=200n", "-P-c", "-P-b", "-P-u", "-ww", str(ROOT / FOLDER / PAGE)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    return " ".join(answer.stdout.split())


def test_every_command_and_flag_is_told() -> None:
    text = shown()
    for command in commands():
        assert f"kongip {command.name}" in text
        for flag in command.flags:
            assert all(name in text for name in flag.names)
            assert " ".join(flag.help.split()) in text


def test_no_line_is_a_request_by_accident() -> None:
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".I", ".br"}
    assert {line.split()[0] for line in page().splitlines() if line.startswith((".", "'"))} <= known
