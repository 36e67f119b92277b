"""Completion for ``kubectl kongip``: the program ``kubectl_complete-kongip``, which kubectl asks, from 1.26 on.

Its arguments are the words behind ``kubectl kongip``, of which the last is to be completed. It prints what fits, one
a line with its description behind a tab, and at the end a colon and what the shell adds (cobra's ShellCompDirective).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

from diagnose.manual.commands import Flag, commands, whole
from diagnose.manual.completion import CONTEXTS, takes_context, takes_file, words

FILES, NOTHING = 0, 4
"""What the shell shall add: names of files where nothing is offered, or nothing of its own."""


def main() -> int:
    """Print what fits."""
    *before, begun = sys.argv[1:] or [""]
    flag = _before_value(before)
    for candidate in _values(flag) if flag is not None else _candidates(before):
        if candidate.startswith(begun):
            print(candidate)
    print(f":{FILES if flag is not None and takes_file(flag) else NOTHING}")
    return 0


def _before_value(before: Sequence[str]) -> Flag | None:
    """The flag whose value is to come."""
    flags = (flag for one in commands() if one.name == before[0] for flag in one.flags) if before else ()
    return next((flag for flag in flags if before[-1] in flag.names and flag.value is not None), None)


def _values(flag: Flag) -> Iterator[str]:
    yield from words(flag)
    if takes_context(flag):
        with contextlib.suppress(OSError):
            yield from subprocess.run(CONTEXTS, shell=True, capture_output=True, text=True, check=False).stdout.split()


def _candidates(before: Sequence[str]) -> Iterator[str]:
    """The commands, or the flags of the one that is named, and what its arguments may be."""
    if not before:
        yield from (f"{one.name}\t{one.summary}" for one in commands())
    of = [one for one in commands() if one.name == before[0]] if before else [whole()]
    for flag in (flag for one in of for flag in one.flags):
        yield from (f"{name}\t{flag.help}" for name in flag.names) if flag.names else words(flag)


if __name__ == "__main__":
    sys.exit(main())
