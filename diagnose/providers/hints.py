"""Hints: which providers an answer points to. They prove nothing: what is behind Kong may write the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from diagnose.providers.load import providers
from diagnose.providers.provider import LONGEST_VALUE, Hint, Provider, Sign

Headers = Iterable[tuple[str, str]]


def hints_in(
    headers: Headers = (), body: str = "", *, request: Headers = (), host: str = ""
) -> tuple[tuple[Provider, str], ...]:
    """The providers that an answer's ``headers`` or ``body`` point to, each with the first thing that does.

    ``request`` are the headers of a request as it reached the echo, ``host`` a name that callers use.
    """
    readings = {
        Sign.ANSWER: [(f"answer header {name}", name.lower(), value) for name, value in headers],
        Sign.REQUEST: [(f"request header {name}", name.lower(), value) for name, value in request],
        Sign.BODY: [("answer body", "", body)],
        Sign.HOST: [("name", "", host.rstrip("."))],
    }
    found = (
        (one, next((told for hint in one.hints for told in _shown(hint, readings[hint.sign])), None))
        for one in providers()
    )
    return tuple((provider, told) for provider, told in found if told is not None)


def _shown(hint: Hint, readings: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    pattern = hint.text.lower()
    for what, header, text in readings:
        if header == hint.header and fnmatchcase(text.lower(), pattern):
            yield f"{what}: {hint.text.strip('*') if hint.sign is Sign.BODY else text[:LONGEST_VALUE]}"
