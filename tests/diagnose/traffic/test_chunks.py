"""Chunks hold every line once, whole, however the file hands its bytes out."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.traffic.chunks import BUFFER, LARGEST, TOO_LONG, chunks

LEFT_OUT = b"(too long)"


class Dripping(io.RawIOBase):
    """A file that hands out a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._inner = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's is wider
        data = self._inner.read(min(self._step, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


def lines_of(data: bytes, step: int = BUFFER, begin: int = 0, end: int | None = None) -> list[bytes]:
    found: list[bytes] = []
    for chunk in chunks(Dripping(data[begin:], step), begin, end):
        if chunk == TOO_LONG:
            found.append(LEFT_OUT)
            continue
        assert chunk[0] == 0x0A
        found += bytes(chunk).split(b"\n")[1:]
    return found


@given(
    st.lists(st.binary(max_size=900).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 3000), st.booleans()
)
def test_every_line_comes_once_and_whole(lines: list[bytes], step: int, ends: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    wanted = data.removesuffix(b"\n").split(b"\n") if data else []
    assert [line for line in lines_of(data, step) if line] == [line for line in wanted if line]


@given(st.lists(st.integers(0, 300)), st.integers(0, 5000))
def test_two_parts_hold_what_the_whole_holds(lengths: list[int], middle: int) -> None:
    data = b"".join(b"%d" % number + b"x" * length + b"\n" for number, length in enumerate(lengths))
    middle = min(middle, len(data))
    begin = 0 if middle == 0 else data.find(b"\n", middle - 1) + 1
    first = lines_of(data, end=middle) if middle else []
    second = lines_of(data, begin=begin) if middle < len(data) else []
    assert [line for line in (*first, *second) if line] == data.split(b"\n")[:-1]


def test_chunks_grow_with_what_was_read_and_no_further() -> None:
    sizes = [len(chunk) for chunk in chunks(io.BytesIO((b"x" * 99 + b"\n") * 300_000))]
    assert sizes[0] < 1000
    assert LARGEST - 200 < max(sizes) <= LARGEST


@pytest.mark.parametrize("length", [BUFFER - 1, BUFFER, 3 * BUFFER])
def test_a_line_longer_than_the_buffer_is_told_once_and_the_next_is_whole(length: int) -> None:
    data = b"first\n" + b"x" * length + b"\nsecond\n" + b"x" * length
    assert [line for line in lines_of(data) if line] == [b"first", LEFT_OUT, b"second", LEFT_OUT]


def test_a_part_ends_where_it_should_though_a_line_in_it_is_too_long() -> None:
    data = b"x" * (3 * BUFFER) + b"\nsecond\n"
    assert [line for line in lines_of(data + b"third\n", end=len(data)) if line] == [LEFT_OUT, b"second"]


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n\n"])
def test_no_lines_are_no_lines(data: bytes) -> None:
    assert [line for line in lines_of(data) if line] == []
