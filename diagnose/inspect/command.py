"""The command inspect: objects in, a report without probes out."""

from __future__ import annotations

import secrets
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from diagnose import __version__
from diagnose.counting import count_of
from diagnose.errors import Stop
from diagnose.inspect.judge import Judged, judge
from diagnose.inspect.manifests import STANDARD_INPUT, read_manifests
from diagnose.remedies.forms import kubectl_for
from diagnose.report.report import Caller, Finding, Report, Run, Severity, Verdict
from diagnose.site import Gap

NO_TRAFFIC = Gap("what becomes of the caller's address", "inspect sends nothing; kongip diagnose does")


def inspect(options: Namespace) -> Report:
    """The report on the objects that the flags name. Stop where they cannot be read, or hold no Kong."""
    began = time.monotonic()
    judged, site, gaps = _of_file(options.file) if options.file is not None else _of_cluster(options)
    if not judged.kongs and not judged.ways:
        raise Stop(
            f"No Kong was found in {site}: no workload runs Kong as a gateway, and no Service is named or labelled as "
            "Kong's proxy.",
            "Name what kubectl get or helm template print for Kong.",
        )
    run = Run(secrets.token_hex(4), __version__, round(time.monotonic() - began, 3))
    return as_report(judged, site, gaps, run)


def as_report(judged: Judged, site: str, gaps: Sequence[Gap], run: Run) -> Report:
    """What was found, as a report whose verdict is undetermined: objects do not show what traffic does."""
    return Report(
        verdict=Verdict.UNDETERMINED,
        headline=f"undetermined, since nothing was sent: {_counted(judged.findings)} in {site}",
        site=site,
        caller=Caller((), "nothing was sent", "outside"),
        culprits=(),
        path=(),
        findings=judged.findings,
        groups=(),
        not_measured=(NO_TRAFFIC, *gaps, *judged.gaps),
        settled_by=(),
        probes=(),
        run=run,
        traffic=False,
    )


def _counted(findings: Sequence[Finding]) -> str:
    counted = Counter(finding.severity for finding in findings)
    words = [count_of(counted[one], one) for one in Severity if counted[one]]
    return ", ".join(words) or "nothing wrong was found"


def _of_file(name: str) -> tuple[Judged, str, tuple[Gap, ...]]:
    manifests = read_manifests(name)
    site = "standard input" if name == STANDARD_INPUT else name
    return judge(manifests.snapshot), site, manifests.gaps


def _of_cluster(options: Namespace) -> tuple[Judged, str, tuple[Gap, ...]]:
    from diagnose.cluster.api import connect
    from diagnose.inspect.live import read_cluster

    api = connect(options.context, options.kubeconfig)
    try:
        reading = read_cluster(api, options.service, options.ingress_class, options.namespace)
    finally:
        api.close()
    judged = judge(reading.snapshot, reading.contents, kubectl_for(options.context), reading.installation)
    return judged, f"{reading.service} in {api.context}", reading.gaps
