"""A record: all that one run saw of a Kong and its surroundings, before anything was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self

from diagnose.capture.sightings import Sighting
from diagnose.installation import Installation
from diagnose.owners import Inventory
from diagnose.path.traffic import Address, Layer
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
class Seen:
    """One sighting of a probe in a packet capture, in text; its fields are those of ``Sighting``."""

    nonce: str
    layer: Layer
    source: str
    proxies: tuple[tuple[int, str | None], ...] | None = None
    forwarded: tuple[str, ...] | None = None
    real_ips: tuple[str, ...] | None = None
    same: bool | None = None

    @classmethod
    def of(cls, nonce: str, one: Sighting) -> Self:
        """``one``, which was seen of the probe with that nonce."""
        proxies = None if one.proxies is None else tuple((version, _text(named)) for version, named in one.proxies)
        return cls(nonce, one.layer, str(one.source), proxies, one.forwarded, one.real_ips, one.same)

    @property
    def sighting(self) -> Sighting:
        """The same with addresses; ValueError where one is none."""
        proxies = None
        if self.proxies is not None:
            proxies = tuple((version, ip_address(named) if named else None) for version, named in self.proxies)
        return Sighting(self.layer, ip_address(self.source), proxies, self.forwarded, self.real_ips, self.same)


def _text(address: Address | None) -> str | None:
    return None if address is None else str(address)


@dataclass(frozen=True, slots=True)
class Echo:
    """The backend behind Kong: its secret (empty where there is none), what keeps it from answering, what is left.

    ``wanted`` is False where the user asked for none.
    """

    secret: str = ""
    problem: str | None = None
    lingering: str | None = None
    wanted: bool = True


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
    wire: tuple[Seen, ...] = ()
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

    @property
    def sightings(self) -> dict[str, frozenset[Sighting]]:
        """What packet captures show of each probe, by its nonce."""
        found: dict[str, set[Sighting]] = {}
        for one in self.wire:
            found.setdefault(one.nonce, set()).add(one.sighting)
        return {nonce: frozenset(some) for nonce, some in found.items()}
