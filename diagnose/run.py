"""The main job: gather all evidence, then judge it. This file calls; it does not contain."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from diagnose import __version__
from diagnose.conclude.conclude import Evidence, conclude
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, observe_all
from diagnose.explain.groups import Part, explain_all
from diagnose.explain.senders import Senders, find_senders
from diagnose.owners import Kind, Owner
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer, parse_address
from diagnose.plan import Planned, Planner
from diagnose.remedies import Place
from diagnose.report.report import Report, Run
from diagnose.site import Backend, Entry, EntryKind, Fact, Gap, Logs, Progress, Site
from probes.claims import Claims
from probes.outcome import Answered, Sent
from probes.probe import Preamble, Target, Vantage

ROUTE_WAIT = 15.0
"""Seconds that Kong is given to pick up the route to the echo."""

MORE_CONNECTIONS = 3
"""How many times the wanted number of connections is sent at most, while a ready Kong pod has not been seen."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. ``timeout`` is seconds for each step of one probe."""

    caller_ips: tuple[str, ...] = ()
    connections: int = 20
    timeout: float = 5.0
    kubectl: str = "kubectl"
    command: str = "kongip diagnose"


@dataclass(slots=True)
class Gathered:
    """Evidence as it comes in."""

    sent: list[tuple[Sent, Entry]] = field(default_factory=list)
    whys: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    logs: Logs = field(default_factory=Logs)
    problem: str | None = None


def diagnose(site: Site, options: Options, progress: Progress) -> Report:
    """The report on ``site``. Everything that the run makes there is removed when the site is left."""
    began = time.monotonic()
    run_id = secrets.token_hex(4)
    gathered = Gathered(gaps=list(site.gaps))
    backend = site.deploy([entry.host for entry in site.entries], progress)
    gathered.problem = backend.problem
    planner = Planner(backend.path, backend.secret, _claims(site, options))
    since = time.time()
    _gather_inside(site, backend, planner, gathered, options, progress)
    _gather_outside(site, planner, gathered, options, progress)
    progress("reading Kong's logs")
    gathered.logs = site.logs([sent.probe for sent, _ in gathered.sent], since)
    gathered.gaps += [Gap(f"the log of {pod}", why) for pod, why in gathered.logs.unread.items()]
    progress("explaining")
    evidence = _explain(site, backend, gathered, options, progress)
    return conclude(evidence, Run(run_id, __version__, round(time.monotonic() - began, 3)))


def _claims(site: Site, options: Options) -> Claims:
    named = {kong.settings.real_ip_header for kong in site.kongs if kong.settings is not None} - {"proxy_protocol"}
    return Claims(also=tuple(sorted(named)), avoid=tuple(options.caller_ips))


# Gathering


def _gather_inside(
    site: Site, backend: Backend, planner: Planner, gathered: Gathered, options: Options, progress: Progress
) -> None:
    """Kong's pods as the echo's place sees them: the route's readiness first, then one probe of every kind."""
    entries = [entry for entry in site.entries if entry.vantage is Vantage.INSIDE]
    if backend.problem or not entries:
        return
    progress("waiting for Kong to pick up the route to the echo")
    if not _await_route(site, entries, planner, options):
        gathered.problem = gathered.problem or (
            f"Kong did not pick up the route to the echo within {ROUTE_WAIT:.0f} seconds: is a controller running for "
            "its IngressClass, and does it watch the namespace?"
        )
    planned = [one for entry in entries for one in (*planner.plain(entry), *planner.kinds(entry))]
    progress(f"sending {len(planned)} probes to Kong's pods from inside")
    sent = site.send_inside([one.probe for one in planned], options.timeout)
    if sent is None:
        gathered.gaps.append(Gap("Kong's pods from inside the cluster", "no command could be run in the echo pod"))
        return
    _keep(gathered, planned, sent)


def _await_route(site: Site, entries: Sequence[Entry], planner: Planner, options: Options) -> bool:
    """Wait until every Kong pod passes a probe on to the echo, with or without a PROXY header."""
    waiting = {entry.name: entry for entry in entries}
    deadline = time.monotonic() + ROUTE_WAIT
    while waiting and time.monotonic() < deadline:
        knocks = [planner.knock(entry, preamble) for entry in waiting.values() for preamble in _KNOCKS]
        sent = site.send_inside([knock.probe for knock in knocks], options.timeout)
        if sent is None:
            return True  # nothing can be asked from inside: the probes from outside will tell
        for knock, one in zip(knocks, sent, strict=True):
            if isinstance(one.outcome, Answered) and one.outcome.status == 200:
                waiting.pop(knock.entry.name, None)
        if waiting:
            time.sleep(0.1)
    return not waiting


_KNOCKS = (Preamble.NONE, Preamble.V1_UNKNOWN)


def _gather_outside(site: Site, planner: Planner, gathered: Gathered, options: Options, progress: Progress) -> None:
    """Every kind of probe through every entry, then as many ordinary connections as were asked for."""
    from probes.send import send_all

    for entry in site.entries:
        if entry.vantage is not Vantage.OUTSIDE:
            continue
        planned = [*planner.plain(entry), *planner.kinds(entry)]
        progress(f"sending {len(planned)} kinds of probe through {entry.name}")
        sent = send_all([one.probe for one in planned], timeout=options.timeout)
        _keep(gathered, planned, sent)
        if not any(isinstance(one.outcome, Answered) for one in sent):
            continue  # nothing gets through: more of the same would only wait for more timeouts
        missing = _pods(site) - _reached(site, sent)
        batches = 0
        while batches == 0 or (missing and batches < MORE_CONNECTIONS):
            more = planner.plain(entry, options.connections - 1 if batches == 0 else options.connections)
            progress(f"sending {len(more)} ordinary connections through {entry.name}")
            sent = send_all([one.probe for one in more], timeout=options.timeout)
            _keep(gathered, more, sent)
            missing -= _reached(site, sent)
            batches += 1


def _pods(site: Site) -> set[str]:
    return {kong.name for kong in site.kongs if kong.ready}


def _reached(site: Site, sent: Iterable[Sent]) -> set[str]:
    """The pods that the echo names as its TCP peer; without an echo nobody can tell before the logs are read."""
    from diagnose.explain.evidence import echo_peer

    peers = {echo_peer(one) for one in sent}
    if peers == {None}:
        return _pods(site)
    return {kong.name for kong in site.kongs if kong.address in peers}


def _keep(gathered: Gathered, planned: Sequence[Planned], sent: Sequence[Sent]) -> None:
    gathered.sent += [(one, plan.entry) for plan, one in zip(planned, sent, strict=True)]
    gathered.whys |= {plan.probe.nonce: plan.why for plan in planned}


# Judging


def _explain(site: Site, backend: Backend, gathered: Gathered, options: Options, progress: Progress) -> Evidence:
    observations = observe_all(gathered.sent, gathered.logs, site.kongs, backend.secret)
    outside = [o for o in observations if o.entry.vantage is Vantage.OUTSIDE]
    inside = [o for o in observations if o.entry.vantage is Vantage.INSIDE]
    senders = find_senders(options.caller_ips, outside, site.inventory, site.caller_by_api())
    addresses = Addresses(site.inventory, senders)
    facts = {entry: (*site.facts, *_of_place(site, entry)) for entry in site.entries}
    inner = explain_all(inside, {}, site.kongs, _from_echo(site, inside))
    parts = explain_all(outside, facts, site.kongs, addresses)
    facts = _with_reach(site, parts, facts, progress)
    parts = explain_all(outside, facts, site.kongs, addresses)
    return Evidence(
        site=site.name,
        place=Place(options.kubectl, site.service),
        command=options.command,
        kongs=site.kongs,
        facts=facts,
        addresses=addresses,
        outside=parts,
        inside=inner,
        gaps=gathered.gaps,
        whys=gathered.whys,
        backend_problem=gathered.problem,
        lingering=backend.lingering,
        missing_rights=site.missing_rights,
        vantage=_vantage(site, outside),
    )


def _of_place(site: Site, entry: Entry) -> list[Fact]:
    """What the address itself tells of what stands before Kong: nothing before a node's own, no edge before Kong's own.

    kube-proxy answers on a node for whatever leads to a Service, so that no balancer is passed on the way there.
    """
    published = {one.address for one in site.entries if one.kind is EntryKind.SERVICE}
    node = next((owner for owner in _owners(site, entry.address) if owner.kind is Kind.NODE), None)
    nothing = frozenset({Proxying.PASSES_THROUGH.value})
    facts = []
    if node is not None:
        source = f"{entry.address} is an address of {node.name} itself ({node.source})"
        facts = [Fact(layer, nothing, source, certain=True) for layer in (Layer.EDGE, Layer.LOAD_BALANCER)]
    elif entry.kind is EntryKind.URL and entry.address in published:
        facts = [Fact(Layer.EDGE, nothing, f"{entry.address} is Kong's own published address", certain=True)]
    return facts


def _vantage(site: Site, outside: Sequence[Observation]) -> Vantage:
    """Inside where the caller's own socket has an address of the cluster."""
    own = {parse_address(o.sent.socket) for o in outside if o.sent.socket} - {None}
    kinds = {owner.kind for address in own if address is not None for owner in site.inventory.owners(address)}
    return Vantage.INSIDE if kinds & {Kind.NODE, Kind.POD, Kind.POD_NETWORK} else Vantage.OUTSIDE


def _with_reach(
    site: Site, parts: Sequence[Part], facts: Mapping[Entry, tuple[Fact, ...]], progress: Progress
) -> dict[Entry, tuple[Fact, ...]]:
    """``facts``, and for each entry where it matters what a ladder of SYNs tells of the balancer."""
    unsettled = {part.entry for part in parts if _open(part)}
    return {
        entry: (*known, *_forwards(site, entry, progress)) if entry in unsettled else known
        for entry, known in facts.items()
    }


def _open(part: Part) -> bool:
    """Whether it is open if the balancer of Kong's own Service forwards packets or proxies connections."""
    kinds = {hop.behaviour for case in part.explanation.cases for hop in case.world.hops if hop.layer is _BALANCER}
    return part.entry.kind is EntryKind.SERVICE and Proxying.PASSES_THROUGH in kinds and len(kinds) > 1


_BALANCER = Layer.LOAD_BALANCER


def _forwards(site: Site, entry: Entry, progress: Progress) -> list[Fact]:
    """Whether the first machine that a packet to the published address gets to is the very node of a Kong pod.

    Where the TTL runs out behind the published address, the error comes back in its name, or a node's: packets are
    forwarded from there. A pod in a network of its own is one hop behind its node; so where the connection comes about
    with a TTL of just one more, nothing stands before that node that could have ended or rewritten it.
    """
    from probes.reach import Connected, Expired, ladder, reach

    if any(owner.kind is Kind.NODE for kong in site.kongs for owner in _owners(site, kong.address)):
        return []  # a Kong on its node's own network answers from the node itself
    progress(f"asking how far packets to {entry.address} are forwarded")
    target = Target(entry.address, entry.port, entry.scheme, entry.host or entry.address)
    for ttl, rung in enumerate(ladder(target), start=1):
        if isinstance(rung, Expired) and _behind(site, entry, rung.by):
            if any(isinstance(reach(target, ttl + 1, REACH_WAIT), Connected) for _ in range(REACH_TRIES)):
                return [_forwarding(entry, ttl)]
            break
    return []


REACH_WAIT, REACH_TRIES = 0.5, 12


def _owners(site: Site, text: str) -> tuple[Owner, ...]:
    address = parse_address(text)
    return site.inventory.owners(address) if address is not None else ()


def _behind(site: Site, entry: Entry, by: str) -> bool:
    return by == entry.address or any(owner.kind is Kind.NODE for owner in _owners(site, by))


def _forwarding(entry: Entry, ttl: int) -> Fact:
    source = (
        f"packets to {entry.address}:{entry.port} with a TTL of {ttl} run out behind that address, and with {ttl + 1} "
        "they reach Kong: nothing stands before the node of Kong's pod that could have ended the connection"
    )
    return Fact(_BALANCER, frozenset({Proxying.PASSES_THROUGH.value}), source, certain=True)


def _from_echo(site: Site, inside: Sequence[Observation]) -> Addresses:
    """The caller of the inside experiment is the echo pod: what its sockets are bound to is all it may appear as."""
    sockets = sorted({o.sent.socket for o in inside if o.sent.socket})
    return Addresses(site.inventory, Senders(tuple(ip_network(text) for text in sockets), "the echo pod's sockets"))
