"""One round of the main job, once the echo stands: gather all evidence, then judge it."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from diagnose import __version__
from diagnose.capture.files import CaptureFile, read_all
from diagnose.capture.sightings import Sightings, awaited
from diagnose.conclude.conclude import conclude
from diagnose.conclude.gathered import Evidence
from diagnose.errors import USAGE, Stop
from diagnose.evidence.record import Asked, Echo, Place, Record, Seen, Shot, Way
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import observe_all
from diagnose.explain.senders import find_senders
from diagnose.explain.splitting import find_splits
from diagnose.gather import Gathering
from diagnose.judge import explained
from diagnose.owners import Kind
from diagnose.path.traffic import Layer, parse_address
from diagnose.plan import Planned, Planner, worth_sending
from diagnose.report.report import Report, Run
from diagnose.run import Options
from diagnose.site import Backend, Entry, Gap, Logs, Progress, Site
from diagnose.standing import known_of, with_reach
from probes.claims import Claims
from probes.outcome import Sent
from probes.probe import Vantage

OUT_OF_TIME = Gap("what was still to be sent", "the time of --timeout was over; probes were slow, or too many were due")


def one_round(
    site: Site,
    backend: Backend,
    options: Options,
    progress: Progress,
    *,
    began: float,
    inside: bool = True,
    last: bool = True,
) -> tuple[Record, Report]:
    """What ``examine`` gives, of a ``site`` whose echo stands; ``began`` is when the run did (time.monotonic).

    ``inside`` tells whether Kong's pods are probed from the echo's place, which waits for their routes. After the
    ``last`` round nothing is sent any more, so that what was made is removed while the logs are read and all that was
    seen is explained.
    """
    routed = backend.problem is None
    planner = Planner(backend.path, backend.secret, _claims(site, options), routed=routed)
    by_api = _once_told(site.caller_by_api)
    choose = functools.partial(_choose, site, backend, options, by_api)
    gathering = Gathering(site, planner, choose, options.timeout, progress, routed=routed)
    since = time.time()
    options.limit.gather(functools.partial(_gather, gathering, options.connections, inside=routed and inside))
    if options.limit.gathering_ended:
        gathering.gaps.append(OUT_OF_TIME)
    gathering.leave_out_what_cannot_be_sent_to()
    progress("reading Kong's logs")
    seen_at = by_api()
    with ThreadPoolExecutor(1) as beside:
        if last:
            beside.submit(site.remove)
        logs = site.logs([sent.probe for sent, _ in gathering.sent], since)
        wire = _wire(options.captures, site, gathering, progress)
        seen = _recorded(site, backend, gathering, logs, wire, seen_at, options)
        progress("explaining")
        record, evidence = _with_reach(site, seen, progress)
        run = replace(record.run, seconds=round(time.monotonic() - began, 3))
        return replace(record, run=run), conclude(evidence, run)


def _once_told(ask: Callable[[], str | None]) -> Callable[[], str | None]:
    """``ask``, which is not asked any more once it has told."""
    known: str | None = None

    def told() -> str | None:
        nonlocal known
        known = known or ask()
        return known

    return told


def _gather(gathering: Gathering, connections: int, *, inside: bool) -> None:
    if inside:
        gathering.inside()
    gathering.outside(connections)


def _with_reach(site: Site, record: Record, progress: Progress) -> tuple[Record, Evidence]:
    """``record`` with how far packets are forwarded, where what was seen so far leaves that open; what explains it."""
    evidence = explained(record)
    reached = with_reach(site, evidence.outside, record.facts, progress)
    if reached == record.facts:
        return record, evidence
    record = replace(record, ways=tuple(replace(way, facts=reached[way.entry]) for way in record.ways))
    return record, explained(record)


def _recorded(
    site: Site,
    backend: Backend,
    gathering: Gathering,
    logs: Logs,
    wire: Sightings,
    seen_at: str | None,
    options: Options,
) -> Record:
    entries = list(dict.fromkeys(site.entries))
    return Record(
        run=Run(secrets.token_hex(4), __version__, 0.0),
        asked=Asked(options.caller_ips, options.command, options.kubectl),
        place=Place(
            name=site.name,
            service=site.service,
            installation=site.installation,
            providers=dict(site.providers),
            kongs=tuple(site.kongs),
            inventory=site.inventory,
            by_api=seen_at,
            missing_rights=tuple(site.missing_rights),
            unprobed=tuple(site.unprobed()),
            configured=tuple(site.configured()),
        ),
        ways=tuple(Way(one, known_of(site, one), tuple(gathering.claims.get(one, ()))) for one in entries),
        shots=tuple(
            Shot(entries.index(entry), sent, gathering.whys.get(sent.probe.nonce, "")) for sent, entry in gathering.sent
        ),
        logs=logs,
        wire=tuple(Seen.of(nonce, one) for nonce, some in wire.items() for one in sorted(some, key=str)),
        echo=Echo(backend.secret, backend.problem or gathering.problem, backend.lingering, backend.wanted),
        gaps=tuple(gathering.gaps),
        spared=tuple(gathering.spared),
    )


def _claims(site: Site, options: Options) -> Claims:
    named = {kong.settings.real_ip_header for kong in site.kongs if kong.settings is not None} - {"proxy_protocol"}
    try:
        return Claims(also=tuple(sorted(named)), avoid=options.caller_ips)
    except ValueError as error:
        told = f"--caller-ip leaves no address that probes could claim: {error}."
        raise Stop(told, "Name the caller's own addresses more narrowly.", USAGE) from error


def _choose(
    site: Site,
    backend: Backend,
    options: Options,
    by_api: Callable[[], str | None],
    entry: Entry,
    sent: Sequence[Sent],
    left: Sequence[Planned],
) -> Sequence[Planned]:
    """Which kinds of probe to send next: all, unless what was seen already leaves some of them nothing to tell."""
    observations = observe_all([(one, entry) for one in sent], Logs(), site.kongs, backend.secret)
    told = list(dict.fromkeys(kong.settings for kong in site.kongs if kong.settings is not None))
    if len(told) != len({kong.settings for kong in site.kongs}) or not all(o.echoed for o in observations if o.plain):
        return left
    addresses = Addresses(site.inventory, find_senders(options.caller_ips, observations, site.inventory, by_api()))
    facts = known_of(site, entry)
    return worth_sending(left, find_splits(observations, facts, told, addresses, [one.probe for one in left]))


def _at_home(site: Site, socket: str) -> bool:
    """Whether a socket's address is that of a node, or of a pod."""
    address = parse_address(socket)
    owners = site.inventory.owners(address) if address is not None else ()
    return any(owner.kind in (Kind.NODE, Kind.POD, Kind.POD_NETWORK) for owner in owners)


def _wire(captures: Sequence[CaptureFile], site: Site, gathering: Gathering, progress: Progress) -> Sightings:
    """What packet captures that ran meanwhile show of the probes; one that shows none is told as not measured."""
    if not captures:
        return {}
    progress("reading captured packets")
    sent = [one for one, _ in gathering.sent if one.probe.vantage is Vantage.OUTSIDE]
    home = {one.socket for one in sent if one.socket and _at_home(site, one.socket)}
    try:
        found = awaited(lambda: read_all(captures)[0], sent, home)
    except Stop as stop:  # it could be read when the run began, whose probes shall not be lost over it
        gathering.gaps.append(Gap("what captures show of the probes", stop.what.rstrip(".")))
        return {}
    seen = {sighting.layer for sightings in found.values() for sighting in sightings}
    gathering.gaps += [
        Gap(f"the capture {file.path}", "it does not tell how probes came there: did it run meanwhile, on their way?")
        for file in captures
        if file.layer is not Layer.EGRESS and file.layer not in seen
    ]
    return found
