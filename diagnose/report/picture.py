"""The ladder as SVG that stands within a page: no script, no style of its own, every text escaped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from diagnose.report.harmless import harmless
from diagnose.report.ladder import Line, Tone, What, lines
from diagnose.report.report import Report
from diagnose.report.signs import UNICODE

WIDTH = 760
RAIL = 36
"""Where the rail stands, from the left."""
BOX = 64
"""Where the boxes of the hops begin."""
TEXT = 196
"""Where what a hop does begins."""
LEADING = 20
"""From one line of text to the next."""
COLUMNS = 66
"""Characters of a line of text: the page sets them in a face of one width, 8.2 units each."""

_CLASSES = {Tone.PLAIN: "plain", Tone.GOOD: "good", Tone.DOUBT: "doubt", Tone.BAD: "bad"}


@dataclass(frozen=True, slots=True)
class _Rung:
    """One line of the ladder, where it stands: ``top`` to ``top + height``."""

    line: Line
    told: tuple[str, ...]
    top: int

    @property
    def height(self) -> int:
        space = 32 if self.line.what in (What.HOP, What.CALLER) else 10
        return LEADING * len(self.told) + space

    @property
    def middle(self) -> int:
        return self.top + self.height // 2


def picture(report: Report) -> str:
    """The ladder of ``report``, top to bottom; an empty text where no path is known."""
    if not report.path:
        return ""
    rungs = _placed(list(lines(report)))
    height = rungs[-1].top + rungs[-1].height
    parts = [*_rail(rungs), *(part for rung in rungs for part in _rung(rung))]
    spoken = escape(f"The path, hop by hop: {harmless(report.headline)}")
    return "\n".join(
        [
            f'<svg class="ladder" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{spoken}">',
            *parts,
            "</svg>",
        ]
    )


def _placed(shown: Sequence[Line]) -> list[_Rung]:
    rungs: list[_Rung] = []
    for line in shown:
        mark = f"{UNICODE.here} " if line.what is What.BLAME else ""
        told = textwrap.wrap(f"{mark}{harmless(line.said)}", COLUMNS) or [""]
        top = rungs[-1].top + rungs[-1].height if rungs else 0
        rungs.append(_Rung(line, tuple(told), top))
    return rungs


def _rail(rungs: Sequence[_Rung]) -> Iterator[str]:
    """The line from stop to stop: whole while the address is kept, broken from the hop on that is at fault."""
    stops = [rung for rung in rungs if rung.line.what in (What.HOP, What.CALLER)]
    broken = False
    for before, after in pairwise(stops):
        broken = broken or before.line.blamed
        kind = "rail broken" if broken else "rail"
        yield f'<line class="{kind}" x1="{RAIL}" y1="{before.middle}" x2="{RAIL}" y2="{after.middle}"/>'


def _rung(rung: _Rung) -> Iterator[str]:
    if rung.line.what in (What.HOP, What.CALLER):
        yield from _stop(rung)
    tone = _CLASSES[rung.line.tone]
    kind = {What.ADDRESS: "address", What.BLAME: f"blame {tone}"}.get(rung.line.what, "said")
    first = rung.middle - LEADING * (len(rung.told) - 1) // 2 + 5
    for index, text in enumerate(rung.told):
        yield f'<text class="{kind}" x="{TEXT}" y="{first + LEADING * index}">{escape(text)}</text>'


def _stop(rung: _Rung) -> Iterator[str]:
    """The caller or a hop: its sign on the rail, and a box with its layer and what it does to the address."""
    line, middle = rung.line, rung.middle
    tone = _CLASSES[line.tone]
    box = f'x="{BOX}" y="{rung.top + 2}" width="{WIDTH - BOX - 4}" height="{rung.height - 4}" rx="8"'
    yield f'<rect class="box {"blamed " if line.blamed else ""}{tone}" {box}/>'
    yield f'<circle class="stop {tone}" cx="{RAIL}" cy="{middle}" r="{13 if line.status else 8}"/>'
    if line.status is None:
        yield f'<text class="layer" x="{BOX + 16}" y="{middle + 5}">{escape(harmless(line.layer))}</text>'
        return
    yield f'<text class="sign" x="{RAIL}" y="{middle + 6}" text-anchor="middle">{escape(UNICODE.of_hop(line))}</text>'
    yield f'<text class="layer" x="{BOX + 16}" y="{middle - 4}">{escape(harmless(line.layer))}</text>'
    yield f'<text class="does {tone}" x="{BOX + 16}" y="{middle + 14}">{escape(line.status)}</text>'
