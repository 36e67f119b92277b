"""The path as a ladder: hop under hop, and between them the address that travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from diagnose.path.traffic import Layer
from diagnose.report.harmless import harmless
from diagnose.report.report import Culprit, Report, Rung, Status, Verdict
from diagnose.report.signs import Signs

FATE = {
    Verdict.LOST: "the address is lost here",
    Verdict.SPOOFABLE: "callers are believed here",
    Verdict.UNREACHABLE: "connections end here",
}
"""What a culprit's rung is marked with, by verdict."""

WORDS = {"http": "HTTP", "proxy": "PROXY", "xff": "X-Forwarded-For"}
"""Words within the names of behaviours that are written otherwise."""

STYLES = {Status.KEEPS: "green", Status.RESTORES: "green", Status.UNKNOWN: "yellow"}


def drawn(report: Report, signs: Signs) -> Iterator[Table]:
    """The ladder of ``report``, top to bottom from the caller to the upstream."""
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for fixed in (True, True, True):
        grid.add_column(no_wrap=fixed)
    grid.add_column(overflow="fold")
    known = ", ".join(report.caller.addresses) or "address not known"
    _add(grid, "", "caller", "", f"{known} ({report.caller.source})")
    before: Rung | None = None
    blamed = _blamed(report.path, _of_this_path(report))
    for index, rung in enumerate(report.path):
        _add(grid, signs.line, "", "", _between(before, rung), style="cyan")
        culprits = blamed.get(index, [])
        sign, style = _sign(rung, culprits, signs)
        _add(grid, sign, rung.layer.replace("_", " "), rung.status, _named(rung), style=style)
        for culprit in culprits:
            _add(grid, signs.here, "", "", _blame(culprit, report), style=style)
        before = rung
    yield grid


def _add(grid: Table, sign: str, layer: str, status: str, said: str, *, style: str = "none") -> None:
    grid.add_row(
        Text(sign, style=style), Text(layer, style=style), Text(status, style=style), Text(harmless(said), style)
    )


def _between(before: Rung | None, after: Rung) -> str:
    """The address between two hops: what left the one and, should that differ, what the other saw."""
    left = before.source_out if before is not None else None
    seen = list(dict.fromkeys(address for address in (left, after.source_in) if address is not None))
    if not seen:
        return "address not seen"
    said = "logged as" if before is not None and before.layer is Layer.GATEWAY else "from"
    return f"{said} {', then '.join(seen)}"


def _named(rung: Rung) -> str:
    does = spoken(rung.behaviour) if rung.behaviour is not None else "what it does is not known"
    place = rung.name.removeprefix(rung.layer.replace("_", " ")).strip()
    return f"{place}: {does}" if place else does


def spoken(behaviour: str) -> str:
    """A behaviour's name as people write it."""
    return " ".join(WORDS.get(word, word) for word in behaviour.replace("x_real_ip", "X-Real-IP").split("_"))


def _of_this_path(report: Report) -> tuple[Culprit, ...]:
    """The culprits of the group whose path is drawn: the first of the worst. Other groups may blame other hops."""
    drawn_group = next((group for group in report.groups if group.verdict is report.verdict), None)
    return drawn_group.culprits if drawn_group is not None else report.culprits


def _blamed(path: Sequence[Rung], culprits: Sequence[Culprit]) -> dict[int, list[Culprit]]:
    """The culprits by the index of their rung: of their layer, and with their behaviour if one of that layer has it."""
    blamed: dict[int, list[Culprit]] = {}
    for culprit in culprits:
        of_layer = [index for index, rung in enumerate(path) if rung.layer is culprit.layer]
        exact = [index for index in of_layer if path[index].behaviour == culprit.behaviour]
        for index in (exact or of_layer)[:1]:
            blamed.setdefault(index, []).append(culprit)
    return blamed


def _sign(rung: Rung, culprits: Sequence[Culprit], signs: Signs) -> tuple[str, str]:
    if not culprits:
        return signs.of_status(rung.status), STYLES.get(rung.status, "red")
    proven = any(culprit.certainty == "proven" for culprit in culprits)
    return (signs.bad, "bold red") if proven else (signs.unknown, "bold yellow")


def _blame(culprit: Culprit, report: Report) -> str:
    fate = FATE.get(report.verdict, "at fault")
    name = next((f" {finding.name}" for finding in report.findings if finding.code == culprit.code), "")
    doubt = "" if culprit.certainty == "proven" else "perhaps "
    return f"{doubt}{fate}: {culprit.code}{name}"
