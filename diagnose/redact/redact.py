"""Redact: a report, or the record of a run and its report, with placeholders for what tells whose they are."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

from diagnose.evidence.record import Place, Record, Seen, Shot
from diagnose.evidence.secrets import proven_anew
from diagnose.owners import Kind, Owner
from diagnose.path.settings import Listener
from diagnose.path.traffic import Address, parse_address
from diagnose.providers.provider import Mode, Provider
from diagnose.redact.addresses import KEPT, Network, Renumbering, written_in
from diagnose.redact.names import Names, names_in, names_in_command
from diagnose.report.report import Caller, Culprit, Finding, Group, ProbeRow, RemedyStep, Report, Run, Rung
from diagnose.site import Complaint, Entry, Fact
from probes.outcome import Reset, Sent, TimedOut
from probes.probe import Claim, Probe, Target

AS_THEY_ARE: dict[type, frozenset[str]] = {
    Caller: frozenset({"vantage"}),
    Claim: frozenset({"channel"}),
    Complaint: frozenset({"kind"}),
    Culprit: frozenset({"behaviour", "code", "certainty"}),
    Entry: frozenset({"scheme"}),
    Fact: frozenset({"behaviours"}),
    Finding: frozenset({"code", "name", "title"}),
    Group: frozenset({"scheme", "vantage"}),
    Probe: frozenset({"nonce", "path"}),
    ProbeRow: frozenset({"nonce", "preamble", "vantage"}),
    RemedyStep: frozenset({"kind"}),
    Reset: frozenset({"phase"}),
    Rung: frozenset({"behaviour"}),
    Seen: frozenset({"nonce"}),
    Target: frozenset({"scheme"}),
    TimedOut: frozenset({"phase"}),
}
"""Fields whose text is kongip's own."""

_OWN = (Run, Provider, Mode, Listener, Enum)
"""Values of which all is kongip's own."""

_OWN_CONTEXT = re.compile(r"(?<![\w-])context-1(?![\w-])")

_Value = TypeVar("_Value")


def redacted(record: Record, report: Report) -> tuple[Record, Report]:
    """Both with the same placeholders: the same address or name has the same one wherever it stands.

    What explains the record stays what it was, so that it can be explained anew. What has placeholders keeps them.
    """
    if record.redacted:
        return record, report
    record = _without_bytes(record)
    change = _change([record, report], [*_names_of(record), *_names_told(report)], record.asked.command)
    return _owned(record, change), dataclasses.replace(change(report), redacted=True)


def redacted_report(report: Report, command: str) -> Report:
    """A report without the record of a run; ``command`` is the command line that it came from."""
    return dataclasses.replace(_change([report], _names_told(report), command)(report), redacted=True)


def of_context(report: Report, number: int) -> Report:
    """A redacted ``report`` as that of the ``number``-th context of several: its own has the first placeholder."""
    told: Report = _mapped(report, lambda text: _OWN_CONTEXT.sub(f"context-{number}", text), lambda network: network)
    return told


def _change(values: list[Any], names: Iterable[tuple[str, str]], command: str) -> Callable[[_Value], _Value]:
    """What puts placeholders into any of ``values``."""
    texts = [text for value in values for text in _texts(value)]
    networks = [one for value in values for one in _networks(value)]
    renumbering = Renumbering([*networks, *(one for text in texts for one in written_in(text))])
    told = [*names_in_command(command), *names, *(one for text in texts for one in names_in(text))]
    placeholders = Names((kind, name) for kind, name in told if parse_address(name) is None)

    def of_text(text: str) -> str:
        return placeholders.text(renumbering.text(text))

    return lambda value: _mapped(value, of_text, renumbering.of)


def _names_of(record: Record) -> Iterator[tuple[str, str]]:
    """The names that stand in fields of their own."""
    place = record.place
    full_names = [("service", place.service), *(("pod", kong.name) for kong in place.kongs)]
    for kind, full_name in full_names:
        namespace, _, name = (full_name or "").rpartition("/")
        yield from (("namespace", namespace), (kind, name))
    yield from (("node", kong.node) for kong in place.kongs if kong.node)
    yield from (("host", way.entry.host) for way in record.ways if way.entry.host)
    if place.installation is not None:
        yield "namespace", place.installation.namespace
        yield "name", (place.installation.name or "").rpartition("/")[2]
    yield from (("certificate", shot.sent.certificate) for shot in record.shots if shot.sent.certificate)


def _names_told(report: Report) -> Iterator[tuple[str, str]]:
    """The names that a report has in fields of their own, and the context or file that was diagnosed."""
    for full_name in (*(group.pod for group in report.groups), *(probe.kong for probe in report.probes)):
        namespace, _, name = (full_name or "").rpartition("/")
        yield from (("namespace", namespace), ("pod", name))
    yield from (("node", group.node) for group in report.groups if group.node)
    _, within, context = report.site.rpartition(" in ")
    if within:
        yield "context", context
    elif "/" in report.site and " " not in report.site:
        yield "file", report.site


def _mapped(value: Any, text: Callable[[str], str], network: Callable[[Network], Network]) -> Any:
    """``value`` with another text for each text in it, and another network for each network."""
    if value is None or isinstance(value, (*_OWN, bool, int, float)):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return text(value.decode("latin-1")).encode("latin-1")
    if isinstance(value, (IPv4Network, IPv6Network)):
        return network(value)
    if isinstance(value, (tuple, frozenset)):
        return type(value)(_mapped(one, text, network) for one in value)
    if isinstance(value, Mapping):
        return {text(key): _mapped(one, text, network) for key, one in value.items()}
    kept = AS_THEY_ARE.get(type(value), frozenset())
    changes = {
        field.name: _mapped(getattr(value, field.name), text, network)
        for field in dataclasses.fields(value)
        if field.name not in kept
    }
    return dataclasses.replace(value, **changes)


def _texts(value: Any) -> Iterator[str]:
    seen: list[str] = []

    def see(text: str) -> str:
        seen.append(text)
        return text

    _mapped(value, see, lambda network: network)
    return iter(seen)


def _networks(value: Any) -> Iterator[Network]:
    seen: list[Network] = []

    def see(network: Network) -> Network:
        seen.append(network)
        return network

    _mapped(value, lambda text: text, see)
    return iter(seen)


def _without_bytes(record: Record) -> Record:
    """Of what Kong's log quotes only the nonces: a PROXY header of version 2 has addresses in it as bytes."""
    nonces = [shot.sent.probe.nonce for shot in record.shots]

    def nonces_in(text: str) -> str:
        return " ".join(nonce for nonce in nonces if nonce in text)

    access = {
        nonce: tuple(dataclasses.replace(line, request=nonces_in(line.request)) for line in lines)
        for nonce, lines in record.logs.access.items()
    }
    complaints = tuple(dataclasses.replace(one, excerpt=nonces_in(one.excerpt)) for one in record.logs.complaints)
    logs = dataclasses.replace(record.logs, access=access, complaints=complaints)
    return dataclasses.replace(record, logs=logs)


def _owned(record: Record, change: Callable[[Any], Any]) -> Record:
    """``record`` with placeholders, and with owners for what an address of its own kind told before.

    A placeholder is neither public nor loopback: that the caller's socket has a public address, and that an address is
    of the loopback range, is written down instead.
    """
    new: Record = change(record)
    further = tuple((change(ip_network(address)), change(owner)) for address, owner in _by_kind(record))
    inventory = dataclasses.replace(new.place.inventory, ranges=(*new.place.inventory.ranges, *further))
    place: Place = dataclasses.replace(new.place, inventory=inventory)
    shots = tuple(_proven_anew(*both) for both in zip(record.shots, new.shots, strict=True))
    return dataclasses.replace(new, place=place, shots=shots, redacted=True)


def _proven_anew(before: Shot, after: Shot) -> Shot:
    outcome = proven_anew(before.sent.outcome, after.sent.outcome)
    return dataclasses.replace(after, sent=dataclasses.replace(after.sent, outcome=outcome))


def _by_kind(record: Record) -> Iterator[tuple[Address, Owner]]:
    inventory = record.place.inventory
    for address in _addresses(shot.sent for shot in record.shots):
        if address.is_global and not inventory.owners(address):
            yield address, Owner(Kind.CALLER, "the caller", "a public address on the caller's own socket")
    kept = {owner for network, owner in inventory.ranges if network in KEPT and network.num_addresses > 1}
    for network in {one for text in _texts(record) for one in written_in(text)}:
        if network.num_addresses == 1 and network.network_address.is_loopback and network not in KEPT:
            owners = inventory.owners(network.network_address)
            yield from ((network.network_address, owner) for owner in owners if owner in kept)


def _addresses(sent: Iterable[Sent]) -> list[Address]:
    read = {parse_address(one.socket) for one in sent if one.socket}
    return sorted((address for address in read if address is not None), key=str)
