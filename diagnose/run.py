"""The main job: gather all evidence, then judge it. This file calls; it does not contain."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from diagnose import __version__
from diagnose.capture.files import CaptureFile, read_all
from diagnose.capture.sightings import Sightings, awaited
from diagnose.conclude.conclude import conclude
from diagnose.conclude.gathered import Evidence
from diagnose.errors import USAGE, Stop
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, observe_all
from diagnose.explain.groups import explain_all
from diagnose.explain.senders import Senders, find_senders
from diagnose.explain.splitting import find_splits
from diagnose.gather import Gathering
from diagnose.limit import Limit
from diagnose.owners import Kind
from diagnose.path.traffic import Layer, parse_address
from diagnose.plan import Planned, Planner, worth_sending
from diagnose.remedies.told import Place
from diagnose.report.report import Report, Run
from diagnose.site import Backend, Entry, Gap, Logs, Progress, Site
from diagnose.standing import known_of, with_reach
from probes.claims import Claims
from probes.outcome import Sent
from probes.probe import Vantage


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. ``timeout`` is seconds for each step of one probe, ``limit`` is the whole run's."""

    caller_ips: tuple[str, ...] = ()
    connections: int = 20
    timeout: float = 5.0
    kubectl: str = "kubectl"
    command: str = "kongip diagnose"
    limit: Limit = field(default_factory=Limit)
    captures: tuple[CaptureFile, ...] = ()


OUT_OF_TIME = Gap("what was still to be sent", "the time of --timeout was over; probes were slow, or too many were due")


BEHIND_KONG = "what Kong sends on, and which peer it has: the echo behind Kong tells both"


def diagnose(site: Site, options: Options, progress: Progress) -> Report:
    """The report on ``site``. Everything that the run makes there is removed when the site is left."""
    began = time.monotonic()
    backend = site.deploy([entry.host for entry in site.entries], progress)
    return one_round(site, backend, options, progress, began=began)


def one_round(
    site: Site, backend: Backend, options: Options, progress: Progress, *, began: float, inside: bool = True
) -> Report:
    """The report on ``site``, whose echo stands; ``began`` is when the run did (time.monotonic).

    ``inside`` tells whether Kong's pods are probed from the echo's place, which waits for their routes.
    """
    routed = backend.problem is None
    planner = Planner(backend.path, backend.secret, _claims(site, options), routed=routed)
    choose = functools.partial(_choose, site, backend, options)
    gathering = Gathering(site, planner, choose, options.timeout, progress, routed=routed)
    since = time.time()
    with options.limit.gathering():
        if routed and inside:
            gathering.inside()
        gathering.outside(options.connections)
    if options.limit.gathering_ended:
        gathering.gaps.append(OUT_OF_TIME)
    gathering.leave_out_what_cannot_be_sent_to()
    progress("reading Kong's logs")
    logs = site.logs([sent.probe for sent, _ in gathering.sent], since)
    wire = _wire(options.captures, gathering, progress)
    progress("explaining")
    evidence = _explain(site, backend, gathering, logs, wire, options, progress)
    return conclude(evidence, Run(secrets.token_hex(4), __version__, round(time.monotonic() - began, 3)))


def _claims(site: Site, options: Options) -> Claims:
    named = {kong.settings.real_ip_header for kong in site.kongs if kong.settings is not None} - {"proxy_protocol"}
    try:
        return Claims(also=tuple(sorted(named)), avoid=options.caller_ips)
    except ValueError as error:
        told = f"--caller-ip leaves no address that probes could claim: {error}."
        raise Stop(told, "Name the caller's own addresses more narrowly.", USAGE) from error


def _choose(
    site: Site, backend: Backend, options: Options, entry: Entry, sent: Sequence[Sent], left: Sequence[Planned]
) -> Sequence[Planned]:
    """Which kinds of probe to send next: all, unless what was seen already leaves some of them nothing to tell."""
    observations = observe_all([(one, entry) for one in sent], Logs(), site.kongs, backend.secret)
    told = list(dict.fromkeys(kong.settings for kong in site.kongs if kong.settings is not None))
    if len(told) != len({kong.settings for kong in site.kongs}) or not all(o.echoed for o in observations if o.plain):
        return left
    addresses = Addresses(
        site.inventory, find_senders(options.caller_ips, observations, site.inventory, site.caller_by_api())
    )
    facts = known_of(site, entry)
    return worth_sending(left, find_splits(observations, facts, told, addresses, [one.probe for one in left]))


def _wire(captures: Sequence[CaptureFile], gathering: Gathering, progress: Progress) -> Sightings:
    """What packet captures that ran meanwhile show of the probes; one that shows none is told as not measured."""
    if not captures:
        return {}
    progress("reading captured packets")
    sent = [one for one, _ in gathering.sent if one.probe.vantage is Vantage.OUTSIDE]
    found = awaited(lambda: read_all(captures)[0], sent)
    seen = {sighting.layer for sightings in found.values() for sighting in sightings}
    gathering.gaps += [
        Gap(f"the capture {file.path}", "none of the run's probes is in it: did it run meanwhile, on their way?")
        for file in captures
        if file.layer is not Layer.EGRESS and file.layer not in seen
    ]
    return found


def _explain(
    site: Site,
    backend: Backend,
    gathering: Gathering,
    logs: Logs,
    wire: Sightings,
    options: Options,
    progress: Progress,
) -> Evidence:
    observations = observe_all(gathering.sent, logs, site.kongs, backend.secret, wire)
    outside = [o for o in observations if o.entry.vantage is Vantage.OUTSIDE and not o.entry.beside]
    beside = [o for o in observations if o.entry.beside]
    inside = [o for o in observations if o.entry.vantage is Vantage.INSIDE]
    addresses = Addresses(
        site.inventory, find_senders(options.caller_ips, outside, site.inventory, site.caller_by_api())
    )
    facts = {entry: known_of(site, entry) for entry in site.entries}
    parts = explain_all(outside, facts, site.kongs, addresses, gathering.claims)
    reached = with_reach(site, parts, facts, progress)
    if reached != facts:
        parts = explain_all(outside, reached, site.kongs, addresses, gathering.claims)
    return Evidence(
        site=site.name,
        place=Place(options.kubectl, site.service, _proxy_listen(site), site.installation, twins=_twins(site)),
        command=options.command,
        kongs=site.kongs,
        facts=reached,
        providers=site.providers,
        addresses=addresses,
        outside=parts,
        inside=explain_all(inside, {}, site.kongs, _from_echo(site, inside), {}),
        beside=explain_all(beside, reached, site.kongs, addresses, {}),
        gaps=[
            *gathering.gaps,
            *([Gap(BEHIND_KONG, backend.problem)] if backend.problem and not backend.wanted else []),
            *(Gap(f"the log of {pod}", why) for pod, why in logs.unread.items()),
        ],
        whys=gathering.whys,
        claims=gathering.claims,
        spared=gathering.spared,
        backend_problem=(backend.problem or gathering.problem) if backend.wanted else None,
        lingering=backend.lingering,
        missing_rights=site.missing_rights,
        unprobed=site.unprobed(),
        configured=site.configured(),
        vantage=_vantage(site, outside),
    )


def _proxy_listen(site: Site) -> str | None:
    """What all of Kong's pods are told to listen on, None where that is not known or not one thing."""
    told = {kong.settings.proxy_listen if kong.settings is not None else None for kong in site.kongs}
    return told.pop() if len(told) == 1 else None


def _twins(site: Site) -> frozenset[str]:
    """The variables that decide in the place of Kong's own in some pod."""
    told = (kong.settings.twins for kong in site.kongs if kong.settings is not None)
    return frozenset[str]().union(*told)


def _vantage(site: Site, outside: Sequence[Observation]) -> Vantage:
    """Inside where the caller's own socket has an address of the cluster."""
    own = {parse_address(o.sent.socket) for o in outside if o.sent.socket} - {None}
    kinds = {owner.kind for address in own if address is not None for owner in site.inventory.owners(address)}
    return Vantage.INSIDE if kinds & {Kind.NODE, Kind.POD, Kind.POD_NETWORK} else Vantage.OUTSIDE


def _from_echo(site: Site, inside: Sequence[Observation]) -> Addresses:
    """The caller of the inside experiment is the echo pod: what its sockets are bound to is all it may appear as."""
    sockets = sorted({o.sent.socket for o in inside if o.sent.socket})
    return Addresses(site.inventory, Senders(tuple(ip_network(text) for text in sockets), "the echo pod's sockets"))
