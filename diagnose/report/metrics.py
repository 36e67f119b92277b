"""Runs as metrics for Prometheus, in its text format, for the textfile collector of its node exporter.

The format: prometheus.io/docs/instrumenting/exposition_formats. What is not known has no sample: it is never 0.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diagnose.errors import USAGE, Stop
from diagnose.fleet.outcome import Outcome
from diagnose.report.harmless import harmless
from diagnose.report.report import Finding, Report, Verdict

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge: its name, what it tells, and a value for each set of labels."""

    name: str
    told: str
    samples: Sequence[tuple[Labels, float]]


def metrics(outcomes: Sequence[Outcome]) -> str:
    """The runs as text; every sample bears the context that it is of."""
    return "".join(f"{line}\n" for family in _families(outcomes) for line in _lines(family))


def _families(outcomes: Sequence[Outcome]) -> Iterator[Family]:
    probed = [(one, one.report) for one in outcomes if one.report is not None and one.report.traffic]
    known = [(one, report) for one, report in probed if report.verdict is not Verdict.UNDETERMINED]
    yield Family(
        "kongip_run_success",
        "Whether the run came to a report (1), or could not run (0).",
        [(_of(one), one.report is not None) for one in outcomes],
    )
    yield Family(
        "kongip_run_timestamp_seconds",
        "When the run ended, in seconds since 1970.",
        [(_of(one), one.ended) for one in outcomes],
    )
    yield Family("kongip_run_duration_seconds", "How long the run took.", [(_of(one), one.seconds) for one in outcomes])
    yield Family(
        "kongip_preserved",
        "Whether Kong logs the caller's address, which nobody can forge; without a sample where that is not known.",
        [(_of(one), report.verdict is Verdict.PRESERVED) for one, report in known],
    )
    yield Family(
        "kongip_verdict",
        "1 for the run's verdict, 0 for the others; without samples where nothing was sent.",
        [
            ({**_of(one), "verdict": verdict}, report.verdict is verdict)
            for one, report in probed
            for verdict in Verdict
        ],
    )
    yield Family(
        "kongip_finding",
        "How many findings of this sort the run has.",
        [sample for one in outcomes if one.report is not None for sample in _findings(one, one.report)],
    )


def _of(outcome: Outcome) -> Labels:
    return {"context": outcome.context}


def _findings(outcome: Outcome, report: Report) -> Iterator[tuple[Labels, float]]:
    counted = Counter(tuple(_sort(finding, report).items()) for finding in report.findings)
    yield from (({**_of(outcome), **dict(sort)}, number) for sort, number in counted.items())


def _sort(finding: Finding, report: Report) -> dict[str, str]:
    """What tells findings apart. A certainty have only those that are to blame for the verdict."""
    return {
        "code": finding.code,
        "name": finding.name,
        "layer": finding.layer,
        "severity": finding.severity,
        "certainty": report.certainty(finding) or "",
        "suppressed": str(finding.suppressed).lower(),
    }


def _lines(family: Family) -> Iterator[str]:
    if family.samples:
        yield f"# HELP {family.name} {family.told}"
        yield f"# TYPE {family.name} gauge"
    for labels, value in family.samples:
        told = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{family.name}{{{told}}} {value:.16g}"


def _escaped(text: str) -> str:
    """A label's value within its quotes."""
    return harmless(text).replace("\\", r"\\").replace('"', r"\"")


def check(path: str) -> None:
    """Stop with status 2, before anything is sent, where ``write`` could not put a file at ``path``."""
    place = Path(path)
    folder = place.resolve().parent
    if place.exists() and not place.is_file():
        raise Stop(f"{path} is no ordinary file.", "It would be replaced: name one that may be.", USAGE)
    if not folder.is_dir():
        raise Stop(f"{path} cannot be written: there is no folder {folder}.", "Make it, or name another.", USAGE)
    if not os.access(folder, os.W_OK):
        raise Stop(f"{path} cannot be written: you may not make files in {folder}.", "Name another folder.", USAGE)


def write(outcomes: Iterable[Outcome], path: str) -> None:
    """Put the runs at ``path`` at once: who reads it sees all of it, or all of what was there before."""
    place = Path(path).resolve()
    made = place.with_name(f".{place.name}.{secrets.token_hex(4)}")  # collectors read *.prom alone
    try:
        made.write_text(metrics(tuple(outcomes)), "utf-8")
        made.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            made.unlink(missing_ok=True)
        raise Stop(f"The metrics could not be written to {path}: {error.strerror}.", "Make room for it.") from error
