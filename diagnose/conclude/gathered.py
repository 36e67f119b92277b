"""The case to conclude: all that was gathered, what explains it, and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnose.explain.bindings import Addresses
from diagnose.explain.groups import Part
from diagnose.path.traffic import Address
from diagnose.providers.provider import Match
from diagnose.remedies.told import Place
from diagnose.report.report import Finding, Verdict
from diagnose.site import Entry, Fact, Gap, Kong
from probes.outcome import Answered, Outcome
from probes.probe import Probe, Vantage


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was gathered, and what explains it.

    ``outside`` are the parts of the entries that the caller sent to, ``inside`` those of Kong's pods as seen from the
    echo's place. ``whys`` maps a nonce to the reason for which its probe was sent. ``claims`` are probes of each entry
    that claim something, sent or not; ``spared`` are kinds of probe that would have told nothing more. ``command`` is
    the command line to repeat the run. ``backend_problem`` says what keeps the echo from answering, None if it answers;
    ``lingering`` what a killed run would leave behind. ``missing_rights`` are those that the caller lacks in the
    cluster. ``beside`` are the parts of entries that callers do not take, ``unprobed`` the ways to Kong that no probe
    took, a sentence each; ``configured`` is what is wrong in the objects alone. ``providers`` are those of the
    balancers of entries, by the entry's name.
    """

    site: str
    place: Place
    command: str
    kongs: Sequence[Kong]
    facts: Mapping[Entry, Sequence[Fact]]
    providers: Mapping[str, Match]
    addresses: Addresses
    outside: Sequence[Part]
    inside: Sequence[Part]
    gaps: Sequence[Gap]
    whys: Mapping[str, str]
    claims: Mapping[Entry, Sequence[Probe]]
    spared: Sequence[Gap]
    backend_problem: str | None
    lingering: str | None
    missing_rights: Sequence[str]
    vantage: Vantage
    beside: Sequence[Part] = ()
    unprobed: Sequence[str] = ()
    configured: Sequence[Finding] = ()


def sampled(part: Part, evidence: Evidence) -> Verdict:
    """The part's verdict; nothing is preserved while a ready Kong pod has not been seen."""
    if part.verdict is Verdict.PRESERVED and unseen(part, evidence):
        return Verdict.UNDETERMINED
    return part.verdict


def unseen(part: Part, evidence: Evidence) -> list[str]:
    """The ready Kong pods that no connection of the part's entry was seen to reach."""
    entry = part.entry
    reached = {o.kong for other in evidence.outside if other.entry == entry for o in other.explanation.observations}
    return [name for name in reachable(part, evidence) if name not in reached]


def reachable(part: Part, evidence: Evidence) -> list[str]:
    """The ready Kong pods that the part's entry may lead to."""
    return [kong.name for kong in evidence.kongs if kong.ready and part.entry.may_reach(kong)]


def strangers(parts: Sequence[Part], evidence: Evidence) -> list[Address]:
    """The addresses that a witness saw on ordinary connections and that nobody is known to own."""
    inventory = evidence.addresses.inventory
    seen = {address for part in parts for o in part.plain for address in o.visible if not inventory.owners(address)}
    return sorted(seen, key=str)


def turned_away(part: Part) -> int | None:
    """The status with which something before Kong answers all ordinary connections of the part, None if none does."""
    statuses = {o.sent.outcome.status if isinstance(o.sent.outcome, Answered) else None for o in part.plain}
    unanswered = all(o.seen.answer is None and o.kong is None for o in part.plain)
    return statuses.pop() if len(statuses) == 1 and unanswered else None


def redirected(part: Part) -> bool:
    """Whether ordinary connections of the part are sent to the same address by HTTPS, and not by Kong."""
    return turned_away(part) is not None and all(_leads_to_https(o.sent.outcome) for o in part.plain)


REDIRECTS = frozenset({301, 302, 303, 307, 308})
UPGRADE_REQUIRED = 426
"""RFC 9110, section 15.5.22: the Upgrade header names what is wanted; for TLS that is TLS/1.2 or the like."""


def _leads_to_https(outcome: Outcome) -> bool:
    if not isinstance(outcome, Answered):
        return False
    if outcome.status == UPGRADE_REQUIRED:
        return "tls/" in (outcome.header("Upgrade") or "").lower()
    return outcome.status in REDIRECTS and (outcome.header("Location") or "").lower().startswith("https://")


def judged(evidence: Evidence) -> Sequence[Part]:
    """The parts that decide: entries that only redirect to HTTPS do not, as long as there are others."""
    return [part for part in evidence.outside if not redirected(part)] or evidence.outside
