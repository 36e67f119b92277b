"""A lab as the main job sees it: the same protocol as a cluster's, on loopback addresses."""

from __future__ import annotations

import contextlib
import errno
import random
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Self

from diagnose.errors import USAGE, Stop
from diagnose.installation import Installation
from diagnose.lab.balancer import Balancer, Mode
from diagnose.lab.echo import EchoPod
from diagnose.lab.gateway import Gateway, Route
from diagnose.lab.kong_log import escaped
from diagnose.lab.labs import BALANCER, BRIDGES, CALLER, ECHO, KONGS, LABS, NODES, PODS, Lab
from diagnose.lab.node import Node
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.traffic import Layer
from diagnose.providers.provider import Match
from diagnose.report.report import Finding
from diagnose.site import (
    PREAMBLE_AS_REQUEST,
    AccessLine,
    Backend,
    Complaint,
    Entry,
    EntryKind,
    Fact,
    Gap,
    Kong,
    Logs,
    Progress,
)
from probes.outcome import Sent
from probes.probe import PROXY_CHANNEL, Probe, Vantage

SERVICE = "kong/kong-proxy"

KONG_PORT = 8000
"""Where Kong listens by default; another port is taken where something of this machine listens there."""

PORTS_TRIED = 20

BETWEEN_NODES = 2
"""Rounds that the next node takes longer to follow its Service's policy."""


class LabSite:
    """One lab, open: its servers listen until the context is left."""

    def __init__(self, lab: Lab) -> None:
        self.name = f"lab {lab.name}"
        self.service: str | None = SERVICE
        self.installation: Installation | None = None
        self.providers: Mapping[str, Match] = {}
        self.gaps: Sequence[Gap] = ()
        self.missing_rights: Sequence[str] = ()
        self.leftovers: Sequence[str] = ()
        self.inventory = _inventory()
        self.facts: Sequence[Fact] = tuple(_facts(lab.balancer, lab.policy))
        self._lab = lab
        self._round = 1
        self._nodes: dict[str, Node] = {}
        self._open = contextlib.ExitStack()
        try:
            self._gateways = _start_gateways(lab, self._open)
            published = self._start_way(lab)
        except BaseException:
            self._open.close()
            raise
        self.kongs: Sequence[Kong] = tuple(
            Kong(KONGS[node], PODS[node], node, True, gateway.settings, f"the lab's pod {KONGS[node]}")
            for node, gateway in self._gateways.items()
        )
        [port, *_] = next(iter(self._gateways.values())).ports
        name = f"Service {SERVICE}"
        self.entries: Sequence[Entry] = (
            Entry(EntryKind.SERVICE, name, BALANCER, published, "http", listener=port),
            *(
                Entry(EntryKind.POD, f"pod {kong.name}", kong.address, port, "http", None, port, Vantage.INSIDE)
                for kong in self.kongs
            ),
        )

    def _start_way(self, lab: Lab) -> int:
        """Start the nodes and the balancer; the port that the balancer is published at."""
        for name, address in NODES.items():
            self._nodes[name] = Node(address, _sources(name, self._pods(), lab.policy)).start()
            self._open.callback(self._nodes[name].close)
        backends = [(node.address, node.port) for node in self._nodes.values()]
        balancer = Balancer(BALANCER, lab.balancer, backends).start()
        self._open.callback(balancer.close)
        return balancer.port

    def _pods(self) -> dict[str, tuple[str, int]]:
        return {node: (gateway.address, gateway.ports[0]) for node, gateway in self._gateways.items()}

    def __enter__(self) -> Self:
        """The site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every server."""
        self.remove()

    def deploy(self, progress: Progress) -> Backend:
        """Start the echo and lead a route to it."""
        progress("starting the echo")
        prefix, secret = f"/kongip-{secrets.token_hex(16)}", secrets.token_hex(16)
        echo = EchoPod(ECHO, secret).start()
        self._open.callback(echo.close)
        for gateway in self._gateways.values():
            gateway.route = Route(prefix, (ECHO, echo.port))
        return Backend(prefix, secret)

    def refresh(self) -> bool:
        """Let the next round of a watch begin, in which the lab may be cured; the echo stays."""
        self._round += 1
        if self._lab.cured_in is None:
            return True
        for late, (name, node) in enumerate(self._nodes.items()):
            if self._round == self._lab.cured_in + late * BETWEEN_NODES:
                node.deliver(_sources(name, self._pods(), "Local"))
                self.facts = tuple(_facts(self._lab.balancer, "Local"))
        return True

    def send_inside(self, probes: Sequence[Probe], timeout: float) -> list[Sent] | None:
        """Send probes from the echo's address."""
        from probes.send import send_all

        return send_all(probes, timeout, ECHO)

    def echo_problem(self) -> str | None:
        """None: the echo runs in this process."""
        return None

    def logs(self, probes: Sequence[Probe], since: float) -> Logs:
        """What the gateways' logs say of ``probes``, and whom they refused, at or after ``since``."""
        access: dict[str, tuple[AccessLine, ...]] = {}
        complaints: list[Complaint] = []
        for node, gateway in self._gateways.items():
            name = KONGS[node]
            for line in gateway.log.access:
                if line.time < since:
                    continue
                read = AccessLine(name, line.address, line.status, escaped(line.request), line.request_id)
                probe = next((one for one in probes if _is_of(one, read.request)), None)
                if probe is not None:
                    access[probe.nonce] = (*access.get(probe.nonce, ()), read)
                elif read.status == 400 and read.request.startswith(("PROXY ", "\\x00")):
                    complaints.append(Complaint(name, PREAMBLE_AS_REQUEST, read.address, read.request, line.time))
            complaints += [
                Complaint(name, line.kind, line.client, line.quoted or "", line.time)
                for line in gateway.log.errors
                if line.time >= since
            ]
        return Logs(access, tuple(complaints))

    def caller_by_api(self) -> str | None:
        """The caller's address as a server on its own machine sees it."""
        return CALLER

    def unprobed(self) -> Sequence[str]:
        """None: all ways into a lab are entries."""
        return ()

    def configured(self) -> Sequence[Finding]:
        """None: a lab has no objects."""
        return ()

    def remove(self) -> None:
        """Close every server."""
        self._open.close()


def open_lab(name: str) -> LabSite:
    """The lab of that name, its servers listening. Stop for a name that no lab has, and where loopback will not do."""
    lab = LABS.get(name)
    if lab is None:
        near = get_close_matches(name, LABS, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(LABS)}."
        raise Stop(f"There is no lab {name or repr(name)}.", hint, USAGE)
    if sys.platform != "linux":
        raise Stop("The labs need the whole of 127.0.0.0/8 on loopback.", "Run them on Linux.")
    _check_loopback()
    try:
        return LabSite(lab)
    except OSError as error:
        raise Stop(f"The lab's servers cannot listen: {error.strerror}.", _NEEDS) from error


_NEEDS = "It needs the whole of 127.0.0.0/8 on a loopback interface that is up, and a few ports and open files."


def _check_loopback() -> None:
    """Stop if a client's ordinary socket would not get to the balancer, or not from the caller's address.

    Nothing is sent: connecting a datagram socket only asks the kernel for the way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((BALANCER, KONG_PORT))
        except OSError as error:
            raise Stop(f"No way leads to the lab's address {BALANCER}: {error.strerror}.", _NEEDS) from error
        came = asking.getsockname()[0]
    if came != CALLER:
        raise Stop(f"Sockets get to the lab's address {BALANCER} from {came}, not from {CALLER}.", _NEEDS)


def _start_gateways(lab: Lab, opened: contextlib.ExitStack) -> dict[str, Gateway]:
    """A Kong for each node, all on the same port of their own addresses. OSError where none is to be had."""
    ports = [KONG_PORT, *random.sample(range(20000, 30000), PORTS_TRIED)]
    for port in ports:
        with contextlib.ExitStack() as started:
            gateways = {}
            try:
                for node, address in PODS.items():
                    gateways[node] = Gateway(address, lab.settings(port))
                    started.callback(gateways[node].close)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or port == ports[-1]:
                    raise
                continue
            opened.push(started.pop_all())
            return gateways
    raise AssertionError("the last port either worked or raised")


def _is_of(probe: Probe, request: str) -> bool:
    """Whether a logged request is the probe's: by its path, or by what its PROXY header claims."""
    claimed = probe.claim(PROXY_CHANNEL)
    words = request.split(" ")
    return probe.path in request or (
        claimed is not None and words[0] == "PROXY" and claimed in words and str(probe.claimed_port) in words
    )


def _sources(node: str, pods: dict[str, tuple[str, int]], policy: str) -> dict[tuple[str, int], str | None]:
    """The pods that a node hands connections to, and the address that it then puts in the caller's place."""
    if policy == "Local":
        return {pods[node]: None}
    return {pod: BRIDGES[node] if other == node else NODES[node] for other, pod in pods.items()}


def _facts(balancer: Mode, policy: str) -> Iterator[Fact]:
    keeps = "keeps_source" if policy == "Local" else "masquerades"
    yield Fact(Layer.NODE, frozenset({keeps}), f"Service {SERVICE} has externalTrafficPolicy {policy}")
    if balancer is Mode.FORWARDS:
        told = "the lab's balancer only forwards packets"
        yield Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), told, certain=True)


def _inventory() -> Inventory:
    owned = [
        (CALLER, Owner(Kind.CALLER, "this machine", "the lab's caller")),
        (BALANCER, Owner(Kind.BALANCER, "load balancer", f"Service {SERVICE} status.loadBalancer")),
        (ECHO, Owner(Kind.POD, "the echo pod", "the lab")),
    ]
    for node, address in NODES.items():
        owned.append((address, Owner(Kind.NODE, f"node {node}", f"Node {node} status.addresses InternalIP")))
        owned.append((BRIDGES[node], Owner(Kind.NODE, f"node {node}'s pod bridge", f"Node {node} spec.podCIDR")))
        owned.append((PODS[node], Owner(Kind.POD, f"pod {KONGS[node]}", f"Pod {KONGS[node]} status.podIP")))
    return Inventory.of(owned)
