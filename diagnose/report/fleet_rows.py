"""Several contexts as they are told: a row for each, with its verdict, the layer to blame, and what helps first."""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.fleet.outcome import Outcome
from diagnose.report.report import Severity, Verdict
from diagnose.report.signs import Signs

TITLES = ("context", "verdict", "at fault", "what helps first", "seconds")


def cells(outcome: Outcome, signs: Signs) -> tuple[str, str, str, str, str]:
    """The row of one."""
    verdict = f"{sign_of(outcome, signs)} {outcome.verdict}"
    return outcome.context, verdict, at_fault(outcome), first_help(outcome), f"{outcome.seconds:.1f}"


def sign_of(outcome: Outcome, signs: Signs) -> str:
    """The sign before its verdict; that it could not run is no better than a bad one."""
    return signs.bad if outcome.report is None else signs.of_verdict(outcome.report.verdict)


def worst_of(outcomes: Sequence[Outcome]) -> Outcome:
    """That with the worst verdict; what could not run comes before all."""
    order = list(Verdict)
    return min(outcomes, key=lambda one: -1 if one.report is None else order.index(one.report.verdict))


def at_fault(outcome: Outcome) -> str:
    """The layers to blame, each with how sure that is."""
    blamed = outcome.report.culprits if outcome.report is not None else ()
    return ", ".join(dict.fromkeys(f"{one.layer.replace('_', ' ')} ({one.certainty})" for one in blamed))


def first_help(outcome: Outcome) -> str:
    """Why there is no report; or the first finding that is not suppressed; or what would settle what is open.

    A finding to blame for the verdict comes before others, and what is only for information does not count.
    """
    report = outcome.report
    if report is None:
        return outcome.problem or ""
    told = [one for one in report.findings if not one.suppressed and one.severity is not Severity.INFO]
    first = next(iter((*filter(report.certainty, told), *told)), None)
    if first is not None:
        return f"{first.code} {first.name}{f': {first.remedy.summary}' if first.remedy is not None else ''}"
    return next(iter(report.settled_by), "")
