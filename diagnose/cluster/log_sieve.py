"""A sieve before the reading of logs: nearly all lines of a busy Kong are others', and need not be looked at.

What falls through could tell nothing: it holds neither the path of the run's probes nor a word of a complaint, and does
not follow the first line of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diagnose.cluster.log_lines import KINDS, LONGEST_ENTRY
from probes.probe import Probe

_COMPLAINTS = tuple(kind.encode() for kind in KINDS)
_REFUSED = (b"PROXY ", b"\\x00", b"\\u0000", b"\x00")
"""What is in a line about a PROXY header that was taken for a request, and at the end of each complaint."""


class Sieve:
    """The lines of one log that may tell of ``probes``, or of a connection that was refused, in order.

    It remembers from one piece to the next how many lines still belong to a complaint.
    """

    def __init__(self, probes: Iterable[Probe]) -> None:
        # Without the slashes before and behind it, which JSON may write otherwise.
        folders = {probe.path.split("?")[0].rsplit("/", 2)[-2].encode() for probe in probes}
        self._needles = (*sorted(folders), *_COMPLAINTS, *_REFUSED)
        self._following = 0

    def lines(self, piece: bytes) -> Iterator[bytes]:
        """Those of ``piece``, which holds whole lines, each with its line feed or without one at the very end."""
        kept: dict[int, int] = {}
        for needle in self._needles:
            at = piece.find(needle)
            while at >= 0:
                end = piece.find(b"\n", at)
                end = len(piece) if end < 0 else end
                kept[piece.rfind(b"\n", 0, at) + 1] = end
                at = piece.find(needle, end)
        position = 0
        for start in sorted(kept):
            yield from self._follow(piece, position, start)
            position = kept[start] + 1
            line = piece[start : kept[start]]
            self._following = (
                LONGEST_ENTRY if any(kind in line for kind in _COMPLAINTS) else max(self._following - 1, 0)
            )
            yield line
        yield from self._follow(piece, position, len(piece))

    def _follow(self, piece: bytes, start: int, end: int) -> Iterator[bytes]:
        """The lines from ``start`` to ``end`` as long as they may belong to a complaint before them."""
        while self._following and start < end:
            feed = piece.find(b"\n", start, end)
            feed = end if feed < 0 else feed
            self._following -= 1
            yield piece[start:feed]
            start = feed + 1
