"""The README's pictures, from real runs of labs: ``make pictures`` writes them into docs/pictures."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from diagnose.lab.site import open_lab
from diagnose.report import terminal, watch_frame
from diagnose.run import Options, diagnose
from diagnose.watch.history import History
from diagnose.watch.rounds import Pace, rounds

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
WIDTH = 100
ROUNDS = 16
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def silent(line: str) -> None:
    """Progress that nobody reads."""


def diagnosed(lab: str) -> str:
    """What `kongip diagnose --lab` shows on a terminal."""
    with open_lab(lab) as site:
        report = diagnose(site, Options(command=f"kongip diagnose --lab {lab}"), silent)
    return terminal.text(report, WIDTH, coloured=True)


def watched(lab: str) -> str:
    """What `kongip watch --lab` shows after some rounds."""
    history = History()
    with open_lab(lab) as site:
        for one in islice(rounds(site, Options(connections=5), Pace(interval=1.0), silent), ROUNDS):
            history.take(one)
    return watch_frame.text(history, WIDTH, coloured=True)


def picture(shown: str, title: str) -> str:
    """What a terminal of ``WIDTH`` columns shows, as SVG that loads nothing from anywhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), legacy_windows=False)
    for line in map(Text.from_ansi, shown.splitlines()):
        for piece in line.divide(range(WIDTH, len(line), WIDTH)):  # as a terminal breaks what is too long for it
            console.print(piece, no_wrap=True)
    drawn = console.export_svg(title=title, theme=MONOKAI, unique_id=re.sub("[^a-z]+", "-", title))
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]+;", f"font-family: {FONTS};", drawn)


def pictures() -> Mapping[str, str]:
    """Every picture by the name of its file."""
    return {
        "diagnose.svg": picture(diagnosed("node-masquerade"), "kongip diagnose --lab node-masquerade"),
        "trusts-everyone.svg": picture(diagnosed("trusts-everyone"), "kongip diagnose --lab trusts-everyone"),
        "watch.svg": picture(watched("rollout"), "kongip watch --lab rollout"),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in pictures().items():
        (FOLDER / name).write_text(drawn, "utf-8")
