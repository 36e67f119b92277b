"""What a log says of where requests come from, as values, and what that hints at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from diagnose.counting import count_of
from diagnose.owners import Inventory
from diagnose.path.traffic import parse_address
from diagnose.traffic.kinds import INFRASTRUCTURE, SOCKET, Kind, Kinds
from diagnose.traffic.tally import KEPT, Tally

if TYPE_CHECKING:
    from diagnose.site import Gap

COMMONEST = 10
ROWS = 12
"""Spans of time that are shown at most."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An address and how many requests carry it; ``owner`` is whose it is, as far as anybody knows."""

    address: str
    kind: Kind
    requests: int
    owner: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """The requests of a span of time, by kind; ``begin`` is seconds since the epoch, ``seconds`` its length."""

    begin: int
    seconds: int
    kinds: tuple[tuple[Kind, int], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The requests in one log: that of a pod, or a file."""

    name: str
    requests: int
    kinds: tuple[tuple[Kind, int], ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that is told. ``distinct`` is the number of addresses, None where there were too many to count one by one.

    Each of ``commonest`` is then too low by at most ``short``. ``others`` counts lines that are no requests; ``hint``
    is a sentence or two.
    """

    place: str
    requests: int
    others: int
    distinct: int | None
    short: int
    kinds: tuple[tuple[Kind, int], ...]
    commonest: tuple[Seen, ...]
    sources: tuple[Source, ...]
    spans: tuple[Span, ...]
    hint: str
    gaps: tuple[Gap, ...] = ()


def tell(
    place: str, tallies: Mapping[str, Tally], kinds: Kinds, inventory: Inventory, gaps: Sequence[Gap] = ()
) -> Traffic:
    """What the tallies of all logs say together."""
    whole = Tally()
    for tally in tallies.values():
        whole.merge(tally)
    counts = _merged(whole)
    commonest = tuple(
        _seen(field, number, kinds, inventory)
        for field, number in nlargest(COMMONEST, counts.items(), key=itemgetter(1))
    )
    distinct = len(counts) if whole.addresses.short == 0 else None
    return Traffic(
        place=place,
        requests=whole.requests,
        others=whole.others,
        distinct=distinct,
        short=whole.addresses.short,
        kinds=_ordered(whole.kinds),
        commonest=commonest,
        sources=tuple(Source(name, one.requests, _ordered(one.kinds)) for name, one in tallies.items()),
        spans=_spans(whole),
        hint=hint(whole.requests, whole.kinds, commonest, distinct),
        gaps=tuple(gaps),
    )


def _merged(whole: Tally) -> dict[bytes, int]:
    """Every address that is known one by one; IPv4 ones that are written as IPv6 (``::ffff:``) are counted as such."""
    counts = dict(whole.addresses.counts)
    for field in [one for one in counts if one.startswith(MAPPED)]:
        number, plain = counts.pop(field), field.removeprefix(MAPPED)
        counts[plain] = counts.get(plain, 0) + number
    return counts


MAPPED = b"::ffff:"


def _seen(field: bytes, number: int, kinds: Kinds, inventory: Inventory) -> Seen:
    text = field.decode("utf-8", "replace")
    if field == SOCKET:
        return Seen(text, Kind.SOCKET, number, BESIDE)
    address = parse_address(text)
    owners = inventory.owners(address) if address is not None else ()
    return Seen(text, kinds.of(field) or Kind.UNKNOWN, number, owners[0].name if owners else None)


BESIDE = "something on Kong's own machine or in its pod"
"""Who connects over a unix socket: a sidecar, say."""


def _ordered(counts: Mapping[Kind, int]) -> tuple[tuple[Kind, int], ...]:
    return tuple((kind, counts[kind]) for kind in Kind if counts.get(kind))


def _spans(whole: Tally) -> tuple[Span, ...]:
    """The spans of time from the first to the last request, as few as are shown; none in between is left out."""
    timeline = whole.timeline
    if not timeline.spans:
        return ()
    first, last = min(timeline.spans) * timeline.width, max(timeline.spans) * timeline.width
    width = next((one for one in WIDTHS if one >= timeline.width and last // one - first // one < ROWS), WIDTHS[-1])
    while last // width - first // width >= ROWS:
        width *= 2
    found: dict[int, Counter[Kind]] = {}
    for number, counts in timeline.spans.items():
        found.setdefault(number * timeline.width // width, Counter()).update(counts)
    numbers = range(first // width, last // width + 1)
    return tuple(Span(one * width, width, _ordered(found.get(one, Counter()))) for one in numbers)


WIDTHS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
"""Seconds: spans of time that people count in."""


def hint(requests: int, kinds: Mapping[Kind, int], commonest: Sequence[Seen], distinct: int | None) -> str:
    """What the shares hint at. It is no verdict: a log does not tell who sent a request."""
    if not requests:
        return "No request was found in the log."
    lost = sum(number for kind, number in kinds.items() if kind in INFRASTRUCTURE)
    if 20 * lost >= requests:
        carried = [one for one in commonest if one.kind in INFRASTRUCTURE and one.kind is not Kind.SOCKET]
        named = " and ".join(dict.fromkeys(_several(one.kind) for one in carried)) or "infrastructure"
        few = _addresses(len(carried)) if 0 < len(carried) < COMMONEST else "addresses"
        beside = ", or come over a local socket" if kinds.get(Kind.SOCKET) else ""
        told = f"{share(lost, requests)} of requests carry {few} of {named}, not their callers'{beside}."
        if kinds.get(Kind.SOCKET) == lost:
            told = (
                f"{share(lost, requests)} of requests come over a local socket, without an address: from {BESIDE}, "
                "such as a sidecar."
            )
        mixed = " The rest does not, so two paths are mixed." if 20 * lost < 19 * requests else ""
        return f"{told}{mixed} kongip diagnose names the layer."
    top = 0
    for number, one in enumerate(commonest[:3], 1):
        top += one.requests
        if 10 * top >= 9 * requests and requests >= 100:
            whose = "a proxy's or a NAT's" if number == 1 else "those of proxies or a NAT"
            return f"{share(top, requests)} of requests carry {_addresses(number)}: they may be {whose}. {ASK}"
    known = count_of(distinct, "address", "addresses", ",") if distinct is not None else f"more than {KEPT:,} addresses"
    return f"Requests carry {known} of no known infrastructure, as those of callers would be. {ASK}"


ASK = "kongip diagnose tells for sure; --owner CIDR=LAYER says whose an address is."


def share(part: int, whole: int) -> str:
    """``part`` of ``whole`` in per cent: never 0 or 100 where it is not all or nothing."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 1:
        return "<1 %"
    return f"{min(99, round(percent)) if part < whole else 100} %" if part else "0 %"


def _addresses(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return f"{words[number] if number < len(words) else number} address{'' if number == 1 else 'es'}"


def _several(kind: Kind) -> str:
    return {
        Kind.NODE: "nodes",
        Kind.BALANCER: "the balancer",
        Kind.POD_NETWORK: "the pod network",
        Kind.CDN: "a CDN",
        Kind.LOOPBACK: "loopback",
    }[kind]
