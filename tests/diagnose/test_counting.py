"""A number and its noun."""

from __future__ import annotations

import pytest

from diagnose.counting import count_of


@pytest.mark.parametrize(("number", "told"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1000, "1,000 lines")])
def test_a_noun_is_in_the_plural_unless_there_is_one(number: int, told: str) -> None:
    assert count_of(number, "line", form=",") == told


def test_a_plural_of_its_own_is_told() -> None:
    assert [count_of(number, "address", "addresses") for number in (1, 1000)] == ["1 address", "1000 addresses"]


def test_what_is_rounded_to_one_is_one() -> None:
    assert [count_of(number, "second", form=".0f") for number in (0.9, 1.0, 1.6)] == [
        "1 second",
        "1 second",
        "2 seconds",
    ]
