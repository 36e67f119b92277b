"""Write the golden texts anew: ``python -m tests.diagnose.report.write_golden``; then read the difference."""

from __future__ import annotations

from pathlib import Path

from diagnose.report import fleet, fleet_formats, watch_frame
from diagnose.report.formats import render
from diagnose.report.terminal import text
from tests.diagnose.fleet.fleets import FLEET
from tests.diagnose.report.reports import EVERY
from tests.diagnose.report.watches import CURED

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (80, 160)


def golden_texts() -> dict[str, str]:
    """Every report by the name of its golden file, as text, and some in every other format and in colour."""
    texts = {
        f"{name}-{width}.txt": text(report, width, coloured=False, verbose=name == "mixed")
        for name, report in EVERY.items()
        for width in WIDTHS
    }
    texts |= {f"watch-{width}.txt": watch_frame.text(CURED, width, coloured=False) for width in WIDTHS}
    texts |= {f"fleet-{width}.txt": fleet.text(FLEET, width, coloured=False) for width in WIDTHS}
    fleets = (("short", "short.txt"), ("junit", "xml"), ("markdown", "md"))
    texts |= {f"fleet.{end}": fleet_formats.render(FLEET, form) for form, end in fleets}
    others = {
        f"{name}.{end}": render(EVERY[name], form)
        for name in ("mixed", "unreachable")
        for form, end in (("short", "short.txt"), ("junit", "xml"), ("markdown", "md"), ("html", "html"))
    }
    colours = {f"{name}-colours.txt": text(EVERY[name], 80, coloured=True) for name in ("mixed", "unreachable")}
    return texts | others | colours


if __name__ == "__main__":
    for name, shown in golden_texts().items():
        (GOLDEN / name).write_text(shown, "utf-8")
