"""What a traced path tells: where it leaves the caller's network, where packets are rewritten, and who answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from diagnose.counting import count_of
from probes.reach import Connected, Expired
from probes.traced import Answer, Rung, Trace

_BEGINNINGS = (64, 128, 255)
"""The TTLs that systems send with."""

_REWRITTEN = frozenset({"source", "source port", "destination", "destination port"})


class Balancer(StrEnum):
    """What answers at the target: Kong's own machine, or something before it."""

    PASSES_THROUGH = "passes_through"
    PROXIES = "proxies"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the path tells, a sentence each. ``balancer`` is what ``because`` points to; none of it is proof."""

    leaves: str | None
    rewrites: tuple[str, ...]
    balancer: Balancer
    because: tuple[str, ...]


def judge(path: Trace, own: Trace | None = None) -> Judgement:
    """What ``path`` tells; ``own`` is the path to Kong's own listener, or its node, None where none was named."""
    forwarded, nearer = list(_forwarded(path)), list(_compared(path, own)) if own is not None else []
    balancer = Balancer.UNKNOWN
    if forwarded:
        balancer = Balancer.PASSES_THROUGH
    elif any(away for away, _ in nearer):
        balancer = Balancer.PROXIES
    beside = tuple(told for _, told in nearer) or (tuple(_alike(path, own)) if own is not None else ())
    because = (*forwarded, *beside, *_several(path.answers))
    return Judgement(_leaves(path.rungs), tuple(_rewrites(path.rungs)), balancer, because or (_open(path),))


def _leaves(rungs: Sequence[Rung]) -> str | None:
    """Where the path leaves private networks."""
    before: str | None = None
    for rung in rungs:
        if not isinstance(rung.attempt.reached, Expired):
            continue
        by = rung.attempt.reached.by
        if ip_address(by).is_global:
            inside = f", after {before}" if before is not None else ""
            return f"the path leaves private networks at hop {rung.ttl} ({by}){inside}"
        before = by
    return None


def _rewrites(rungs: Sequence[Rung]) -> Iterator[str]:
    """Every field that a router was the first to quote otherwise than it was sent."""
    known: set[str] = set()
    for rung in rungs:
        for name, sent, quoted in rung.quote.changes if rung.quote is not None else ():
            if name not in known:
                known.add(name)
                kind = "rewritten" if name in _REWRITTEN else "not what it was"
                hidden = " (addresses or ports may have been rewritten, and put back in the quote)"
                more = hidden if name == "TCP checksum" else ""
                yield f"before hop {rung.ttl}, the {name} is {kind}: sent {sent}, quoted {quoted}{more}"


def _forwarded(path: Trace) -> Iterator[str]:
    """What shows that packets to the target are led on, not taken."""
    for rung in path.rungs:
        reached = rung.attempt.reached
        if isinstance(reached, Expired) and reached.by == path.target.address:
            yield (
                f"packets with a TTL of {rung.ttl} run out behind {path.target.address}, and the error comes in its "
                "name: what has that address leads packets on"
            )
            return
    for rung in path.rungs:
        for name, _, quoted in rung.quote.changes if rung.quote is not None else ():
            if name == "destination":
                yield f"at hop {rung.ttl} packets are already for {quoted}: their destination was rewritten, not taken"
                return


def _compared(path: Trace, own: Trace) -> Iterator[tuple[bool, str]]:
    """How the target's answer differs from that of Kong's own listener, and whether that speaks for a proxy."""
    hops, own_hops = _hops(path), _hops(own)
    if hops is not None and own_hops is not None and hops != own_hops:
        told = f"the target answers at hop {hops}, {own.target.address} at hop {own_hops}"
        yield hops < own_hops, f"{told}: nearer than Kong itself" if hops < own_hops else told
    first, its = (next(iter(one.answers), None) for one in (path, own))
    if first is None or its is None:
        return
    back, own_back = _distance(first), _distance(its)
    if back is not None and own_back is not None and back < own_back and hops == own_hops:
        told = f"the target's answer comes over {count_of(back, 'hop')}"
        yield True, f"{told}, that of {own.target.address} over {own_back}"
    for name, ours, theirs in (
        ("window", first.window, its.window),
        ("TCP options", first.options, its.options),
    ):
        if ours is not None and theirs is not None and ours != theirs:
            yield True, f"the {name} of the two answers differ ({_shown(ours)}; {_shown(theirs)}): another TCP answers"


def _alike(path: Trace, own: Trace) -> Iterator[str]:
    """What was held beside the target's answer where no difference was found."""
    if _hops(path) is None:
        return
    name = f"{own.target.address} (--compare)"
    if _hops(own) is None:
        yield f"{name} did not answer, so that there was nothing to hold the target's answer beside"
        return
    told = f"the target and {name} both answer at hop {_hops(path)}"
    more = (
        "nothing in their answers" if path.answers and own.answers else "no more of both answers was seen, and nothing"
    )
    yield f"{told}: {more} speaks for a proxy"


def _several(answers: Sequence[Answer]) -> Iterator[str]:
    """Whether more than one machine answers at the target."""
    kinds = dict.fromkeys((one.ttl, one.window, one.options) for one in answers)
    if len(kinds) > 1:
        ttls = ", ".join(str(ttl) for ttl, _, _ in kinds)
        yield f"several machines answer: {len(kinds)} kinds of answer to {len(answers)} attempts (TTL {ttls})"


def _open(path: Trace) -> str:
    if _hops(path) is None:
        return "the target did not answer"
    return (
        "nothing seen on the path tells a balancer that forwards from one that proxies; the path to Kong's own node or "
        "listener would (--compare)"
    )


def _hops(path: Trace) -> int | None:
    """How many hops away the target answers, None where it does not."""
    last = path.rungs[-1] if path.rungs else None
    return last.ttl if last is not None and isinstance(last.attempt.reached, Connected) else None


def _distance(answer: Answer) -> int | None:
    """Over how many hops an answer came, if it began with the next higher of the usual TTLs."""
    if answer.ttl is None:
        return None
    begun = next((one for one in _BEGINNINGS if one >= answer.ttl), None)
    return None if begun is None else begun - answer.ttl + 1


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
