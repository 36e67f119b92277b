"""How fast `kongip traffic` reads an access log, beside mawk and goaccess on the same one.

The log is made anew, and has 1,000,000 lines (about 150 MB). Memory is told for it and for four times as much, since a
log may be of any length.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measuring import Row, in_turns, peak, quiet

LINES = 1_000_000
TURNS = 5
TARGETS = {"mawk": 1.0, "goaccess": 0.2}
NODES = ("10.0.0.4", "10.0.0.5", "10.0.0.6")
GOACCESS = ("--log-format=COMBINED", "--no-global-config", "--no-progress")


def write_log(path: Path, lines: int) -> None:
    """A log in Kong's format: most requests carry one of three nodes' addresses, the rest some of a great many."""
    dice = random.Random(7)
    moment, step = datetime(2026, 11, 28, 8, tzinfo=UTC), timedelta(milliseconds=25)
    with path.open("w") as file:
        for number in range(lines):
            moment += step
            many = f"{dice.randrange(1, 223)}.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}"
            address = dice.choice(NODES) if dice.random() < 0.94 else many
            file.write(
                f'{address} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /api/v1/items/{number % 9999} HTTP/1.1" 200 '
                f'{dice.randrange(100, 9999)} "-" "curl/7.88.1" kong_request_id: "{dice.getrandbits(128):032x}"\n'
            )


def reading(log: Path) -> Sequence[str]:
    """The command that reads ``log``."""
    return sys.executable, "-m", "diagnose", "traffic", "--file", str(log)


def commands(log: Path, folder: Path) -> Mapping[str, Sequence[str]]:
    """What takes turns; a peer that this machine lacks is left out."""
    told = {
        "kongip traffic": reading(log),
        "mawk": ("mawk", "{ n[$1]++ } END { for (a in n) print n[a], a }", str(log)),
        "goaccess": ("goaccess", str(log), *GOACCESS, "-o", str(folder / "goaccess.json")),
    }
    return {name: words for name, words in told.items() if shutil.which(words[0])}


def rows() -> Sequence[Row]:
    """The comparisons with those peers that this machine has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "access.log"
        write_log(log, LINES)
        ours, *peers = commands(log, folder).items()
        what = f"`{ours[0]}` on {LINES:,} lines ({log.stat().st_size / 1e6:.0f} MB)"
        return [
            Row(what, f"`{peer}`", *in_turns(quiet(*ours[1]), quiet(*words), TURNS), "at most", TARGETS[peer])
            for peer, words in peers
        ]


def lines() -> Iterator[str]:
    """The memory that it takes, for a log and for a longer one."""
    with tempfile.TemporaryDirectory() as name:
        log, longer = Path(name) / "access.log", Path(name) / "longer.log"
        write_log(log, LINES)
        with longer.open("wb") as file:
            for _ in range(4):
                with log.open("rb") as part:
                    shutil.copyfileobj(part, file)
        once, more = peak(reading(log)), peak(reading(longer))
        yield (
            f"`kongip traffic` takes {once:.0f} MiB of memory for {LINES:,} lines, and {more:.0f} MiB for a log four "
            "times as long."
        )
