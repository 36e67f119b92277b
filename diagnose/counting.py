"""Numbers with what they count: one connection, two connections."""

from __future__ import annotations


def count_of(number: float, one: str, several: str | None = None, form: str = "") -> str:
    """``number``, formatted as ``form`` says, and its noun; ``several`` is the plural that is not made with an s."""
    shown = f"{number:{form}}"
    return f"{shown} {one if shown == '1' else several or f'{one}s'}"
