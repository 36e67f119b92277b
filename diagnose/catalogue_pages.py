"""The pages of docs/findings: one a fault, and their index."""

from __future__ import annotations

from inspect import cleandoc

from diagnose.catalogue import FAULTS, RETIRED
from diagnose.catalogue.fault import Fault

FOLDER = "docs/findings"
"""Where the pages lie, from the root of a checkout."""

INDEX = "README.md"


def page(fault: Fault) -> str:
    """One fault as Markdown."""
    return "\n".join(
        (
            f"# {fault.code} {fault.name}",
            "",
            f"{_opening(fault.title)}.",
            "",
            f"Severity: {fault.severity}. Layer: {_spoken(fault)}.",
            "",
            "## Why it happens",
            "",
            cleandoc(fault.why),
            "",
            "## How it is told from its neighbours",
            "",
            cleandoc(fault.tell_apart),
            "",
            "## What helps",
            "",
            cleandoc(fault.cure),
            "",
        )
    )


def page_of(code: str) -> str:
    """The page of a code that is in use or was."""
    if code in RETIRED:
        return f"# {code}\n\nThis code is retired: nothing is reported by it any more, nor ever will be.\n"
    return page(FAULTS[code])


def index() -> str:
    """The list of all faults as Markdown."""
    rows = [_row(fault) for fault in FAULTS.values()]
    retired = [f"Retired codes, never used again: {', '.join(sorted(RETIRED))}.", ""] if RETIRED else []
    return "\n".join(
        (
            "# Findings",
            "",
            "Made from diagnose/catalogue by `make docs`; change the text there.",
            "",
            "| code | name | layer | severity | what |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *retired,
        )
    )


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {INDEX: index()} | {f"{fault.code}.md": page(fault) for fault in FAULTS.values()}


def _row(fault: Fault) -> str:
    cells = (f"[{fault.code}]({fault.code}.md)", fault.name, _spoken(fault), fault.severity, _opening(fault.title))
    return f"| {' | '.join(cells)} |"


def _opening(clause: str) -> str:
    """``clause`` as the beginning of a sentence."""
    return clause[:1].upper() + clause[1:]


def _spoken(fault: Fault) -> str:
    return fault.layer.replace("_", " ")
