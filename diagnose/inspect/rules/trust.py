"""Whom Kong is told to trust: everyone, nobody, or one address family of the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from diagnose.inspect.found import Found, note
from diagnose.inspect.kongs import Kong
from diagnose.inspect.ways import Way
from diagnose.path.listens import PROXY_PROTOCOL
from diagnose.path.settings import DEFAULT_REAL_IP_HEADER
from diagnose.path.trust import UNIX, Network, read_network

WHOM_TO_TRUST = note(
    "Trust the addresses from which Kong is connected to, and no others: the balancer's subnets; under "
    "externalTrafficPolicy: Cluster also the nodes' subnet."
)


def trusted_networks(trusted_ips: Iterable[str]) -> list[Network]:
    """The networks of trusted_ips."""
    return [read_network(text) for text in trusted_ips if text != UNIX]


def everyone_in(trusted_ips: Iterable[str]) -> frozenset[int]:
    """The families (4, 6) of which every address is trusted, in however many pieces."""
    networks = trusted_networks(trusted_ips)
    four = list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))
    six = list(collapse_addresses(one for one in networks if isinstance(one, IPv6Network)))
    whole: list[Network] = [*four, *six]
    return frozenset(one.version for one in whole if one.prefixlen == 0)


def everyone(kong: Kong) -> Iterator[Found]:
    """Everyone is trusted; with real_ip_recursive the client itself then chooses the address."""
    settings = kong.settings
    if settings is None or not everyone_in(settings.trusted_ips or ()) or settings.real_ip_header is None:
        return
    if settings.real_ip_recursive is None and settings.real_ip_header != PROXY_PROTOCOL:
        return  # that tells which of the two it is
    told = kong.told("KONG_TRUSTED_IPS", "")
    if settings.real_ip_recursive and settings.real_ip_header != PROXY_PROTOCOL:
        recursive = kong.told("KONG_REAL_IP_RECURSIVE", "has real_ip_recursive on")
        why = "of a list that is trusted as a whole Kong takes the first element, which the client wrote"
        yield Found("KIP717", (told, recursive, kong.reads, why), "trust the hops before Kong alone", (WHOM_TO_TRUST,))
        return
    yield Found(
        "KIP716",
        (told, kong.reads, _means(settings.real_ip_header)),
        "trust the hops before Kong alone",
        (WHOM_TO_TRUST,),
    )


def _means(header: str) -> str:
    if header == PROXY_PROTOCOL:
        return "whoever can connect to a listener with proxy_protocol can name any client in a PROXY header"
    return "whoever can connect to Kong can name any client in that header"


def one_family(way: Way) -> Iterator[Found]:
    """Everyone is trusted in one family, nobody in the other, and Kong listens to the other."""
    for kong in way.kongs:
        trusted_ips = (kong.settings.trusted_ips if kong.settings else None) or ()
        families = everyone_in(trusted_ips)
        if len(families) != 1:
            continue
        lacking = 6 if 4 in families else 4
        trusted = any(one.version == lacking for one in trusted_networks(trusted_ips))
        listening = [one.text for one in kong.listens if one.six == (lacking == 6)]
        if trusted or not listening or way.families == frozenset({10 - lacking}):
            continue
        told = kong.told("KONG_TRUSTED_IPS", "")
        why = f"Kong also listens on {listening[0]}, and believes nobody who comes by IPv{lacking}"
        yield Found("KIP718", (told, why), f"name the trusted IPv{lacking} addresses as well", (WHOM_TO_TRUST,))


def header_without_trust(kong: Kong) -> Iterator[Found]:
    """A header is named, and nobody is trusted to write it: nginx's realip module then does nothing."""
    told = kong.header_told()
    if told is None or not kong.sees_nobody() or kong.settings is None:
        return
    if kong.settings.real_ip_header in (PROXY_PROTOCOL, DEFAULT_REAL_IP_HEADER):
        return  # told by the rules on the PROXY protocol, or no more than what holds anyway
    nobody = kong.told("KONG_TRUSTED_IPS", "has no KONG_TRUSTED_IPS, so Kong trusts nobody")
    yield Found("KIP712", (str(told), nobody), "trust whoever writes that header", (WHOM_TO_TRUST,))


def proxy_not_expected(kong: Kong) -> Iterator[Found]:
    """real_ip_header is proxy_protocol, and no listener reads a PROXY header."""
    if kong.settings is None or kong.settings.real_ip_header != PROXY_PROTOCOL or not kong.listens:
        return
    if any(one.demands_proxy for one in kong.listens):
        return
    yield Found(
        "KIP708",
        (str(kong.header_told()), f"{kong.told_listen} (no entry has proxy_protocol)"),
        "add proxy_protocol to every listener that the balancer leads to",
        kong.expecting_proxy(kong.listens),
        ("The balancer has to send PROXY headers from that moment on: a listener with the flag closes all others.",),
    )


def proxy_address_discarded(kong: Kong) -> Iterator[Found]:
    """A listener demands the PROXY header, and what it says is not used. No header has to do with those of streams."""
    flagged = [one for one in (*kong.listens, *kong.streams) if one.demands_proxy]
    if kong.settings is None or not flagged:
        return
    demanded = f"{kong.telling(flagged[0])} (port {flagged[0].port} demands a PROXY header)"
    if kong.sees_nobody():
        nobody = kong.told("KONG_TRUSTED_IPS", "has no KONG_TRUSTED_IPS, so Kong trusts nobody")
        yield Found("KIP709", (demanded, nobody), "trust whoever sends the PROXY header", (WHOM_TO_TRUST,))
    elif flagged[0] in kong.listens and kong.header_told() is None and not kong.header_open:
        step = kong.step(REAL_IP_HEADER=PROXY_PROTOCOL)
        yield Found("KIP709", (demanded, kong.reads), "let Kong take the address of the PROXY header", (step,))


_AS_CLIENTS_WRITE = (
    "Kong goes on reading that header, in which a balancer that copies bytes leaves what the client wrote. Unless an "
    "edge before it overwrites the header, set real_ip_header to proxy_protocol."
)


def left_to_clients(kongs: Iterable[Kong]) -> tuple[str, ...]:
    """What is to be known of Kongs that read a header by themselves, once their balancer sends PROXY headers."""
    others = (kong for kong in kongs if kong.settings and kong.header_told() and not kong.reads_proxy)
    return tuple(dict.fromkeys(f"{kong.reads}: {_AS_CLIENTS_WRITE}" for kong in others))


def overlapping(one: Network, networks: Sequence[Network]) -> bool:
    """Whether any of ``networks`` shares an address with ``one``."""
    return any(other.version == one.version and other.overlaps(one) for other in networks)
