"""The README's pictures: all there, whole, and without anything that a viewer would have to load."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.diagnose.report.pictures import FOLDER, WIDTH, picture

FILES = sorted(FOLDER.glob("*.svg"))


def words(drawn: str) -> str:
    """The text of a picture, line after line."""
    texts = [one.text or "" for one in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    return "".join(texts).replace("\xa0", " ")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_shows_a_run_and_loads_nothing(file: Path) -> None:
    drawn = file.read_text("utf-8")
    assert re.search(r"(lost|spoofable|preserved) at Service kong/kong-proxy", words(drawn))
    assert "@font-face" not in drawn
    assert not re.findall(r"(?:href|src)=|url\((?!#)", drawn)


def test_there_is_one_of_each_command() -> None:
    assert [file.name for file in FILES] == ["diagnose.svg", "trusts-everyone.svg", "watch.svg"]


def test_a_line_that_is_too_long_goes_on_in_the_next() -> None:
    long = "".join(f"{number:4}" for number in range(WIDTH // 2))
    assert f"{WIDTH // 2 - 1}" in words(picture(f"\x1b[1m{long}\x1b[0m", "long"))
