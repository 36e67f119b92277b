"""Text from outside is data: nothing in it may steer the reader's terminal."""

from __future__ import annotations

import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: C0 and C1 controls; formats, among them bidirectional ones; lone surrogates; line separators."""


def harmless(text: str) -> str:
    """``text`` with every character that could steer a terminal or break or reorder a line shown as an escape."""
    return "".join(_escaped(char) if unicodedata.category(char) in _STEERING else char for char in text)


def harmless_lines(text: str) -> str:
    """As ``harmless``, for text that may rightly have several lines."""
    return "\n".join(harmless(line) for line in text.split("\n"))


def _escaped(char: str) -> str:
    if ord(char) > 0xFFFF:
        return f"\\U{ord(char):08x}"
    return f"\\u{ord(char):04x}" if ord(char) > 0xFF else f"\\x{ord(char):02x}"
