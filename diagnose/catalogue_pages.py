"""The pages of docs/findings: one a fault, and their index."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from inspect import cleandoc

from diagnose.catalogue import FAULTS, RETIRED
from diagnose.catalogue.fault import Fault
from diagnose.errors import USAGE, Stop

FOLDER = "docs/findings"
"""Where the pages lie, from the root of a checkout. Reports name them so."""

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


def page_named(word: str, retired: Collection[str] = RETIRED) -> str:
    """The page of the fault with this code or name, in any letter case; of a retired code a page that says so.

    Stop with status 2 and what might have been meant for a word that is neither.
    """
    by_word = {fault.name: fault for fault in FAULTS.values()} | {code.lower(): fault for code, fault in FAULTS.items()}
    if found := by_word.get(word.lower()):
        return page(found)
    if word.upper() in retired:
        return f"# {word.upper()}\n\nThis code is retired: nothing is reported by it any more, nor ever will be.\n"
    near = get_close_matches(word.lower(), by_word, n=3)
    meant = [by_word[one].code if one.startswith("kip") else one for one in near]
    hint = f"Did you mean {' or '.join(meant)}?" if meant else "There are those of: kongip explain --list"
    raise Stop(f"There is no finding {word!r}.", hint, USAGE)


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
