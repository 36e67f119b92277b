"""The command ``kongip``, as a process of its own."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from diagnose import cli

SELDOM = 100_000
"""Containers made, less those let go, between two looks for cycles.

What is imported and what is read from a cluster has none, and is looked through again and again otherwise: that was a
tenth of a short run.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    gc.set_threshold(SELDOM)
    try:
        return cli.main(arguments)
    finally:
        gc.freeze()  # the interpreter would look through all of it once more as it ends


if __name__ == "__main__":
    sys.exit(main())
