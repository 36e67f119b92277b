"""The command answers at once: nothing heavy is loaded before a command needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from diagnose.cli import COMMANDS

HEAVY = ("httpcore", "httpx", "kubernetes", "rich", "scapy", "yaml")

ASK = """
import sys
from diagnose.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code in (0, None), end.code
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that are loaded once the command has answered."""
    command = [sys.executable, "-c", ASK, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(answer.splitlines()[-1].removeprefix("loaded:").split())


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], *([command, "--help"] for command in COMMANDS)], ids=" ".join
)
def test_nothing_heavy_is_loaded_to_answer(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)

    assert "diagnose" in loaded
    assert loaded.isdisjoint(HEAVY)
