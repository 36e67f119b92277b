"""Kong's side in the cluster: capture there while probes pass, and take all of it away again."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from diagnose.capture.connections import Connection, Point, connections
from diagnose.capture.head import Carries, Head
from diagnose.cluster import ephemeral, rights
from diagnose.cluster.api import Api, connect
from diagnose.cluster.capturing import Capturing
from diagnose.cluster.ephemeral import Attaching
from diagnose.cluster.locate import locate
from diagnose.cluster.objects import namespace_of
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.replies import Object
from diagnose.cluster.survey import Surroundings, survey
from diagnose.counting import count_of
from diagnose.errors import USAGE, Stop
from diagnose.path.traffic import Layer
from diagnose.plan import Planner
from diagnose.site import Entry, Progress
from probes.claims import Claims
from probes.outcome import Sent
from probes.probe import Vantage
from probes.sniffing import MOST_BYTES

SETTLING = 1.0
"""Seconds after the last answer in which a packet of it may still be written."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for: the cluster, how many probes through each entry, and that it may be done at all.

    ``ephemeral`` is for containers within Kong's pods in place of pods on their nodes.
    """

    cluster: ClusterOptions
    each: int
    timeout: float
    consent: bool
    ephemeral: bool = False


class Tap(Protocol):
    """What captures on Kong's side: it is told before it is agreed to, started, read, and taken away again."""

    @property
    def plan(self) -> str:
        """What is going to be made, for who has to agree to it."""

    @property
    def needs(self) -> tuple[rights.Need, ...]:
        """The rights that it takes."""

    def start(self, api: Api, timeout: float, progress: Progress) -> Mapping[Point, Object]:
        """The pod that captures at each point, once all listen. Stop where one does not in ``timeout`` seconds."""

    def collect(self, api: Api, pod: Object) -> bytes:
        """What was captured in a pod so far, as pcap. Stop where it cannot be asked."""

    def remove(self, api: Api) -> tuple[str, ...]:
        """Take away all that the run made, and say what is left."""


def capture(asked: Asked, progress: Progress, complain: Callable[[str], None]) -> list[Connection]:
    """The connections of probes through every entry, as they came to Kong's pods, and to their nodes.

    Stop where the user did not consent, or a right is missing; then nothing was made.
    """
    api = connect(asked.cluster.context, asked.cluster.kubeconfig, asked.cluster.request_timeout)
    try:
        return _capture(api, asked, progress, complain)
    finally:
        api.close()


def _capture(api: Api, asked: Asked, progress: Progress, complain: Callable[[str], None]) -> list[Connection]:
    around = survey(api, asked.cluster, locate(api, asked.cluster))
    entries = [entry for entry in around.entries if entry.vantage is Vantage.OUTSIDE]
    kong = namespace_of(around.found.service)
    tap = _tap(api, asked, around, _ports(around, entries))
    if not asked.consent:
        raise Stop(tap.plan, "Say that this is wanted with --yes.", USAGE)
    places = rights.namespaces(kong, asked.cluster.namespace or kong)
    if lacking := [str(one.right) for one in rights.missing(api, tap.needs, places) if one.need.vital]:
        raise Stop(f"Capturing takes the rights to {', '.join(lacking)}.", "Ask for them; kongip rbac prints them.")
    try:
        pods = tap.start(api, asked.cluster.timeout, progress)
        sent = _send(entries, asked, progress)
        time.sleep(SETTLING)
        progress("reading what was captured")
        seen = [made for one in sent if (made := _departed(one)) is not None]
        for point, pod in pods.items():
            captured = tap.collect(api, pod)
            if len(captured) >= MOST_BYTES:
                complain(f"the capture of {point.name} is full: what came there later is not in it")
            seen += _read(captured, point, {one.kong.address for one in around.pods})
        return seen
    finally:
        for left in tap.remove(api):
            complain(left)


def _tap(api: Api, asked: Asked, around: Surroundings, ports: tuple[int, ...]) -> Tap:
    """What is to capture. Stop where no pod of Kong's is Ready, or the API does not offer what was asked for."""
    ready = [one for one in around.pods if one.kong.ready and one.kong.node]
    if not ready:
        raise Stop("No node with a Ready Kong pod is known.", "Check the pods of Kong's Service.")
    run, image = secrets.token_hex(5), asked.cluster.image
    if asked.ephemeral:
        if ephemeral.offered(api) is False:
            raise Stop("This cluster's API offers no ephemeral containers: Kubernetes 1.23 does.", ephemeral.WITHOUT)
        return Attaching(run, image, tuple(one.pod for one in ready), ports)
    namespace = asked.cluster.namespace or namespace_of(around.found.service)
    return Capturing(run, namespace, image, tuple(sorted({str(one.kong.node) for one in ready})), ports)


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
    progress(f"sending {count_of(len(planned), 'probe')}")
    return send_all([one.probe for one in planned], asked.timeout)


def _departed(sent: Sent) -> Connection | None:
    """The connection as its own socket knows it; its SYN nobody captured here."""
    if sent.socket is None or sent.port is None:
        return None
    clear = sent.probe.target.scheme == "http"
    head = Head(carries=Carries.HTTP if clear else Carries.TLS, request=f"GET {sent.probe.path}" if clear else None)
    target, here = sent.probe.target, Point("this machine", Layer.EGRESS)
    return Connection(here, sent.started, sent.socket, sent.port, target.address, target.port, None, None, head)


def _read(captured: bytes, point: Point, pods: Set[str]) -> Iterator[Connection]:
    """The connections in a capture: at a node, those to the address of one of Kong's ``pods`` came to Kong."""
    from probes.packets.reading import read

    to_pod = Point(f"{point.name}, to Kong's pod", Layer.GATEWAY)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "packets.pcap"
        file.write_bytes(captured)
        for one in connections(read(file), point):
            yield replace(one, point=to_pod) if point.layer is Layer.NODE and one.destination in pods else one
