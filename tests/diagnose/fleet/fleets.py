"""Several contexts, one of each sort."""

from __future__ import annotations

from dataclasses import replace

from diagnose.fleet.outcome import Outcome
from diagnose.report.report import Report, Severity
from tests.diagnose.report.reports import LOST, PRESERVED, UNDETERMINED

UNREACHABLE = (
    "The API server https://192.0.2.9:6443 of context lab cannot be reached: no answer. Check the address in the "
    "kubeconfig, the network to it, and any VPN or tunnel it needs."
)


def ended(context: str, report: Report, seconds: float = 3.25) -> Outcome:
    return Outcome(context, report.exit_status, 1795867000.25, seconds, report)


def failed(context: str, problem: str = UNREACHABLE, status: int = 4) -> Outcome:
    return Outcome(context, status, 1795867000.25, 10.0, None, problem)


INSPECTED = replace(UNDETERMINED, traffic=False, settled_by=(), path=(), groups=(), probes=())
WARNED = replace(
    PRESERVED,
    findings=(replace(LOST.findings[0], severity=Severity.WARNING, remedy=None), *PRESERVED.findings),
)
FLEET = (
    ended("production-eu", PRESERVED),
    ended("production-us", LOST, 12.5),
    ended("staging", UNDETERMINED),
    failed("lab"),
)
