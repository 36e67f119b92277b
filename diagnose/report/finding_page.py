"""A page of the catalogue for people at a terminal, from the same Markdown that lies in docs/findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from diagnose.catalogue.fault import Fault
from diagnose.report import blocks
from diagnose.report.signs import Signs

CODE = r"`[^`]+`"


def show_pages(pages: Sequence[str], stream: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Write these pages one after the other; see ``blocks.put`` for ``width`` and ``colour``."""

    def all_of_them(signs: Signs) -> Iterator[RenderableType]:
        for index, page in enumerate(pages):
            if index:
                yield ""
            yield from _blocks(page, signs)

    blocks.put(all_of_them, stream, width, colour)


def show_list(faults: Iterable[Fault], stream: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Write a line for each fault: code, severity, name."""
    table = blocks.table("code", "severity", "layer", "name")
    for fault in faults:
        blocks.row(table, fault.code, fault.severity, fault.layer.replace("_", " "), fault.name)
    blocks.put(lambda signs: (table,), stream, width, colour)


def _blocks(page: str, signs: Signs) -> Iterator[RenderableType]:
    """The catalogue's Markdown: headings, paragraphs, lists, and code that is indented or between backquotes."""
    for index, block in enumerate(re.split(r"\n{2,}", page.strip("\n"))):
        if index:
            yield ""
        if block.startswith("#"):
            yield blocks.heading(block.lstrip("# "))
        elif block.startswith("    "):
            yield Text(block, no_wrap=True)
        elif block.startswith("- "):
            for item in re.split(r"\n- ", block.removeprefix("- ")):
                yield blocks.beside(Text(signs.bullet), _prose(item))
        else:
            yield _prose(block)


def _prose(lines: str) -> Text:
    said = Text(" ".join(lines.split()))
    said.highlight_regex(CODE, "cyan")
    return said
