"""What the benchmarks share: samples taken side by side with a peer's, and a row for each comparison."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``ours`` and ``peers`` are seconds, taken in turns; ``target`` is what the ratio has to keep to.

    ``way`` "at most" compares our time with the peer's, "at least" how many times as fast as the peer we are.
    """

    what: str
    peer: str
    ours: Sequence[float]
    peers: Sequence[float]
    way: Literal["at most", "at least"]
    target: float

    @property
    def ratios(self) -> tuple[float, float, float]:
        """The lowest, the median and the highest ratio of two samples that were taken one after the other."""
        pairs = zip(self.ours, self.peers, strict=True)
        each = [ours / peer if self.way == "at most" else peer / ours for ours, peer in pairs]
        return min(each), statistics.median(each), max(each)

    @property
    def met(self) -> bool:
        """Whether the median keeps to the target."""
        _, middle, _ = self.ratios
        return middle <= self.target if self.way == "at most" else middle >= self.target

    def line(self) -> str:
        """The row of the table of docs/benchmarks.md."""
        low, middle, high = self.ratios
        spread = f"{middle:.2f} x ({low:.2f} to {high:.2f})"
        seconds = f"{told(statistics.median(self.ours))} / {told(statistics.median(self.peers))}"
        return (
            f"| {self.what} | {self.peer} | {seconds} | {spread} | {self.way} {self.target:g} x "
            f"| {'yes' if self.met else 'no'} |"
        )


HEADING = """\
| what | peer | ours / peer's | ratio (spread) | target | met |
|---|---|---|---|---|---|"""


def told(seconds: float) -> str:
    """A time as people write it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e6:.2f} µs"


def in_turns(ours: Callable[[], object], peer: Callable[[], object], times: int) -> tuple[list[float], list[float]]:
    """Seconds of both, ``times`` times in turns, after one of each that does not count."""
    ours()
    peer()
    return _alternating(taken, ours, peer, times)


def quickest_in_turns(
    ours: Callable[[], object], peer: Callable[[], object], times: int, number: int, batches: int = 40
) -> tuple[list[float], list[float]]:
    """As ``in_turns`` for what takes microseconds: the quickest of some batches of ``number`` calls, for one call."""

    def quickest(act: Callable[[], object]) -> float:
        return min(taken(lambda: [act() for _ in range(number)]) for _ in range(batches)) / number

    return _alternating(quickest, ours, peer, times)


def _alternating(
    measure: Callable[[Callable[[], object]], float],
    ours: Callable[[], object],
    peer: Callable[[], object],
    times: int,
) -> tuple[list[float], list[float]]:
    pairs = [(measure(ours), measure(peer)) for _ in range(times)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def taken(act: Callable[[], object]) -> float:
    """Seconds that an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def quiet(*command: str) -> Callable[[], object]:
    """A command, run to its end, whose output nobody reads."""
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def peak(command: Sequence[str]) -> float:
    """The most memory that a command, or a process of its own, has, in MiB.

    A small process starts it: a process counts what the one that started it held as its own.
    """
    ask = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", ask, *command], capture_output=True, text=True, check=True)
    return int(said.stdout) / 1024
