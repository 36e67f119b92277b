"""Advice: what follows from whose load balancer it is: facts for the model, ranges to trust, and what to tell it."""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.path.traffic import Layer
from diagnose.providers.provider import HowTo, Match, Purpose, Trust
from diagnose.site import Fact

NOBODY = "Nobody: connections come from the clients themselves."


def facts(matches: Sequence[Match]) -> tuple[Fact, ...]:
    """What ``matches`` let one expect of the hops; none of it is certain.

    Several matches allow what any of them does, and tell nothing of a hop that one of them says nothing of.
    """
    layers = {match.provider.layer for match in matches}
    if len(layers) != 1:
        return ()
    found = [Fact(layers.pop(), frozenset().union(*(one.mode.behaviours for one in matches)), _told(matches))]
    if all(one.mode.node for one in matches):
        found.append(Fact(Layer.NODE, frozenset().union(*(one.mode.node for one in matches)), _told(matches)))
    return tuple(found)


def _told(matches: Sequence[Match]) -> str:
    """Each source once, with all that may be meant by it."""
    meant: dict[str, list[str]] = {}
    for match in matches:
        meant.setdefault(match.source, []).append(f"{match.provider.name}, {match.mode.what}")
    return " or ".join(f"{source} ({'; or '.join(dict.fromkeys(ones))})" for source, ones in meant.items())


def told_whom(trust: Trust) -> str:
    """From where connections reach Kong: ranges as far as the provider guarantees any, and where to look."""
    ranges = ", ".join(map(str, trust.ranges))
    return " ".join(filter(None, (f"{ranges}." if ranges else "", trust.look_up))) or NOBODY


def how_to(match: Match, purpose: Purpose | str) -> HowTo | None:
    """How to tell the balancer, None where it cannot be told so. ValueError for a purpose that there is not."""
    return match.provider.how_to.get(Purpose(purpose))
