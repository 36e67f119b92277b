"""Exit statuses, and the one exception: what stops a run."""

from __future__ import annotations

PRESERVED = 0
FINDINGS = 1
USAGE = 2
UNDETERMINED = 3
COULD_NOT_RUN = 4
INTERRUPTED = 130

EXIT_STATUS = """\
exit status: 0 preserved, or nothing that counts, 1 findings at or above --fail-on that are not suppressed, 2 usage, 3
undetermined, 4 could not run, 130 interrupted"""


class Stop(Exception):
    """A run cannot begin or go on: what happened, to which object, and what to do.

    ``status`` is the exit status: ``USAGE`` for a flag or a name that is wrong, ``COULD_NOT_RUN`` for the rest.
    """

    def __init__(self, what: str, remedy: str, status: int = COULD_NOT_RUN) -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy
        self.status = status


class Unreachable(Stop):
    """A server did not answer: to try again may help."""
