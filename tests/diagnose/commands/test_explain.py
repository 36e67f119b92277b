"""``kongip explain``: codes and names are found, what is unknown is told with what is near."""

from __future__ import annotations

import pytest

from diagnose.catalogue import FAULTS
from diagnose.catalogue_pages import page
from diagnose.cli import main
from diagnose.errors import USAGE


@pytest.mark.parametrize("word", ["KIP301", "kip301", "node-masquerade", "Node-Masquerade"])
def test_a_code_or_a_name_prints_its_page(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", word]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "KIP301 node-masquerade"
    assert {"Why it happens", "How it is told from its neighbours", "What helps"} <= set(lines)
    assert max(map(len, lines)) <= 80


def test_every_word_of_every_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FAULTS]) == 0

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    words = " ".join(page(fault) for fault in FAULTS.values()).replace("#", "")
    assert [word for word in printed.split() if word != "•"] == [word for word in words.split() if word != "-"]


def test_the_list_names_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--list"]) == 0

    _, *rows = capsys.readouterr().out.splitlines()
    assert [(row.split()[0], row.split()[-1]) for row in rows] == [(one.code, one.name) for one in FAULTS.values()]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("node-masqerade", "node-masquerade"), ("KIP3O1", "KIP301"), ("moon", "kongip explain --list"), ("\x1b[2J", "")],
)
def test_what_is_unknown_is_told_with_what_is_near(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "KIP301", word]) == USAGE

    printed = capsys.readouterr()
    assert printed.out == ""
    assert meant in printed.err
    assert "\x1b" not in printed.err


def test_a_retired_code_says_that_it_is_retired(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "kip999"]) == USAGE
    monkeypatch.setattr("diagnose.catalogue.RETIRED", {"KIP999"})
    monkeypatch.setattr("diagnose.catalogue_pages.RETIRED", {"KIP999"})
    assert main(["explain", "kip999"]) == 0
    assert "KIP999\n\nThis code is retired" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["explain"], ["diagnose", "--lab", "preserved", "--suppress"]])
def test_every_command_that_takes_a_code_tells_what_is_near(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "node-masqerade"]) == USAGE
    assert "near it: KIP301 (node-masquerade)" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["KIP301", "--list"]], ids=["nothing", "both"])
def test_nothing_and_both_are_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *arguments]) == USAGE
    assert "--list" in capsys.readouterr().err
