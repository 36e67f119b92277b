"""The path as a ladder, line by line: hop under hop, and between them the address that travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diagnose.path.traffic import Layer
from diagnose.report.report import Culprit, Group, Report, Rung, Status, Verdict

FATE = {
    Verdict.LOST: "the address is lost here",
    Verdict.SPOOFABLE: "callers are believed here",
    Verdict.UNREACHABLE: "connections end here",
}
"""What a culprit's rung is marked with, by verdict."""

WORDS = {"http": "HTTP", "proxy": "PROXY", "xff": "X-Forwarded-For"}
"""Words within the names of behaviours that are written otherwise."""


class Tone(StrEnum):
    """How a line is to be taken."""

    PLAIN = "plain"
    GOOD = "good"
    DOUBT = "doubt"
    BAD = "bad"


class What(StrEnum):
    """What a line of the ladder tells."""

    CALLER = "caller"
    ADDRESS = "address"
    HOP = "hop"
    BLAME = "blame"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ladder. ``status`` is a hop's; ``blamed`` tells that the hop is, or may be, at fault."""

    what: What
    said: str
    layer: str = ""
    status: Status | None = None
    tone: Tone = Tone.PLAIN
    blamed: bool = False


def lines(report: Report) -> Iterator[Line]:
    """The ladder of ``report``, top to bottom from the caller to the upstream."""
    known = ", ".join(report.caller.addresses) or "address not known"
    yield Line(What.CALLER, f"{known} ({report.caller.source})", "caller")
    before: Rung | None = None
    worst = _drawn(report)
    blamed = _blamed(report.path, worst.culprits if worst is not None else report.culprits)
    for index, rung in enumerate(report.path):
        yield Line(What.ADDRESS, _between(before, rung))
        culprits = blamed.get(index, [])
        tone = _tone(rung, culprits)
        layer = rung.layer.replace("_", " ")
        yield Line(What.HOP, _named(rung), layer, rung.status, tone, blamed=bool(culprits))
        for culprit in culprits:
            yield Line(What.BLAME, _blame(culprit, report), layer, tone=tone, blamed=True)
        before = rung


def title(report: Report) -> str:
    """What stands above the ladder: which path it is, and of what share of its entry's connections."""
    ways = [group for group in report.groups if group.vantage == "outside" and not group.beside]
    worst = _drawn(report)
    if len(ways) < 2 or worst is None:
        return f"The path to {report.site}"
    whole = sum(one.connections for one in ways if _way(one) == _way(worst))
    return f"The path of the worst connections ({worst.connections} of {whole}) to {report.site}"


def _way(group: Group) -> tuple[str, str, str]:
    return group.entry, group.address, group.scheme


def _drawn(report: Report) -> Group | None:
    """The group whose path is drawn: the first of the worst. Other groups may blame other hops."""
    return next((group for group in report.groups if group.verdict is report.verdict), None)


def spoken(behaviour: str) -> str:
    """A behaviour's name as people write it; of several that are joined by "or", each as it is said alone."""
    return " or ".join(_spoken_alone(one) for one in behaviour.split(" or "))


def _spoken_alone(behaviour: str) -> str:
    return " ".join(WORDS.get(word, word) for word in behaviour.replace("x_real_ip", "X-Real-IP").split("_"))


def possible(report: Report) -> list[str]:
    """The hops of which not all are at fault, but which of them is not known."""
    found = [culprit for culprit in report.culprits if culprit.certainty == "possible"]
    return [f"{one.layer.replace('_', ' ')}: {spoken(one.behaviour)} ({one.code})" for one in found]


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


def _blamed(path: Sequence[Rung], culprits: Sequence[Culprit]) -> dict[int, list[Culprit]]:
    """The culprits by the index of their rung: of their layer, and with their behaviour if one of that layer has it."""
    blamed: dict[int, list[Culprit]] = {}
    for culprit in culprits:
        of_layer = [index for index, rung in enumerate(path) if rung.layer is culprit.layer]
        exact = [index for index in of_layer if path[index].behaviour == culprit.behaviour]
        for index in (exact or of_layer)[:1]:
            blamed.setdefault(index, []).append(culprit)
    return blamed


_TONES = {Status.KEEPS: Tone.GOOD, Status.RESTORES: Tone.GOOD, Status.UNKNOWN: Tone.DOUBT}


def _tone(rung: Rung, culprits: Sequence[Culprit]) -> Tone:
    if not culprits:
        return _TONES.get(rung.status, Tone.BAD)
    return Tone.BAD if any(culprit.certainty == "proven" for culprit in culprits) else Tone.DOUBT


def _blame(culprit: Culprit, report: Report) -> str:
    fate = FATE.get(report.verdict, "at fault")
    name = next((f" {finding.name}" for finding in report.findings if finding.code == culprit.code), "")
    doubt = "" if culprit.certainty == "proven" else "perhaps "
    return f"{doubt}{fate}: {culprit.code}{name}"
