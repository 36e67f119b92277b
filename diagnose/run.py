"""The main job: have the echo deployed, then gather all evidence and judge it. This file calls; it does not contain."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnose.limit import Limit
from diagnose.site import Progress, Site

if TYPE_CHECKING:
    from diagnose.capture.files import CaptureFile
    from diagnose.evidence.record import Record
    from diagnose.report.report import Report


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. ``timeout`` is seconds for each step of one probe, ``limit`` is the whole run's."""

    caller_ips: tuple[str, ...] = ()
    connections: int = 20
    timeout: float = 5.0
    kubectl: str = "kubectl"
    command: str = "kongip diagnose"
    limit: Limit = field(default_factory=Limit)
    captures: tuple[CaptureFile, ...] = ()


def diagnose(site: Site, options: Options, progress: Progress) -> Report:
    """The report on ``site``. Everything that the run makes there is removed when the site is left."""
    return examine(site, options, progress)[1]


def examine(site: Site, options: Options, progress: Progress) -> tuple[Record, Report]:
    """All that can be seen at ``site``, of which nothing more is asked afterwards, and the report on it."""
    began = time.monotonic()
    backend = site.deploy(progress)
    from diagnose.one_round import one_round

    return one_round(site, backend, options, progress, began=began)
