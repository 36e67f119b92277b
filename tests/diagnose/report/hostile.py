"""Text from outside that would like to be more than text, in every place of a report that may hold such."""

from __future__ import annotations

from dataclasses import replace

from diagnose.path.traffic import Layer
from diagnose.report.report import Culprit, Finding, Remedy, RemedyStep, Report, Rung, Severity, Status
from diagnose.site import Gap
from tests.diagnose.report.reports import MIXED

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]x[/] \x9b31m \u202egnp.exe \u2066\r\nFAKE: preserved\x00"
MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>]]>&lt;b&#62; \"onload=x' </svg></style></pre></details>"
    "\n```\n# heading\n| a | b |\n![x](http://evil.test/x.png) [y](javascript:alert(1)) **b** _i_ ~~s~~ `c` $m$ "
    "<!-- c --> @someone #1 :bomb: www.evil.test http://evil.test a@evil.test \ufffe\uffff \ud800"
)
"""HTML, XML, SVG and Markdown."""


def spoilt(report: Report, hostile: str) -> Report:
    """``report`` with text from outside in every place that may hold such."""
    culprit = Culprit(Layer.NODE, hostile, "KIP301", "possible")
    rung = Rung(Layer.NODE, hostile, hostile, hostile, hostile, Status.REWRITES)
    step = RemedyStep("kubectl", f"kubectl patch {hostile}")
    remedy = Remedy(hostile, False, (step, RemedyStep("note", hostile), RemedyStep(hostile, hostile)), (hostile,))
    finding = Finding("KIP301", hostile, Layer.NODE, Severity.ERROR, hostile, (hostile,), remedy)
    group = replace(MIXED.groups[0], entry=hostile, address=hostile, pod=hostile, node=hostile, logged=((hostile, 1),))
    probe = replace(
        MIXED.probes[0],
        nonce=hostile,
        entry=hostile,
        preamble=hostile,
        claims=((hostile, hostile),),
        outcome=hostile,
        peer=hostile,
        logged=hostile,
        kong=hostile,
        why=hostile,
    )
    return replace(
        report,
        headline=hostile,
        site=hostile,
        caller=replace(report.caller, addresses=(hostile,), source=hostile),
        culprits=(culprit,),
        path=(rung, rung),
        findings=(finding,),
        groups=(group, replace(group, vantage="inside"), group),
        not_measured=(Gap(hostile, hostile),),
        settled_by=(hostile,),
        probes=(probe,),
        run=replace(report.run, id=hostile, version=hostile),
    )
