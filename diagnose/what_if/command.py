"""The command what-if: its flags in, answers out on standard output."""

from __future__ import annotations

import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from io import BufferedReader
from typing import cast

from diagnose.errors import USAGE, Stop
from diagnose.what_if.answer import answer, document
from diagnose.what_if.batch import answer_lines
from diagnose.what_if.flags import question_asked
from diagnose.what_if.told import told

_OF_ONE = (
    "listen",
    "stream_listen",
    "trusted_ips",
    "real_ip_header",
    "real_ip_recursive",
    "kong_version",
    "port",
    "https",
    "proxy_v1",
    "proxy_v2",
    "proxy_unknown",
    "proxy_local",
    "proxy_hex",
    "header",
)


def answer_one(options: Namespace) -> None:
    """Print the answer to the question that the flags ask; Stop where they ask none."""
    try:
        question = question_asked(options)
    except ValueError as error:
        raise Stop(f"{error}.", "See kongip what-if --help.", USAGE) from error
    answered = answer(question)
    if options.output == "json":
        print(json.dumps(document(answered), indent=2))
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(told(answered, stream=question.stream).encode(encoding, "backslashreplace").decode(encoding))


def answer_batch(options: Namespace) -> None:
    """Print an answer to each line of a file or of standard input; Stop at the end if some or all asked nothing."""
    stray = next((name for name in _OF_ONE if getattr(options, name) not in (None, False, [])), None)
    if stray is not None:
        raise Stop(f"--{stray.replace('_', '-')} goes with --peer, not with --batch.", "Put it into the lines.", USAGE)
    if options.output == "text":
        raise Stop("--output text goes with --peer, not with --batch.", "Leave it out.", USAGE)
    with _opened(options.batch) as source:
        asked, failed = answer_lines(source, sys.stdout)
    if not asked:
        name = "Standard input" if options.batch == "-" else repr(options.batch)
        raise Stop(f"{name} holds no line, and so asks nothing.", "Give a question as JSON on each line.", USAGE)
    if failed:
        lines = "1 line asks" if failed == 1 else f"{failed} lines ask"
        raise Stop(f"{lines} nothing that can be answered.", "An error stands in the place of each answer.", USAGE)


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BufferedReader]:
    if name == "-":
        if sys.stdin is None:
            raise Stop("Standard input is closed.", "Give a file, or open it.", USAGE)
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        file = open(name, "rb")  # noqa: SIM115  # only what opening raises is the name's fault
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Stop(f"{name!r} cannot be read: {reason}.", "Name a file of JSON lines.", USAGE) from error
    with file:
        yield file
