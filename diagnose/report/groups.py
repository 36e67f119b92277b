"""The groups of a report as they are told: a table for each entry, and apart from them what decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnose.counting import count_of
from diagnose.report.report import Group, Verdict
from diagnose.report.signs import UNICODE

INSIDE = "From inside the cluster, straight to Kong (no evidence about callers outside)"
BESIDE = "Round what is before Kong (callers do not take that way)"


@dataclass(frozen=True, slots=True)
class Way:
    """Groups of one entry that came to the same verdict and the same culprits, of ``whole`` connections to it."""

    verdict: Verdict
    codes: tuple[str, ...]
    groups: tuple[Group, ...]
    whole: int

    @property
    def connections(self) -> int:
        """How many connections went this way."""
        return sum(group.connections for group in self.groups)

    @property
    def pods(self) -> str:
        """The Kong pods that they reached, each with its node."""
        return ", ".join(dict.fromkeys(map(pod_of, self.groups)))


def ways_of(groups: Sequence[Group]) -> list[Way]:
    """The groups of one entry, equal ones together."""
    ways: dict[tuple[Verdict, tuple[str, ...]], list[Group]] = {}
    for group in groups:
        codes = tuple(dict.fromkeys(culprit.code for culprit in group.culprits))
        ways.setdefault((group.verdict, codes), []).append(group)
    whole = sum(group.connections for group in groups)
    return [Way(verdict, codes, tuple(some), whole) for (verdict, codes), some in ways.items()]


def by_entry(groups: Sequence[Group]) -> dict[str, list[Way]]:
    """The ways through each entry that callers take from outside."""
    outside = [group for group in groups if group.vantage == "outside" and not group.beside]
    return {name: ways_of([one for one in outside if entry_of(one) == name]) for name in map(entry_of, outside)}


def apart(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """What does not enter the verdict: another experiment, and ways that callers do not take."""
    inside = [group for group in groups if group.vantage == "inside"]
    beside = [group for group in groups if group.beside]
    yield from ((heading, some) for heading, some in ((INSIDE, inside), (BESIDE, beside)) if some)


COLUMNS = ("verdict", "connections", "entry", "Kong pod", "Kong logged", "at fault")


def tables(groups: Sequence[Group]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """All tables of the groups: a heading, names of columns, and rows. The entry has a column where it is not one."""
    named = {f"What became of the connections to {entry}": ways for entry, ways in by_entry(groups).items()}
    for heading, ways in named.items():
        yield heading, _without_entry(COLUMNS), [_without_entry(_cells(way)) for way in ways]
    for heading, some in apart(groups):
        yield heading, COLUMNS, [_cells(way) for one in some for way in ways_of([one])]


def _cells(way: Way) -> tuple[str, ...]:
    verdict = f"{UNICODE.of_verdict(way.verdict)} {way.verdict}"
    share, entry = f"{way.connections} of {way.whole}", entry_of(way.groups[0])
    return verdict, share, entry, way.pods, logged_of(way.groups), ", ".join(way.codes)


def _without_entry(cells: tuple[str, ...]) -> tuple[str, ...]:
    return (*cells[:2], *cells[3:])


def entry_of(group: Group) -> str:
    """The entry with its address and scheme, as far as its name does not tell them."""
    named = group.entry if group.address in group.entry else f"{group.entry} at {group.address}"
    return named if named.startswith(group.scheme) else f"{named} ({group.scheme})"


def pod_of(group: Group) -> str:
    """The Kong pod that the connections have in common, and its node."""
    if group.pod is None:
        return "any"
    return f"{group.pod} on {group.node}" if group.node else group.pod


def logged_of(groups: Sequence[Group]) -> str:
    """The addresses that Kong logged, with how often."""
    counted = Counter[str]()
    for group in groups:
        counted.update(dict(group.logged))
    return ", ".join(f"{address} ({number})" for address, number in counted.most_common()) or "nothing seen"


def unseen_share(entry: str, ways: Sequence[Way]) -> str | None:
    """What so many connections to an entry may have missed, None where none of them is well."""
    missable = ways[0].groups[0].missable
    if missable is None or not any(way.verdict is Verdict.PRESERVED for way in ways):
        return None
    whole = ways[0].whole
    told = f"{count_of(whole, 'connection')} to {entry}: a fault in fewer than {100 * missable:.0f} % of all"
    return f"{told} may have gone unseen (with a probability of 5 %)."


def unseen_shares(groups: Sequence[Group]) -> Iterator[str]:
    """What the connections to each entry may have missed."""
    told = (unseen_share(entry, ways) for entry, ways in by_entry(groups).items())
    yield from (one for one in told if one is not None)
