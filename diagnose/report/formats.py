"""The formats of a report, each a pure function in a module of its own; only the one that is asked for is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diagnose.report.report import Report

FORMATS = ("text", "short", "json", "jsonl", "junit", "markdown", "html")

SUFFIXES = {".txt": "text", ".json": "json", ".jsonl": "jsonl", ".xml": "junit", ".md": "markdown", ".html": "html"}
"""The format that a file's name asks for."""

COLUMNS = 100
"""Of text that is written to a file."""


def render(report: Report, form: str) -> str:
    """``report`` in one of ``FORMATS``. Text is without colour, and shows every probe."""
    match form:
        case "json":
            from diagnose.report.document import document

            return f"{json.dumps(document(report), indent=2)}\n"
        case "jsonl":
            from diagnose.report.document import document

            return line(document(report))
        case "junit":
            from diagnose.report.junit import junit

            return junit(report)
        case "markdown":
            from diagnose.report.markdown import markdown

            return markdown(report)
        case "html":
            from diagnose.report.page import page

            return page(report)
        case "short":
            from diagnose.report.short import short

            return short(report)
        case "text":
            from diagnose.report.terminal import text

            return text(report, COLUMNS, coloured=False, verbose=True)
        case _:
            raise ValueError(f"{form!r} is none of {', '.join(FORMATS)}")


def line(document: Mapping[str, Any]) -> str:
    """A JSON document as one line, for streams of them."""
    return f"{json.dumps(document, separators=(',', ':'))}\n"
