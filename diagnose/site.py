"""What the main job needs of the place it runs against: a cluster or an embedded lab, behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from diagnose.installation import Installation
from diagnose.owners import Inventory
from diagnose.path.settings import Settings
from diagnose.path.traffic import Layer
from probes.outcome import Sent
from probes.probe import Probe, Scheme, Vantage

if TYPE_CHECKING:
    from diagnose.providers.provider import Match
    from diagnose.report.report import Finding


class EntryKind(StrEnum):
    """How an entry is known."""

    SERVICE = "service"  # a published address of Kong's own Service
    FRONT = "front"  # an address of an Ingress or Gateway of another class whose backend is Kong's Service
    URL = "url"  # named by the user
    NODE = "node"  # a port of a node, which leads to Kong by a NodePort, a hostPort or Kong's own hostNetwork
    POD = "pod"  # one Kong pod, reached from inside
    DIRECT = "direct"  # Kong's own listener, named by the user: nothing stands before it


@dataclass(frozen=True, slots=True)
class Entry:
    """Where probes are sent to. ``listener`` is the Kong port that it ends on, None where that is not known.

    ``beside`` tells that callers do not take this way: what is seen there is told, and does not enter the verdict.
    ``kongs`` names the only Kong pods that it leads to, None where it may be any.
    """

    kind: EntryKind
    name: str
    address: str
    port: int
    scheme: Scheme
    host: str | None = None
    listener: int | None = None
    vantage: Vantage = Vantage.OUTSIDE
    beside: bool = False
    kongs: tuple[str, ...] | None = None

    def may_reach(self, kong: Kong) -> bool:
        """Whether it may lead to that pod."""
        return self.kongs is None or kong.name in self.kongs


@dataclass(frozen=True, slots=True)
class Kong:
    """One Kong pod or process. ``settings`` is None where they could not be read; ``source`` tells where they stand."""

    name: str
    address: str
    node: str | None
    ready: bool
    settings: Settings | None
    source: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of a hop without traffic.

    ``behaviours`` are those the fact allows. ``certain`` facts exclude other behaviours; the rest only order the worlds
    and turn into a finding when traffic contradicts them. ``entry`` is the name of the entries that it is told of, None
    for all.
    """

    layer: Layer
    behaviours: frozenset[str]
    source: str
    certain: bool = False
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not measured, and why."""

    what: str
    why: str


PREAMBLE_AS_REQUEST = "PROXY header as request"
"""The kind of complaint that stands for an access-log line whose request is a PROXY header, refused with 400."""


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One line of a Kong pod's access log that carries a probe's path or a PROXY header of ours.

    ``identifier`` is the id that Kong gave the request and tells in its answer, None where the line does not tell it.
    """

    kong: str
    address: str
    status: int
    request: str
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """One line of a Kong pod's log about a connection it refused; ``client`` is its TCP peer.

    ``kind`` is nginx's, such as "broken header", or ``PREAMBLE_AS_REQUEST`` for an access-log line whose request is a
    PROXY header. ``excerpt`` is what nginx quotes, which tells what was sent; ``time`` is seconds since the epoch by
    the API server's stamp, or None.
    """

    kong: str
    kind: str
    client: str
    excerpt: str
    time: float | None


@dataclass(frozen=True, slots=True)
class Logs:
    """What Kong's logs say of a run. ``access`` maps a probe's nonce to its lines; ``unread`` maps a pod to why not.

    ``foreign`` maps the nonce of a probe that only a line of unknown form names to the pod: it came there, so much is
    known.
    """

    access: Mapping[str, tuple[AccessLine, ...]] = field(default_factory=dict)
    complaints: tuple[Complaint, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backend:
    """The echo backend as deployed: ``path`` is the unguessable prefix of its route, ``secret`` what it answers to.

    ``problem`` is None when the pod runs; otherwise it says in one sentence what keeps it from running. ``lingering``
    says what a killed run would leave behind, None where Kubernetes removes it. ``wanted`` is False where nobody asked
    for an echo, so that to have none is no fault.
    """

    path: str
    secret: str
    problem: str | None = None
    lingering: str | None = None
    wanted: bool = True


Progress = Callable[[str], None]
"""Takes one line that says what is awaited or done."""


class Site(Protocol):
    """One Kong and its surroundings. A site is a context manager: leaving it removes all that it made."""

    name: str
    service: str | None  # Kong's proxy Service as namespace/name, None outside Kubernetes
    missing_rights: Sequence[str]  # what the caller may not do, known once ``deploy`` has asked
    leftovers: Sequence[str]  # what ``remove`` could not remove, a sentence each

    @property
    def installation(self) -> Installation | None:
        """How Kong was installed, None where nothing tells."""

    @property
    def providers(self) -> Mapping[str, Match]:
        """Whose the balancer of an entry is, by the entry's name, where that is known."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Where probes are sent to."""

    @property
    def kongs(self) -> Sequence[Kong]:
        """Kong's pods or processes."""

    @property
    def inventory(self) -> Inventory:
        """Whose the addresses are that may be seen."""

    @property
    def facts(self) -> Sequence[Fact]:
        """What is known of the hops before Kong."""

    @property
    def gaps(self) -> Sequence[Gap]:
        """What could not be read."""

    def deploy(self, progress: Progress) -> Backend:
        """Make the echo and a route to it for the host of each entry (None: any host), and wait until its pod runs."""

    def refresh(self) -> bool:
        """Read again what may have changed in a site that is watched; whether the echo is still there.

        Stop where it cannot be read; what was known before then still stands.
        """

    def send_inside(self, probes: Sequence[Probe], timeout: float) -> list[Sent] | None:
        """Send probes from the echo pod, in order; None where there is no inside vantage."""

    def echo_problem(self) -> str | None:
        """What keeps the echo itself from answering, in one sentence; None where nothing is known to."""

    def logs(self, probes: Sequence[Probe], since: float) -> Logs:
        """What Kong's logs say of ``probes``, sent at or after ``since`` (seconds since the epoch)."""

    def caller_by_api(self) -> str | None:
        """The caller's address as the API server saw it, or None."""

    def unprobed(self) -> Sequence[str]:
        """Ways to Kong that were found and to which no probe is sent, a sentence each."""

    def configured(self) -> Sequence[Finding]:
        """What is wrong in the objects that make up Kong and its surroundings, whatever the traffic shows."""

    def remove(self) -> None:
        """Remove all that the run made. Safe to call twice."""

    def __enter__(self) -> Self:
        """The site itself."""

    def __exit__(self, *_: object) -> None:
        """Remove all that the run made, however it ended."""
