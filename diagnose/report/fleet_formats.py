"""The formats of several contexts together; only the one that is asked for is loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence

from diagnose.fleet import document
from diagnose.fleet.outcome import Outcome
from diagnose.report.formats import COLUMNS, line

FORMATS = ("text", "short", "json", "jsonl", "junit", "markdown")
"""All of one context, save the page, which is a whole one."""


def render(outcomes: Sequence[Outcome], form: str) -> str:
    """The contexts in one of ``FORMATS``. Text is without colour."""
    match form:
        case "json":
            return f"{json.dumps(document.document(outcomes), indent=2)}\n"
        case "jsonl":
            return "".join(line(document.line(one)) for one in outcomes)
        case "junit":
            from diagnose.report.junit import junit_of_several

            return junit_of_several(outcomes)
        case "markdown":
            from diagnose.report.markdown import markdown_of_several

            return markdown_of_several(outcomes)
        case "short":
            from diagnose.report.short import short_of_several

            return short_of_several(outcomes)
        case "text":
            from diagnose.report.fleet import text

            return text(outcomes, COLUMNS, coloured=False)
        case _:
            raise ValueError(f"{form!r} is none of {', '.join(FORMATS)}")
