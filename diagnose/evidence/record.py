"""A record: all that one run saw of a Kong and its surroundings, before anything was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.installation import Installation
from diagnose.owners import Inventory
from diagnose.providers.provider import Match
from diagnose.report.report import Finding, Run
from diagnose.site import Entry, Fact, Gap, Kong, Logs
from probes.outcome import Sent
from probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said: the caller's addresses, the command line, and kubectl as remedies are to write it."""

    caller_ips: tuple[str, ...]
    command: str
    kubectl: str


@dataclass(frozen=True, slots=True)
class Place:
    """What was read of Kong and its surroundings.

    ``name`` is the site's, ``service`` Kong's proxy Service. ``providers`` are those of the balancers of entries, by
    the entry's name. ``by_api`` is the caller's address as the API server saw it. ``unprobed`` are ways to Kong that no
    probe took, ``configured`` is what is wrong in the objects alone, ``missing_rights`` what the caller may not do.
    """

    name: str
    service: str | None
    installation: Installation | None
    providers: Mapping[str, Match]
    kongs: tuple[Kong, ...]
    inventory: Inventory
    by_api: str | None = None
    missing_rights: tuple[str, ...] = ()
    unprobed: tuple[str, ...] = ()
    configured: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """One entry, what is known of the way through it, and the probes that would claim something there, sent or not."""

    entry: Entry
    facts: tuple[Fact, ...] = ()
    claims: tuple[Probe, ...] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """One probe that was sent, what came of it, and why it was sent. ``way`` is the index of its entry's way."""

    way: int
    sent: Sent
    why: str = ""


@dataclass(frozen=True, slots=True)
class Echo:
    """The backend behind Kong: its secret (empty where there is none), what keeps it from answering, what is left."""

    secret: str = ""
    problem: str | None = None
    lingering: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One run. ``gaps`` are what was not measured, ``spared`` the kinds of probe that would have told nothing more.

    ``redacted`` tells that placeholders stand for addresses and names.
    """

    run: Run
    asked: Asked
    place: Place
    ways: tuple[Way, ...]
    shots: tuple[Shot, ...]
    logs: Logs = field(default_factory=Logs)
    echo: Echo = field(default_factory=Echo)
    gaps: tuple[Gap, ...] = ()
    spared: tuple[Gap, ...] = ()
    redacted: bool = False

    @property
    def sent(self) -> list[tuple[Sent, Entry]]:
        """All probes with their outcome and entry, in the order sent."""
        return [(shot.sent, self.ways[shot.way].entry) for shot in self.shots]

    @property
    def facts(self) -> dict[Entry, tuple[Fact, ...]]:
        """What is known of the way through each entry."""
        return {way.entry: way.facts for way in self.ways}

    @property
    def claims(self) -> dict[Entry, tuple[Probe, ...]]:
        """The probes that would claim something at each entry."""
        return {way.entry: way.claims for way in self.ways}
