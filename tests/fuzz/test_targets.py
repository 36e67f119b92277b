"""Whatever comes from outside, nothing but the documented exception escapes: examples, and mutations of good ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

PIECES = [
    b"[" * 3_000,
    b"\x1b]0;x\x07",
    b"\xff\xfe",
    b"9" * 5_000,
    b"\xe2\x80\xae",
    b"null",
    b"{}",
    b"-1",
    b"1e999",
]


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A good example with a part of it replaced, by bytes or by what parsers stumble over."""
    seed = draw(st.sampled_from(seeds))
    start = draw(st.integers(0, len(seed)))
    end = draw(st.integers(start, min(len(seed), start + 20)))
    return seed[:start] + draw(st.one_of(st.binary(max_size=12), st.sampled_from(PIECES))) + seed[end:]


@pytest.mark.parametrize("name", TARGETS)
def test_good_examples_and_bad_pieces_are_read(name: str) -> None:
    for data in (*TARGETS[name].seeds, *PIECES):
        TARGETS[name].read(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_undocumented_escapes(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    target.read(data.draw(st.one_of(st.binary(max_size=300), mutated(target.seeds))))
