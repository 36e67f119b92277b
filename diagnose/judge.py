"""Judge: from what a run saw to what it has to say. Nothing is asked of anybody here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

from diagnose.conclude.conclude import conclude
from diagnose.conclude.gathered import Evidence
from diagnose.evidence.record import Place, Record
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, observe_all
from diagnose.explain.groups import explain_all
from diagnose.explain.senders import Senders, find_senders
from diagnose.owners import Kind
from diagnose.path.traffic import parse_address
from diagnose.remedies import told
from diagnose.report.report import Report
from diagnose.site import Gap
from probes.probe import Vantage

BEHIND_KONG = "what Kong sends on, and which peer it has: the echo behind Kong tells both"


def judge(record: Record) -> Report:
    """The report on what was seen: the same for the same record, whenever and wherever."""
    return replace(conclude(explained(record), record.run), redacted=record.redacted)


def explained(record: Record) -> Evidence:
    """What was seen, and what explains it."""
    place, facts, echo = record.place, record.facts, record.echo
    observations = observe_all(record.sent, record.logs, place.kongs, record.echo.secret, record.sightings)
    outside = [o for o in observations if o.entry.vantage is Vantage.OUTSIDE and not o.entry.beside]
    beside = [o for o in observations if o.entry.beside]
    inside = [o for o in observations if o.entry.vantage is Vantage.INSIDE]
    senders = find_senders(record.asked.caller_ips, outside, place.inventory, place.by_api)
    addresses = Addresses(place.inventory, senders)
    return Evidence(
        site=place.name,
        place=told.Place(
            record.asked.kubectl, place.service, _proxy_listen(place), place.installation, twins=_twins(place)
        ),
        command=record.asked.command,
        kongs=place.kongs,
        facts=facts,
        providers=place.providers,
        addresses=addresses,
        outside=explain_all(outside, facts, place.kongs, addresses, record.claims),
        inside=explain_all(inside, {}, place.kongs, _from_echo(place, inside), {}),
        beside=explain_all(beside, facts, place.kongs, addresses, {}),
        gaps=[
            *record.gaps,
            *([Gap(BEHIND_KONG, echo.problem)] if echo.problem and not echo.wanted else []),
            *(Gap(f"the log of {pod}", why) for pod, why in record.logs.unread.items()),
        ],
        whys={shot.sent.probe.nonce: shot.why for shot in record.shots},
        claims=record.claims,
        spared=record.spared,
        backend_problem=echo.problem if echo.wanted else None,
        lingering=echo.lingering,
        missing_rights=place.missing_rights,
        unprobed=place.unprobed,
        configured=place.configured,
        vantage=_vantage(place, outside),
    )


def _proxy_listen(place: Place) -> str | None:
    """What all of Kong's pods are told to listen on, None where that is not known or not one thing."""
    listens = {kong.settings.proxy_listen if kong.settings is not None else None for kong in place.kongs}
    return listens.pop() if len(listens) == 1 else None


def _twins(place: Place) -> frozenset[str]:
    """The variables that decide in the place of Kong's own in some pod."""
    twins = (kong.settings.twins for kong in place.kongs if kong.settings is not None)
    return frozenset[str]().union(*twins)


def _vantage(place: Place, outside: Sequence[Observation]) -> Vantage:
    """Inside where the caller's own socket has an address of the cluster."""
    own = {parse_address(o.sent.socket) for o in outside if o.sent.socket} - {None}
    kinds = {owner.kind for address in own if address is not None for owner in place.inventory.owners(address)}
    return Vantage.INSIDE if kinds & {Kind.NODE, Kind.POD, Kind.POD_NETWORK} else Vantage.OUTSIDE


def _from_echo(place: Place, inside: Sequence[Observation]) -> Addresses:
    """The caller of the inside experiment is the echo pod: what its sockets are bound to is all it may appear as."""
    sockets = sorted({o.sent.socket for o in inside if o.sent.socket})
    return Addresses(place.inventory, Senders(tuple(ip_network(text) for text in sockets), "the echo pod's sockets"))
