"""Asks, decides, tells: the path model, the inference, and everything around them.

What Python programs may use is in ``diagnose.api``, and here by the same names: see docs/python-api.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnose.api import (
        Finding,
        Report,
        Severity,
        Stop,
        Verdict,
        diagnose_cluster,
        diagnose_lab,
        document,
    )

__version__ = "0.1.0"

__all__ = ["Finding", "Report", "Severity", "Stop", "Verdict", "diagnose_cluster", "diagnose_lab", "document"]


def __getattr__(name: str) -> Any:
    """A name of ``diagnose.api``, which is loaded when the first one is asked for: ``kongip --help`` needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from diagnose import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The names that are offered."""
    return [*__all__, "__version__"]
