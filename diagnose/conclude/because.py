"""Sentences of evidence: what was seen, of which connections, and where each piece of knowledge stands written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from diagnose.conclude import gathered
from diagnose.counting import count_of
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, described
from diagnose.explain.groups import Part
from diagnose.path.proxying import Answer
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, parse_address
from diagnose.providers.hints import hints_in
from diagnose.providers.provider import LONGEST_VALUE
from diagnose.site import Kong
from probes.outcome import Answered
from probes.probe import PROXY_CHANNEL, Preamble


def owned(address: Address, addresses: Addresses) -> str:
    """The address with who owns it and where that stands written."""
    if addresses.senders.hold(address):
        return f"{address} (the caller)"
    owners = addresses.inventory.owners(address)
    if not owners:
        return f"{address} (nobody is known to own it)"
    return f"{address} ({owners[0].name}: {owners[0].source})"


def logged(part: Part, addresses: Addresses) -> list[str]:
    """What Kong logged for ordinary connections, with shares; without its log, what it told the echo."""
    plain = part.plain
    taken = Counter(observation.seen.logged for observation in plain if observation.seen.logged is not None)
    whole = f"{count_of(len(plain), 'ordinary connection')} to {part.entry.name}"
    did, _ = said(part)
    lines = [f"{did} {owned(address, addresses)} for {number} of {whole}" for address, number in taken.most_common()]
    ends = Counter(described(observation.sent.outcome) for observation in plain if observation.seen.logged is None)
    lines += [f"{number} of {whole}: {end}, and no address was logged" for end, number in ends.most_common()]
    return lines


def said(part: Part) -> tuple[str, str]:
    """What Kong did with the address that it took, as far as anybody saw it: in the past, and in general."""
    if any(observation.in_log for observation in part.plain):
        return "Kong logged", "Kong logs"
    return "Kong told the echo in X-Real-IP", "Kong takes"


def peers(part: Part, addresses: Addresses) -> list[str]:
    """From which TCP peers Kong took the connections, as the echo was told or Kong's log complains."""
    observations = part.explanation.observations
    told = {
        observation.seen.forwarded[-1]
        for observation in observations
        if observation.seen.forwarded and len(observation.seen.forwarded) > 1
    }
    lines = [f"Kong's TCP peer was {owned(address, addresses)}" for address in _parsed(told)]
    refused = {str(peer) for observation in part.plain for peer in observation.seen.refused or ()}
    lines += [f"Kong refused connections of {owned(address, addresses)}" for address in _parsed(refused)]
    return lines


def captured(part: Part, addresses: Addresses) -> list[str]:
    """What captures show of ordinary connections: from whom they came to each layer, and what named the caller."""
    shown: Counter[tuple[Layer, Address, str]] = Counter()
    for observation in part.plain:
        for one in observation.seen.wire:
            named = [f"PROXY v{version} of {address or 'nobody'}" for version, address in one.proxies or ()]
            named += [f"X-Forwarded-For: {', '.join(one.forwarded)}"] if one.forwarded else []
            shown[one.layer, one.source, f" with {', '.join(named)}" if named else ""] += 1
    return [
        f"captured packets came to the {_POINTS[layer]} from {owned(source, addresses)}{more}, "
        f"{count_of(number, 'connection')}"
        for (layer, source, more), number in shown.items()
    ]


_POINTS = {Layer.EDGE: "edge", Layer.LOAD_BALANCER: "load balancer", Layer.NODE: "node", Layer.GATEWAY: "Kong pod"}


def _parsed(texts: set[str]) -> list[Address]:
    return [address for text in sorted(texts) if (address := parse_address(text)) is not None]


def carried(part: Part, addresses: Addresses) -> list[str]:
    """In which header the caller's address reached Kong although it was not taken."""
    for observation in part.plain:
        if observation.seen.forwarded and any(
            addresses.senders.hold(address) for address in _parsed(set(observation.seen.forwarded))
        ):
            chain = ", ".join(observation.seen.forwarded)
            return [f"the echo was sent X-Forwarded-For: {chain} - the caller's address reached Kong in that header"]
    return []


def forged(observations: Sequence[Observation]) -> list[str]:
    """Which claims Kong believed."""
    lines = []
    for observation in observations:
        channel = observation.forged
        if channel is None:
            continue
        shown = f"a PROXY {observation.probe.preamble} header" if channel == PROXY_CHANNEL else channel
        lines.append(f"a probe claimed {observation.seen.logged} by {shown}, and Kong logged it")
    return list(dict.fromkeys(lines))


def wire(part: Part) -> list[str]:
    """What came of connections with and without a PROXY header."""
    shown: dict[str, str] = {}
    for observation in part.explanation.observations:
        preamble = observation.probe.preamble
        if preamble is not Preamble.NONE or observation.plain:
            label = "no PROXY header" if preamble is Preamble.NONE else f"PROXY {preamble}"
            shown.setdefault(label, described(observation.sent.outcome))
    return ["sent through the entry: " + "; ".join(f"{label} -> {end}" for label, end in shown.items())]


def turned_away(part: Part) -> list[str]:
    """What something before Kong answered, and where it leads to."""
    status = gathered.turned_away(part)
    if status is None:
        return []
    outcome = part.plain[0].sent.outcome
    location = outcome.header("Location") if isinstance(outcome, Answered) else None
    led = f", which leads to {location[:LONGEST_VALUE]}" if location else ""
    whole = count_of(len(part.plain), "ordinary connection")
    told = f"{len(part.plain)} of {whole} to {part.entry.name}: {status}{led}"
    return [f"{told}, and nothing says that Kong gave that answer", *hints(part)]


def hints(part: Part) -> list[str]:
    """Which edges and balancers the answers and what the echo was sent point to; no error of Kong's own counts."""
    found: dict[str, str] = {}
    for observation in part.plain:
        answer, outcome = observation.seen.answer, observation.sent.outcome
        if not isinstance(outcome, Answered) or answer is Answer.REJECTED:
            continue
        body = "" if answer is Answer.PASSED else outcome.body.decode("utf-8", "replace")
        request, host = observation.seen.carried or (), part.entry.host or ""
        for provider, told in hints_in(outcome.headers, body, request=request, host=host):
            found.setdefault(provider.name, told)
    return [f"{told}, which points to {name}" for name, told in found.items()]


def settings(kongs: Sequence[Kong]) -> list[str]:
    """What Kong's pods are told, equal ones together, and where that stands written."""
    told: dict[str, list[Kong]] = {}
    for kong in kongs:
        if kong.settings is not None:
            told.setdefault(setting(kong.settings), []).append(kong)
    return [f"{text} ({', '.join(kong.source for kong in pods[:3])})" for text, pods in told.items()]


def setting(told: Settings) -> str:
    """What one Kong is told."""
    trusted = ",".join(told.trusted_ips) or "nobody"
    recursive = "on" if told.real_ip_recursive else "off"
    flags = ", ".join(f"{one.port}{' proxy_protocol' if one.proxy_protocol else ''}" for one in told.listeners)
    return (
        f"Kong is told: trusted_ips {trusted}, real_ip_header {told.real_ip_header}, real_ip_recursive {recursive}, "
        f"listeners {flags}"
    )
