"""The pages of docs that are made from data are in step with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnose.pages import FILES, MADE, main, out_of_step

FOLDER = "docs/findings"


def test_the_pages_in_the_checkout_are_in_step_with_what_they_are_made_from() -> None:
    assert out_of_step(Path(__file__).parents[2]) == [], "run: make docs"


def test_writing_makes_the_pages_of_every_folder_and_no_others(tmp_path: Path) -> None:
    assert main([], tmp_path) == 0
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert written == {f"{folder}/{name}" for folder, make in MADE.items() for name in make()} | FILES.keys()


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    main([], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")}
    assert main([], tmp_path) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")} == before


@pytest.mark.parametrize("spoil", ["edit", "delete", "stray"])
def test_a_page_out_of_step_is_named_and_mended(spoil: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([], tmp_path)
    name = "KIP999.md" if spoil == "stray" else "KIP301.md"
    if spoil == "delete":
        (tmp_path / FOLDER / name).unlink()
    else:
        (tmp_path / FOLDER / name).write_text("something else\n", "utf-8")

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
