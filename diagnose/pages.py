"""The pages of docs that are made from data, and whether they are in step: ``python -m diagnose.pages [--check]``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from diagnose import catalogue_pages
from diagnose.evidence.file import json_schema
from diagnose.manual import man_page
from diagnose.providers import pages as provider_pages

MADE: Mapping[str, Callable[[], dict[str, str]]] = {
    catalogue_pages.FOLDER: catalogue_pages.pages,
    provider_pages.FOLDER: provider_pages.pages,
    man_page.FOLDER: man_page.pages,
}
"""What makes the pages of each folder, from the root of a checkout. Such a folder holds no other."""


FILES: Mapping[str, Callable[[], str]] = {
    "docs/evidence.schema.json": lambda: f"{json.dumps(json_schema(), indent=2)}\n",
}
"""What makes single files, from the root of a checkout."""


def out_of_step(root: Path) -> list[Path]:
    """The pages below ``root`` that are missing, differ from what they are made from, or belong to nothing."""
    wrong = []
    for name, make in MADE.items():
        folder, wanted = root / name, make()
        there = {path.name: path.read_text("utf-8") for path in folder.glob("*")}
        wrong += [folder / one for one in sorted(wanted.keys() | there.keys()) if wanted.get(one) != there.get(one)]
    for name, text in FILES.items():
        path = root / name
        wrong += [] if path.exists() and path.read_text("utf-8") == text() else [path]
    return wrong


def main(arguments: Sequence[str], root: Path) -> int:
    """Write the pages that changed; with ``--check`` only name them, with exit status 1 if there are any."""
    if unknown := [argument for argument in arguments if argument != "--check"]:
        sys.stderr.write(f"usage: python -m diagnose.pages [--check] (not: {' '.join(unknown)})\n")
        return 2
    wrong = out_of_step(root)
    if "--check" in arguments:
        for stray in wrong:
            sys.stderr.write(f"{stray} is out of step with what it is made from; run: make docs\n")
        return 1 if wrong else 0
    texts = {root / folder / name: text for folder, make in MADE.items() for name, text in make().items()}
    texts |= {root / name: text() for name, text in FILES.items()}
    for path in wrong:
        if path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], "utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parent.parent))
