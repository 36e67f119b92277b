"""Completion in the shells themselves: each reads what is made for it, and offers what fits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.cli import COMMANDS, main
from diagnose.commands.completion import SHELLS
from diagnose.manual import completion, plugin
from diagnose.manual.commands import commands

BASH = """
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_kongip
printf '%s\\n' "${COMPREPLY[@]}"
"""

ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
zpty -w shell 'compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
        local -a hits; builtin compadd -A hits "$@"; print -l -- $hits >> '$3'
    fi
    builtin compadd "$@"
}'
zpty -w shell 'ended() { print en""ded }; zle -N ended; bindkey "^X" ended'
zpty -w shell 'zle-line-init() { print rea""dy }; zle -N zle-line-init'
zpty -r -m shell shown '*ready*'
zpty -n -w shell "$2"$'\\t\\x18'
zpty -r -m shell shown '*ended*'
zpty -d shell
"""
"""A zsh that somebody types in: a line and the tabulator, and whatever is added to what it offers."""

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


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("line", CASES)
def test_zsh_offers_what_fits(line: str, tmp_path: Path) -> None:
    (tmp_path / "_kongip").write_text(completion.zsh())
    offered = tmp_path / "offered"
    subprocess.run([program("zsh"), "-f", "-c", ZSH, "-", str(tmp_path), line, str(offered)], check=True, timeout=60)
    assert set(offered.read_text().split()) == CASES[line]


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("line", CASES)
def test_kubectls_plugin_offers_what_fits(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["kubectl_complete-kongip", *line.split(" ")[1:]])
        assert plugin.main() == 0
    *offered, directive = capsys.readouterr().out.splitlines()
    assert {one.partition("\t")[0] for one in offered} == CASES[line]
    assert directive == ":4"


@pytest.mark.parametrize(
    ("words", "directive"),
    [(["diagnose", "--save", ""], ":0"), (["diagnose", "--host", ""], ":4"), (["nothing", "--such", ""], ":4")],
)
def test_kubectls_plugin_offers_files_where_one_is_wanted(
    words: list[str], directive: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl_complete-kongip", *words])
    plugin.main()
    assert capsys.readouterr().out == f"{directive}\n"


def test_kubectl_itself_asks_the_plugin(tmp_path: Path) -> None:
    for name, module in (("kubectl-kongip", "diagnose"), ("kubectl_complete-kongip", "diagnose.manual.plugin")):
        (tmp_path / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (tmp_path / name).chmod(0o755)
    found = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    command = [program("kubectl"), "__complete", "kongip", "explain", "KIP30"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=found)
    assert answer.stdout.split() == ["KIP301", "KIP302", "KIP303", "KIP304", ":4"]


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
