"""The pages of docs/findings and the catalogue are one text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnose.catalogue import FAULTS
from diagnose.catalogue_pages import FOLDER, INDEX, main, out_of_step, page, pages

COMMITTED = Path(__file__).parents[2] / FOLDER


def test_the_pages_in_the_checkout_are_in_step_with_the_catalogue() -> None:
    assert out_of_step(COMMITTED) == [], "run: make docs"


def test_writing_makes_a_page_for_each_fault_and_an_index(tmp_path: Path) -> None:
    assert main([], tmp_path / "findings") == 0
    written = {path.name for path in (tmp_path / "findings").iterdir()}
    assert written == {f"{code}.md" for code in FAULTS} | {INDEX}


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    main([], tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert main([], tmp_path) == 0
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("spoil", ["edit", "delete", "stray"])
def test_a_page_out_of_step_is_named_and_mended(spoil: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([], tmp_path)
    name = "KIP999.md" if spoil == "stray" else "KIP301.md"
    if spoil == "delete":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text("something else\n", "utf-8")

    assert main(["--check"], tmp_path) == 1
    assert name in capsys.readouterr().err

    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


def test_check_writes_nothing(tmp_path: Path) -> None:
    assert main(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_argument_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chekc"], tmp_path) == 2
    assert "--chekc" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_page_says_what_the_fault_is_why_it_happens_and_what_helps() -> None:
    text = page(FAULTS["KIP301"])
    assert text.startswith("# KIP301 node-masquerade\n\nThe node replaces the source address")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Why it happens",
        "How it is told from its neighbours",
        "What helps",
    ]
    assert "    `externalTrafficPolicy" not in text, "prose must not be indented: Markdown would show it as code"


def test_every_link_of_the_index_leads_to_a_page() -> None:
    links = re.findall(r"\]\((.*?)\)", pages()[INDEX])
    assert len(links) == len(FAULTS)
    assert set(links) <= pages().keys()
