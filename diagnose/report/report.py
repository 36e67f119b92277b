"""The report as values: what every output format is rendered from. The keys of the JSON document follow these names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from diagnose.errors import FINDINGS, PRESERVED, UNDETERMINED
from diagnose.path.traffic import Layer

if TYPE_CHECKING:  # what a site is made of is much to load for what only shows
    from diagnose.site import Gap


class Verdict(StrEnum):
    """What became of the caller's address; the order is from worst to best."""

    UNREACHABLE = "unreachable"
    LOST = "lost"
    SPOOFABLE = "spoofable"
    UNDETERMINED = "undetermined"
    PRESERVED = "preserved"


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Status(StrEnum):
    """What a hop does with the caller's address."""

    KEEPS = "keeps"
    REWRITES = "rewrites"
    DROPS = "drops"
    RESTORES = "restores"
    REFUSES = "refuses"
    UNKNOWN = "unknown"


Certainty = Literal["proven", "possible"]


@dataclass(frozen=True, slots=True)
class Culprit:
    """A hop at fault, and whether it is so in every world that remains or only in some."""

    layer: Layer
    behaviour: str
    code: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Rung:
    """One hop of the path as drawn. Addresses are None where nobody saw them."""

    layer: Layer
    name: str
    behaviour: str | None
    source_in: str | None
    source_out: str | None
    status: Status


@dataclass(frozen=True, slots=True)
class RemedyStep:
    """One thing to apply, to be pasted: ``kind`` is kubectl, helm, kong (settings), manifest, balancer, or note."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change that was applied to every world that remains and predicted again.

    ``sufficient`` only if in each of them the address is then preserved and not forgeable; None where there was no
    traffic, and so no world to try it on. ``effects`` are its side effects, a sentence each.
    """

    summary: str
    sufficient: bool | None
    steps: tuple[RemedyStep, ...]
    effects: tuple[str, ...] = ()

    @property
    def worth(self) -> str:
        """What to call it."""
        return "First step, which alone does not suffice" if self.sufficient is False else "Remedy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the catalogue, found: why it is believed, and what to do.

    ``suppressed`` tells that the user knows of it: it is told, and does not enter the exit status.
    """

    code: str
    name: str
    layer: Layer
    severity: Severity
    title: str
    because: tuple[str, ...]
    remedy: Remedy | None = None
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Connections that share entry, address, family and scheme, and where they differ pod and node.

    ``missable`` is the share of bad connections that as many as went through the entry would have missed with a
    probability of 5 %; None where none did. ``beside`` tells that callers do not take that way: it does not enter the
    verdict, and neither do groups of ``vantage`` inside.
    """

    entry: str
    address: str
    family: int
    scheme: str
    pod: str | None
    node: str | None
    connections: int
    verdict: Verdict
    culprits: tuple[Culprit, ...]
    logged: tuple[tuple[str, int], ...] = ()  # (address Kong logged, connections), most frequent first
    vantage: str = "outside"
    missable: float | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The addresses that the caller may rightly appear as; empty where they are not known. ``source`` says how."""

    addresses: tuple[str, ...]
    source: str
    vantage: str


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One line of the table of probes."""

    nonce: str
    entry: str
    vantage: str
    preamble: str
    claims: tuple[tuple[str, str], ...]
    outcome: str
    peer: str | None
    logged: str | None
    kong: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """The run itself: its id, kongip's version, and how long it took."""

    id: str
    version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run has to say.

    ``headline`` is the verdict in one line; ``site`` names what was diagnosed. ``not_needed`` are the kinds of probe
    that were not sent, as they would have told nothing more. ``fail_on`` is the least severity that makes the run fail.
    ``redacted`` tells that placeholders stand for addresses and names; ``traffic`` that probes were sent: what is read
    off objects alone has no verdict, and fails by its findings only.
    """

    verdict: Verdict
    headline: str
    site: str
    caller: Caller
    culprits: tuple[Culprit, ...]
    path: tuple[Rung, ...]
    findings: tuple[Finding, ...]
    groups: tuple[Group, ...]
    not_measured: tuple[Gap, ...]
    settled_by: tuple[str, ...]
    probes: tuple[ProbeRow, ...]
    run: Run
    not_needed: tuple[Gap, ...] = ()
    fail_on: Severity = Severity.ERROR
    redacted: bool = False
    traffic: bool = True

    @property
    def exit_status(self) -> int:
        """The exit status of the run: findings come before a verdict that is undetermined."""
        if any(self.failing(finding) for finding in self.findings):
            return FINDINGS
        return UNDETERMINED if self.traffic and self.verdict is Verdict.UNDETERMINED else PRESERVED

    def certainty(self, finding: Finding) -> Certainty | None:
        """How sure it is that ``finding``, one of its own, is to blame for the verdict; None where it is not blamed."""
        blamed = (one for one in self.culprits if (one.layer, one.code) == (finding.layer, finding.code))
        return next((one.certainty for one in blamed), None)

    def failing(self, finding: Finding) -> bool:
        """Whether ``finding``, which is one of its own, makes the run fail."""
        order = tuple(Severity)
        return not finding.suppressed and order.index(finding.severity) <= order.index(self.fail_on)
