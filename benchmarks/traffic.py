"""How fast `kongip traffic` reads an access log, beside mawk and goaccess on the same one.

Run by `make bench`. All of them take turns on one log of 1,000,000 lines, made anew (about 150 MB), so that what else
the machine does meanwhile falls on each alike. Seconds are shown for orientation; what counts are the ratios, which are
of one turn each. Memory is told for that log and for four times as much, since a log may be of any length.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.explaining import shown

LINES = 1_000_000
TURNS = 5
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


def commands(log: Path, folder: Path) -> Mapping[str, Sequence[str]]:
    """What takes turns; a peer that this machine lacks is left out."""
    told = {
        "kongip traffic": (sys.executable, "-m", "diagnose", "traffic", "--file", str(log)),
        "mawk": ("mawk", "{ n[$1]++ } END { for (a in n) print n[a], a }", str(log)),
        "goaccess": ("goaccess", str(log), *GOACCESS, "-o", str(folder / "goaccess.json")),
    }
    return {name: words for name, words in told.items() if shutil.which(words[0])}


def seconds(words: Sequence[str]) -> float:
    """How long a command takes, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def peak(log: Path) -> float:
    """The most memory that a process of `kongip traffic` has, in MiB: each part of a large log has one."""
    ask = (
        "import resource, sys; from diagnose.cli import main; main(sys.argv[1:]); "
        "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
    )
    words = (sys.executable, "-c", ask, "traffic", "--file", str(log))
    answer = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return int(answer.splitlines()[-1]) / 1024


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "access.log"
        write_log(log, LINES)
        print(f"Reading an access log of {LINES:,} lines, {log.stat().st_size / 1e6:.0f} MB")
        taking = commands(log, folder)
        taken = [{one: seconds(words) for one, words in taking.items()} for _ in range(TURNS)]
        for one in taking:
            ratios = [turn["kongip traffic"] / turn[one] for turn in taken]
            told = "" if one == "kongip traffic" else f"   kongip: {shown(ratios, 1, 'x')}"
            print(f"  {one:<16} {shown([turn[one] for turn in taken], 1, 's')}{told}")
        once = peak(log)
        longer = folder / "longer.log"
        with longer.open("wb") as file:
            for _ in range(4):
                with log.open(
                    "rb"
                ) as part:  # in pieces: a process that is started counts its parent's memory as its own
                    shutil.copyfileobj(part, file)
        print(f"  memory           {once:.0f} MiB, {peak(longer):.0f} MiB for a log four times as long")


if __name__ == "__main__":
    main()
