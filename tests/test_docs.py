"""What the documents promise is there: commands, targets, flags, links, exit statuses."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest

from diagnose import cli, errors

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def help_of(*command: str) -> str:
    """What `kongip COMMAND --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli.main([*command, "--help"])
    return printed.getvalue()


def code_in(text: str) -> str:
    """The code of a document: indented lines and what stands in backquotes."""
    return "\n".join([*re.findall(r"^    (.+)$", text, re.MULTILINE), *re.findall(r"`([^`]+)`", text)])


@every_document
def test_make_targets_exist(document: Path) -> None:
    named = set(re.findall(r"^make ([a-z-]+)", code_in(document.read_text("utf-8")), re.MULTILINE))
    assert named <= TARGETS


def test_the_readme_names_both_commands_of_a_newcomer() -> None:
    first_screen = "\n".join(README.splitlines()[:30])
    assert "    make demo\n" in first_screen
    assert "    make test\n" in first_screen


@every_document
def test_kongip_commands_exist(document: Path) -> None:
    named = set(re.findall(r"^kongip ([a-z][a-z-]*)", code_in(document.read_text("utf-8")), re.MULTILINE))
    known = set(re.findall(r"^    ([a-z-]+)", help_of(), re.MULTILINE))
    assert known
    assert named <= known


def test_the_flags_of_the_readme_exist() -> None:
    named = set(re.findall(r"--[a-z-]+", code_in(README)))
    assert named
    assert named <= set(re.findall(r"--[a-z-]+", "".join(map(help_of, cli.COMMANDS))))


def test_the_exit_statuses_are_those_of_the_readme() -> None:
    told = {int(status) for status in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert told == {
        errors.PRESERVED,
        errors.FINDINGS,
        errors.USAGE,
        errors.UNDETERMINED,
        errors.COULD_NOT_RUN,
        errors.INTERRUPTED,
    }


@every_document
def test_links_within_the_project_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text("utf-8"))
    dead = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert dead == []


def test_the_modules_of_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = re.findall(r"^      (\S+)", text, re.MULTILINE)
    assert named
    assert [name for name in named if not (ROOT / "diagnose" / name).exists()] == []


def test_every_dependency_is_locked_and_the_lock_names_no_registry() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=~!]", requirement)[0].lower() for requirement in wanted}
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")

    assert names <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert "://" not in lock
