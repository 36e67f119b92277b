"""The one exception: what stops a run."""

from __future__ import annotations

USAGE = 2
COULD_NOT_RUN = 4


class Stop(Exception):
    """A run cannot begin or go on: what happened, to which object, and what to do.

    ``status`` is the exit status: ``USAGE`` for a flag or a name that is wrong, ``COULD_NOT_RUN`` for the rest.
    """

    def __init__(self, what: str, remedy: str, status: int = COULD_NOT_RUN) -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy
        self.status = status
