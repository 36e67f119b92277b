"""Where probes can be sent to: Kong's published addresses, what stands in front, the URLs of the user, Kong's pods."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from diagnose.cluster.fronts import Front, published_by
from diagnose.cluster.objects import at, full_name, name_of, namespace_of
from diagnose.cluster.ports import WebPort
from diagnose.cluster.replies import Object
from diagnose.errors import USAGE, Stop
from diagnose.hosts import host_name
from diagnose.path.traffic import parse_address
from diagnose.site import Entry, EntryKind, Fact, Gap, Kong
from probes.probe import Scheme, Vantage

Resolve = Callable[[str], tuple[str, ...]]
MOST_ADDRESSES = 8
"""Addresses of one published name that are probed; those of a balancer are alike, and each costs some thirty probes."""

DEFAULT_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries found, what could not be made one, and what is known of the way through some of them."""

    entries: tuple[Entry, ...]
    gaps: tuple[Gap, ...] = ()
    facts: tuple[Fact, ...] = ()


def resolve(name: str) -> tuple[str, ...]:
    """All addresses of a host name, none if it does not resolve; an address is its own."""
    if parse_address(name) is not None:
        return (name,)
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def some_addresses(what: str, addresses: Sequence[str]) -> tuple[Sequence[str], tuple[Gap, ...]]:
    """Those of a name's addresses that are probed, some of each family, and what is not probed of it."""
    if not addresses:
        return (), (Gap(what, "the name does not resolve here"),)
    six = [address for address in addresses if ":" in address][: MOST_ADDRESSES // 2]
    four = [address for address in addresses if ":" not in address][: MOST_ADDRESSES - len(six)]
    some = [address for address in addresses if address in {*four, *six}]
    left = len(addresses) - len(some)
    return some, (Gap(f"{left} of {len(addresses)} addresses of {what}", "so many are alike"),) if left else ()


def service_entries(service: Object, ports: Sequence[WebPort], host: str | None, lookup: Resolve) -> Entries:
    """The published addresses of Kong's Service: those of its load balancer and its external addresses."""
    entries: list[Entry] = []
    gaps: list[Gap] = []
    name = f"Service {full_name(service)}"
    for published in (*published_by(service), *(at(service, "spec", "externalIPs") or ())):
        addresses, unprobed = some_addresses(f"{name} at {published}", lookup(published))
        gaps.extend(unprobed)
        for address in addresses:
            for port in ports:
                entries.append(Entry(EntryKind.SERVICE, name, address, port.number, port.scheme, host, port.listener))
    return Entries(tuple(dict.fromkeys(entries)), tuple(gaps))


def front_entries(fronts: Iterable[Front], service: Object, ports: Sequence[WebPort], lookup: Resolve) -> Entries:
    """The addresses of what stands in front of Kong; what sends Kong only some paths is a gap."""
    entries: list[Entry] = []
    gaps: list[Gap] = []
    for front in fronts:
        if not front.whole:
            gaps.append(Gap(front.name, "it sends only some paths to Kong, and the echo's would not be among them"))
            continue
        if not front.published:
            gaps.append(Gap(front.name, "it has no published address yet"))
        for published in front.published:
            addresses, unprobed = some_addresses(f"{front.name} at {published}", lookup(published))
            gaps.extend(unprobed)
            entries.extend(
                Entry(
                    EntryKind.FRONT,
                    front.name,
                    address,
                    number,
                    scheme,
                    front.host.replace("*", "kongip", 1) if front.host else None,
                    listener_behind(service, front.service_port, ports),
                )
                for address in addresses
                for number, scheme in front.ports
            )
    return Entries(tuple(dict.fromkeys(entries)), tuple(gaps))


def listener_behind(service: Object, wanted: int | str | None, ports: Sequence[WebPort]) -> int | None:
    """The Kong port that a backend's port, a number or a name, of the Service leads to."""
    named = {port.get("name"): port.get("port") for port in at(service, "spec", "ports") or ()}
    number = named.get(wanted) if isinstance(wanted, str) else wanted
    return next((port.listener for port in ports if port.number == number), None)


def url_entries(urls: Iterable[str], host: str | None, lookup: Resolve) -> Entries:
    """An entry for each address of each ``--url``. Stop for a URL that is wrong or a name that does not resolve."""
    entries: list[Entry] = []
    for url in urls:
        scheme, name, port = parse_url(url)
        addresses = lookup(name)
        if not addresses:
            raise Stop(f"The host of --url {url} does not resolve.", "Check the name, or give an address and --host.")
        wanted = host or (None if parse_address(name) else name)
        entries.extend(Entry(EntryKind.URL, url, address, port, scheme, wanted) for address in addresses)
    return Entries(tuple(dict.fromkeys(entries)))


def parse_url(url: str, flag: str = "--url") -> tuple[Scheme, str, int]:
    """Scheme, host and port of the URL of a flag. Stop with status 2 where it is none that can be probed."""
    try:
        parts = urlsplit(url)
        port = parts.port
        name = parts.hostname and (parts.hostname if parse_address(parts.hostname) else host_name(parts.hostname))
    except ValueError:
        name, port, parts = None, None, urlsplit("")
    scheme: Scheme | None = "http" if parts.scheme == "http" else "https" if parts.scheme == "https" else None
    if scheme is None or not name or parts.path not in ("", "/") or parts.query or parts.username:
        raise Stop(f"{flag} {url} cannot be used.", "Write http://HOST or https://HOST, with :PORT if need be.", USAGE)
    return scheme, name, port or DEFAULT_PORTS[scheme]


def pod_entries(kongs: Iterable[Kong], ports: Sequence[WebPort], host: str | None) -> tuple[Entry, ...]:
    """Each Ready Kong pod by its own address, to be reached from inside; one entry for each of its listeners."""
    entries: list[Entry] = []
    for kong in kongs:
        if not kong.ready:
            continue
        for port in ports:
            if port.listener is not None:
                entries.append(
                    Entry(
                        EntryKind.POD,
                        f"pod {kong.name}",
                        kong.address,
                        port.listener,
                        port.scheme,
                        host,
                        port.listener,
                        Vantage.INSIDE,
                    )
                )
    return tuple(dict.fromkeys(entries))


def check_reachable(
    service: Object, ports: Sequence[WebPort], entries: Sequence[Entry], refused: str | None = None
) -> None:
    """Stop where there is no way in: no port that carries HTTP, or no published address (yet), or no node to go to.

    ``refused`` says why the nodes could not be read.
    """
    name = full_name(service)
    if not ports:
        remedy = "Name the proxy Service with --service NAMESPACE/NAME."
        raise Stop(f"No port of Service {name} leads to an HTTP listener of Kong's.", remedy)
    if any(entry.kind is not EntryKind.POD for entry in entries):
        return
    how = "or name the address that callers use with --url URL."
    if published_by(service):
        raise Stop(
            f"No published name of Service {name} resolves here: {', '.join(published_by(service))}.",
            f"Check DNS, {how}",
        )
    if at(service, "spec", "type") == "LoadBalancer":
        command = f"kubectl -n {namespace_of(service)} describe service {name_of(service)}"
        look = f"See what its load balancer waits for: {command}"
        raise Stop(f"Service {name} has no published address yet: its load balancer is pending.", f"{look} - {how}")
    kind = at(service, "spec", "type") or "ClusterIP"
    if kind == "NodePort":
        why = refused or "none of them is Ready, or none has a Ready pod of Kong's with externalTrafficPolicy: Local"
        raise Stop(
            f"Service {name} is of type NodePort, and no node is known to lead to it: {why}.",
            f"Check nodes and pods, {how}",
        )
    raise Stop(f"Service {name} is of type {kind} and publishes no address.", f"Make it a LoadBalancer, {how}")
