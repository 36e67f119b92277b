"""Kong's side in the cluster: capture on the nodes of its pods while probes pass, and take all of it away again."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diagnose.capture.connections import Connection, Point, connections
from diagnose.capture.head import Carries, Head
from diagnose.cluster import capturing, rights
from diagnose.cluster.api import Api, connect
from diagnose.cluster.capturing import Capturing
from diagnose.cluster.kinds import CONFIG_MAP, JOB
from diagnose.cluster.objects import namespace_of
from diagnose.cluster.site import ClusterOptions, Surroundings, survey
from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Layer
from diagnose.plan import Planner
from diagnose.site import Entry, Progress
from probes.claims import Claims
from probes.outcome import Sent
from probes.probe import Vantage

SETTLING = 1.0
"""Seconds after the last answer in which a packet of it may still be written."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for: the cluster, how many probes through each entry, and that it may be done at all."""

    cluster: ClusterOptions
    each: int
    timeout: float
    consent: bool


def capture(asked: Asked, progress: Progress, complain: Callable[[str], None]) -> list[Connection]:
    """The connections of probes through every entry, as they came to the nodes of Kong's pods, and to these.

    Stop where the user did not consent, or a right is missing; then nothing was made.
    """
    api = connect(asked.cluster.context, asked.cluster.kubeconfig, asked.cluster.request_timeout)
    try:
        return _capture(api, asked, progress, complain)
    finally:
        api.close()


def _capture(api: Api, asked: Asked, progress: Progress, complain: Callable[[str], None]) -> list[Connection]:
    around = survey(api, asked.cluster)
    entries = [entry for entry in around.entries if entry.vantage is Vantage.OUTSIDE]
    namespace = asked.cluster.namespace or namespace_of(around.found.service)
    nodes = tuple(sorted({one.kong.node for one in around.pods if one.kong.ready and one.kong.node}))
    if not nodes:
        raise Stop("No node with a Ready Kong pod is known.", "Check the pods of Kong's Service.")
    if not asked.consent:
        raise Stop(
            f"To capture on {', '.join(nodes)}, a pod is put on each in namespace {namespace}, with the capability "
            "NET_RAW and in the node's own network; it is removed afterwards.",
            "Say that this is wanted with --yes.",
            USAGE,
        )
    places = rights.namespaces(namespace_of(around.found.service), namespace)
    lacking = rights.missing(api, rights.capturing((JOB, CONFIG_MAP)), places)
    if lacking:
        named = ", ".join(str(one.right) for one in lacking)
        raise Stop(f"Capturing takes the rights to {named}.", "Ask for them, or --namespace.")
    run = Capturing(secrets.token_hex(5), namespace, asked.cluster.image, nodes, _ports(around, entries))
    try:
        pods = capturing.start(api, run, asked.cluster.timeout, progress)
        sent = _send(entries, asked, progress)
        time.sleep(SETTLING)
        progress("reading what was captured")
        return [
            *(made for one in sent if (made := _departed(one)) is not None),
            *(one for node, pod in pods.items() for one in _read(capturing.collect(api, run, pod), node, around)),
        ]
    finally:
        for left in capturing.remove(api, run):
            complain(left)


def _ports(around: Surroundings, entries: Sequence[Entry]) -> tuple[int, ...]:
    """The ports that connections to Kong have on their way: published, of nodes, and Kong's own."""
    named = {entry.port for entry in around.entries}
    named |= {entry.listener for entry in entries if entry.listener is not None}
    for port in (around.found.service.get("spec") or {}).get("ports") or ():
        named |= {number for number in (port.get("port"), port.get("nodePort")) if isinstance(number, int)}
    return tuple(sorted(named))


def _send(entries: Sequence[Entry], asked: Asked, progress: Progress) -> list[Sent]:
    """Ordinary probes through every entry, to a path that no route has."""
    from probes.send import send_all

    planner = Planner(f"/kongip-{secrets.token_hex(16)}", "", Claims(), routed=False)
    planned = [one for entry in entries for one in planner.plain(entry, asked.each)]
    progress(f"sending {len(planned)} probes")
    return send_all([one.probe for one in planned], asked.timeout)


def _departed(sent: Sent) -> Connection | None:
    """The connection as its own socket knows it; its SYN nobody captured here."""
    if sent.socket is None or sent.port is None:
        return None
    clear = sent.probe.target.scheme == "http"
    head = Head(carries=Carries.HTTP if clear else Carries.TLS, request=f"GET {sent.probe.path}" if clear else None)
    target, here = sent.probe.target, Point("this machine", Layer.EGRESS)
    return Connection(here, sent.started, sent.socket, sent.port, target.address, target.port, None, None, head)


def _read(captured: bytes, node: str, around: Surroundings) -> Iterator[Connection]:
    """The connections in a node's capture: those to a Kong pod's own address came to Kong, the others to the node."""
    from probes.packets.reading import read

    pods = {one.kong.address for one in around.pods}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "packets.pcap"
        file.write_bytes(captured)
        for one in connections(read(file), Point(f"node {node}", Layer.NODE)):
            to_kong = one.destination in pods
            yield replace(one, point=Point(f"node {node}, to Kong's pod", Layer.GATEWAY)) if to_kong else one
