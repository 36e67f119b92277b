"""Several contexts as text: a table with a row for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from diagnose.fleet.outcome import Outcome, headline
from diagnose.report import blocks
from diagnose.report.fleet_rows import TITLES, cells, sign_of, worst_of
from diagnose.report.harmless import harmless
from diagnose.report.signs import UNICODE, Signs
from diagnose.report.terminal import STYLES

INSPECTED = "Nothing was sent: the contexts were inspected. With --yes each is diagnosed, which deploys an echo there."
MORE = "All of one: kongip diagnose --context NAME; of a finding: kongip explain CODE"


def show(outcomes: Sequence[Outcome], stream: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Write the table to ``stream`` as its terminal can show it (``diagnose.report.blocks.put``)."""
    blocks.put(lambda signs: _blocks(outcomes, signs), stream, width, colour)


def text(outcomes: Sequence[Outcome], width: int, *, coloured: bool, signs: Signs = UNICODE) -> str:
    """The table as text of at most ``width`` columns, save the verdicts' lines."""
    return blocks.laid_out(_blocks(outcomes, signs), width, coloured=coloured)


def _blocks(outcomes: Sequence[Outcome], signs: Signs) -> Iterator[RenderableType]:
    yield _headline(outcomes, signs)
    yield ""
    table = blocks.table(*TITLES)
    for one in outcomes:
        blocks.row(table, *cells(one, signs))
    yield table
    yield ""
    if any(one.report is not None and not one.report.traffic for one in outcomes):
        yield Text(INSPECTED, style="dim")
    yield Text(MORE, style="dim")
    yield _headline(outcomes, signs)


def _headline(outcomes: Sequence[Outcome], signs: Signs) -> Text:
    """How many came to which verdict, in the colour of the worst: the first and the last line, as for one context."""
    worst = worst_of(outcomes)
    style = STYLES.get(worst.report.verdict, "bold red") if worst.report is not None else "bold red"
    return Text(f"{sign_of(worst, signs)} {harmless(headline(outcomes))}", style=style, no_wrap=True)
