"""What a trace gave: the path hop by hop, what routers quoted on it, and how the target answered."""

from __future__ import annotations

from dataclasses import dataclass

from probes.probe import Target
from probes.reach import Attempt


@dataclass(frozen=True, slots=True)
class Quote:
    """What a router quoted of a packet of ours, and of ours what it was when it left; None where it is not quoted.

    ``changes`` are names of the fields that differ, as (field, sent, quoted): a rewriting router that puts the quoted
    addresses back often leaves others as they were.
    """

    by: str
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How the target answered a connection attempt; what of it nobody could tell is None.

    ``ttl`` is that of the SYN-ACK as it arrived. ``refused`` tells that it was a reset.
    """

    ttl: int | None
    window: int | None = None
    options: tuple[str, ...] | None = None
    ident: int | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """What one TTL came to."""

    ttl: int
    attempt: Attempt
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A path as far as it was seen.

    ``answers`` are the target's, one for each try; ``skipped`` is what was not looked at, a sentence each.
    """

    target: Target
    rungs: tuple[Rung, ...]
    answers: tuple[Answer, ...]
    skipped: tuple[str, ...] = ()
