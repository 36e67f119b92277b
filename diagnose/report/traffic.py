"""What a log says of where requests come from, for people: shares as bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TextIO

from rich.console import RenderableType
from rich.text import Text

from diagnose.counting import count_of
from diagnose.report import blocks
from diagnose.report.harmless import harmless
from diagnose.report.signs import UNICODE, Signs
from diagnose.traffic.kinds import INFRASTRUCTURE, Kind
from diagnose.traffic.told import Span, Traffic, share

BAR = 24
"""Columns of a whole bar."""

Kinds = Sequence[tuple[Kind, int]]


def show(traffic: Traffic, stream: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Write ``traffic`` to ``stream``; see ``blocks.put`` for ``width`` and ``colour``."""
    blocks.put(lambda signs: _blocks(traffic, signs), stream, width, colour)


def _blocks(traffic: Traffic, signs: Signs) -> Iterator[RenderableType]:
    yield blocks.heading(traffic.hint)
    yield ""
    lines = f", and {count_of(traffic.others, 'other line', form=',')}" if traffic.others else ""
    yield Text(harmless(f"{count_of(traffic.requests, 'request', form=',')}{lines} in {traffic.place}"))
    yield ""
    if traffic.requests:
        yield from _kinds(traffic, signs)
        yield from _commonest(traffic)
        if len(traffic.sources) > 1:
            yield from _sources(traffic, signs)
        if len(traffic.spans) > 1:
            yield from _over_time(traffic.spans, signs)
    yield from blocks.listed("Not measured", (f"{gap.what}: {gap.why}" for gap in traffic.gaps), signs)


def _kinds(traffic: Traffic, signs: Signs) -> Iterator[RenderableType]:
    yield blocks.heading("Whose addresses they carry")
    table = blocks.table("kind", "share", "requests", "")
    for kind, number in traffic.kinds:
        bar = Text(_bar(number, traffic.requests, signs), style=_style(kind))
        table.add_row(str(kind), share(number, traffic.requests), f"{number:,}", bar)
    yield table
    yield ""


def _commonest(traffic: Traffic) -> Iterator[RenderableType]:
    of = f"{traffic.distinct:,}" if traffic.distinct is not None else "very many"
    yield blocks.heading(f"The commonest addresses, of {of}")
    table = blocks.table("address", "kind", "share", "requests", "whose")
    for one in traffic.commonest:
        number = f"{one.requests:,}"
        blocks.row(table, one.address, one.kind, share(one.requests, traffic.requests), number, one.owner or "")
    yield table
    if traffic.short:
        yield Text(
            f"There are too many addresses to count each: these figures are too low by {traffic.short:,} at most."
        )
    yield ""


def _sources(traffic: Traffic, signs: Signs) -> Iterator[RenderableType]:
    yield blocks.heading("By log")
    table = blocks.table("log", "requests", "not callers'", "kinds")
    for one in traffic.sources:
        blocks.row(table, one.name, f"{one.requests:,}", _lost(one.kinds), _told(one.kinds, one.requests))
    yield table
    yield ""


def _over_time(spans: Sequence[Span], signs: Signs) -> Iterator[RenderableType]:
    yield blocks.heading("Over time (UTC)")
    most = max(sum(number for _, number in span.kinds) for span in spans)
    table = blocks.table("from", "requests", "kinds", "")
    for span in spans:
        whole = sum(number for _, number in span.kinds)
        begin = datetime.fromtimestamp(span.begin, UTC)
        bar = Text(no_wrap=True)
        for kind, number in span.kinds:
            bar.append(_block(signs) * round(BAR * number / most), style=_style(kind))
        table.add_row(f"{begin:%d %b %H:%M:%S}", f"{whole:,}", _told(span.kinds, whole), bar)
    yield table
    yield ""


def _bar(part: int, whole: int, signs: Signs) -> str:
    """A bar for ``part``; of anything at all something is seen."""
    return _block(signs) * max(1, round(BAR * part / whole))


def _block(signs: Signs) -> str:
    return "█" if signs is UNICODE else "#"


def _style(kind: Kind) -> str:
    if kind in INFRASTRUCTURE:
        return "red"
    return "green" if kind in (Kind.CALLER, Kind.PUBLIC) else "yellow"


def _lost(kinds: Kinds) -> str:
    whole = sum(number for _, number in kinds)
    return share(sum(number for kind, number in kinds if kind in INFRASTRUCTURE), whole)


def _told(kinds: Kinds, whole: int) -> str:
    """The kinds that matter, the commonest first."""
    ordered = sorted(kinds, key=lambda pair: -pair[1])
    return ", ".join(f"{kind} {share(number, whole)}" for kind, number in ordered if 100 * number >= whole) or "-"
