"""Completion in the shells themselves: each reads what is made for it, and offers what fits."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from diagnose.cli import COMMANDS, main
from diagnose.commands.completion import SHELLS
from diagnose.manual import completion
from diagnose.manual.commands import commands

BASH = """
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_kongip
printf '%s\\n' "${COMPREPLY[@]}"
"""

CASES = {
    "kongip ex": {"explain"},
    "kongip wh": {"what-if"},
    "kongip --ver": {"--version"},
    "kongip diagnose --outp": {"--output", "--output-file"},
    "kongip diagnose --output js": {"json", "jsonl"},
    "kongip diagnose --lab node-m": {"node-masquerade"},
    "kongip explain KIP30": {"KIP301", "KIP302", "KIP303", "KIP304"},
    "kongip explain KIP301 node-m": {"node-masquerade"},
    "kongip completion z": {"zsh"},
    "kongip traffic --context prod": {"production"},
    "kongip diagnose --context a --context prod": {"production"},
    "kubectl-kongip explain KIP60": {"KIP601", "KIP602", "KIP603", "KIP604"},
}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake of kubectl, which knows two contexts."""
    path = tmp_path / "bin" / "kubectl"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\n[ "$*" = "config get-contexts -o name" ] && printf "production\\nstaging\\n"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")


def program(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is missing (Debian: {shell})")
    return found


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("line", CASES)
def test_bash_offers_what_fits(line: str, tmp_path: Path) -> None:
    (tmp_path / "kongip.bash").write_text(completion.bash())
    command = [program("bash"), "--norc", "-c", BASH, str(tmp_path / "kongip.bash"), *line.split(" ")]
    offered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(offered.split()) == CASES[line]


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("line", CASES)
def test_fish_offers_what_fits(line: str, tmp_path: Path) -> None:
    (tmp_path / "kongip.fish").write_text(completion.fish())
    script = f"source {tmp_path / 'kongip.fish'}; complete -C '{line}'"
    command = [program("fish"), "--no-config", "-c", script]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"HOME": str(tmp_path)}
    )
    assert {line.partition("\t")[0] for line in answer.stdout.splitlines()} == CASES[line]


def test_zsh_reads_what_is_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "_kongip").write_text(completion.zsh())
    zsh = program("zsh")
    subprocess.run([zsh, "-f", "-n", str(tmp_path / "_kongip")], check=True)
    # compinit finds it by its first line, and the function is there to be called.
    script = (
        f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[kongip]; autoload +X _kongip"
    )
    answer = subprocess.run([zsh, "-f", "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split()[0] == "_kongip"
    assert answer.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_flag_is_in_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert {one.name for one in commands()} == set(COMMANDS)
    for command in commands():
        assert command.name in text
        for flag in command.flags:
            for name in flag.names:
                written = f" {FISH[name.startswith('--')]} {name.lstrip('-')} " if shell == "fish" else name
                assert written in text


FISH = ("-s", "-l")
"""How fish has short names and long ones."""


def test_the_shells_are_those_that_the_flag_names() -> None:
    assert tuple(completion.SHELLS) == SHELLS
