"""The shape of a catalogue entry."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.path.traffic import Layer
from diagnose.report.report import Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a caller's address, or the proof of it, goes missing.

    ``code`` is its identity and is never used again; ``name`` says the fault. ``title`` is a clause that fits into a
    sentence: in the third person, beginning in lower case, without a full stop. ``why`` (why it happens),
    ``tell_apart`` (how it is told from its neighbours) and ``cure`` (what restores the address) are Markdown
    paragraphs, indented as the source is.
    """

    code: str
    name: str
    layer: Layer
    severity: Severity
    title: str
    why: str
    tell_apart: str
    cure: str
