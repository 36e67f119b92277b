"""The pages of docs/findings, one a fault, and their index: ``python -m diagnose.catalogue_pages [--check]``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path

from diagnose.catalogue import FAULTS, RETIRED
from diagnose.catalogue.fault import Fault

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


def out_of_step(folder: Path) -> list[str]:
    """The names of the pages in ``folder`` that are missing, differ from the catalogue, or belong to no fault."""
    wanted = pages()
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main(arguments: Sequence[str], folder: Path) -> int:
    """Write the pages that changed; with ``--check`` only name them, with exit status 1 if there are any."""
    if unknown := [argument for argument in arguments if argument != "--check"]:
        sys.stderr.write(f"usage: python -m diagnose.catalogue_pages [--check] (not: {' '.join(unknown)})\n")
        return 2
    wrong = out_of_step(folder)
    if "--check" in arguments:
        for stray in wrong:
            sys.stderr.write(f"{folder / stray} is out of step with diagnose/catalogue; run: make docs\n")
        return 1 if wrong else 0
    folder.mkdir(parents=True, exist_ok=True)
    texts = pages()
    for name in wrong:
        if name in texts:
            (folder / name).write_text(texts[name], "utf-8")
        else:
            (folder / name).unlink()
    return 0


def _row(fault: Fault) -> str:
    cells = (f"[{fault.code}]({fault.code}.md)", fault.name, _spoken(fault), fault.severity, _opening(fault.title))
    return f"| {' | '.join(cells)} |"


def _opening(clause: str) -> str:
    """``clause`` as the beginning of a sentence."""
    return clause[:1].upper() + clause[1:]


def _spoken(fault: Fault) -> str:
    return fault.layer.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parent.parent / FOLDER))
