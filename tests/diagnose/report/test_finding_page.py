"""A page at a terminal: its lines fit, code is not broken, and what the encoding lacks is written otherwise."""

from __future__ import annotations

import io

import pytest

from diagnose.report.finding_page import show_pages

PAGE = """\
# KIP999 example

A paragraph of which the lines are to be filled anew, since they come as they stand in the
source.

- one item that is rather long, and so has a second line that stands below the first
- `code` of another

    kubectl --namespace NAMESPACE delete jobs,configmaps,services,ingresses --selector made-by=kongip
"""


def shown(width: int, colour: bool = False, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(raw := io.BytesIO(), encoding)
    show_pages([PAGE], stream, width, colour)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80])
def test_prose_is_filled_to_the_width_and_code_is_never_broken(width: int) -> None:
    *prose, code = shown(width).splitlines()
    assert all(len(line) <= width for line in prose)
    assert code == PAGE.splitlines()[-1]


def test_the_second_line_of_an_item_stands_below_its_first() -> None:
    lines = shown(40).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("• one"))
    assert lines[first + 1].startswith("  ")


def test_colours_are_added_only_where_they_are_wanted() -> None:
    assert "\x1b[" in shown(80, colour=True)
    assert "\x1b" not in shown(80)


def test_an_encoding_without_the_sign_has_another() -> None:
    assert "- one item" in shown(80, encoding="ascii")
