"""The blocks that text for people is put together from, and how they become lines of a given width."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.report.harmless import harmless
from diagnose.report.signs import ASCII, UNICODE, Signs

PROSE = 100
"""Columns beyond which lines of prose become hard to read; tables may be wider."""

NARROWEST = 40
"""Columns below which nothing is laid out."""


def put(
    blocks: Callable[[Signs], Iterable[RenderableType]],
    stream: TextIO,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write what ``blocks`` makes to ``stream`` as its terminal shows it; what its encoding lacks becomes an escape.

    ``width`` and ``colour`` are the terminal's own where they are None; NO_COLOR, TERM=dumb and anything that is no
    terminal have no colour.
    """
    encoding = stream.encoding or "utf-8"
    columns = max(NARROWEST, shutil.get_terminal_size().columns if width is None else width)
    coloured = has_colour(stream) if colour is None else colour
    shown = laid_out(blocks(signs_for(encoding)), columns, coloured=coloured)
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))


def laid_out(blocks: Iterable[RenderableType], width: int, *, coloured: bool) -> str:
    """The blocks as text of at most ``width`` columns, save what must not be wrapped."""
    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for block in blocks:
        if isinstance(block, Text) and block.no_wrap:
            console.print(block, soft_wrap=True)
        elif _is_table(block):
            console.print(block)
        else:
            console.print(block, width=min(width, PROSE))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _is_table(block: RenderableType) -> bool:
    inner = block.renderable if isinstance(block, Padding) else block
    return isinstance(inner, Table) and inner.show_header


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def signs_for(encoding: str) -> Signs:
    """The signs that an encoding has."""
    try:
        "".join((UNICODE.good, UNICODE.bad, UNICODE.line, UNICODE.here, UNICODE.levels)).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


def heading(title: str) -> Text:
    """The title of what follows."""
    return Text(harmless(title), style="bold")


def listed(title: str, lines: Iterable[str], signs: Signs) -> Iterator[RenderableType]:
    """A list under its title; nothing where there are no lines."""
    bullets = [bullet(line, signs) for line in lines]
    if bullets:
        yield heading(title)
        yield from bullets
        yield ""


def bullet(line: str, signs: Signs) -> Padding:
    """One item of a list."""
    return Padding(beside(Text(signs.bullet), Text(harmless(line))), (0, 0, 0, 2))


def beside(sign: Text, said: Text) -> Table:
    """``said`` behind a sign, its further lines indented by as much."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(sign, said)
    return grid


def table(*titles: str) -> Table:
    """An empty table with these columns."""
    made = Table(box=None, pad_edge=False, header_style="underline")
    for title in titles:
        made.add_column(title, overflow="fold")
    return made


def row(of: Table, *cells: str) -> None:
    """Add a row."""
    of.add_row(*(Text(harmless(cell)) for cell in cells))
