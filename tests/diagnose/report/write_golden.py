"""Write the golden texts anew: ``python -m tests.diagnose.report.write_golden``; then read the difference."""

from __future__ import annotations

from pathlib import Path

from diagnose.report import watch_frame
from diagnose.report.terminal import text
from tests.diagnose.report.reports import EVERY
from tests.diagnose.report.watches import CURED

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (80, 160)


def golden_texts() -> dict[str, str]:
    """Every report by the name of its golden file, and a watch. The mixed one is shown with its probes."""
    watches = {f"watch-{width}.txt": watch_frame.text(CURED, width, coloured=False) for width in WIDTHS}
    return watches | {
        f"{name}-{width}.txt": text(report, width, coloured=False, verbose=name == "mixed")
        for name, report in EVERY.items()
        for width in WIDTHS
    }


if __name__ == "__main__":
    for name, shown in golden_texts().items():
        (GOLDEN / name).write_text(shown, "utf-8")
