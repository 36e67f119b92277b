"""Fragments of IP packets, put together (RFC 791, section 3.2; RFC 8200, section 4.5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOST_PACKETS, MOST_PIECES = 64, 64
"""How many packets, and how many pieces of each, are waited for; a capture may hold fragments without end."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece: where its ``data`` stands in the packet, in bytes, and whether ``more`` follow."""

    offset: int
    data: bytes
    more: bool


class Fragments:
    """The pieces that still lack some others. The packet that was begun first is given up first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, list[Fragment]] = OrderedDict()

    def add(self, key: Hashable, piece: Fragment) -> bytes | None:
        """What the packet of that key carries, once it is whole, else None. Where pieces overlap, the first counts."""
        pieces = self._waiting.setdefault(key, [])
        if len(pieces) < MOST_PIECES:
            pieces.append(piece)
        whole = _joined(pieces)
        if whole is not None:
            del self._waiting[key]
        elif len(self._waiting) > MOST_PACKETS:
            self._waiting.popitem(last=False)
        return whole


def _joined(pieces: list[Fragment]) -> bytes | None:
    data = b""
    for piece in sorted(pieces, key=lambda one: one.offset):
        if piece.offset > len(data):
            return None
        data += piece.data[len(data) - piece.offset :]
        if not piece.more:
            return data
    return None
