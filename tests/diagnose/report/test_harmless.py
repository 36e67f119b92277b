"""Text from outside, made harmless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.report.harmless import harmless, harmless_lines


@pytest.mark.parametrize(
    ("outside", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\r\nb", r"a\x0d\x0ab"),
        ("\u202egnp", r"\u202egnp"),
        ("\u2028", r"\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(outside: str, shown: str) -> None:
    assert harmless(outside) == shown


@pytest.mark.parametrize("outside", ["", "10.0.2.7", "größer", "日本語", "[bold]x[/]", r"C:\new"])
def test_ordinary_text_stays_as_it_is(outside: str) -> None:
    assert harmless(outside) == outside


def test_lines_stay_lines_where_lines_are_meant() -> None:
    assert harmless_lines("a\nb\x1bc") == "a\nb\\x1bc"


@given(st.text())
def test_nothing_that_steers_remains(outside: str) -> None:
    shown = harmless(outside)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
    assert harmless(shown) == shown
