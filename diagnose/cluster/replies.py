"""What the API server answers, as values; how long to be patient with it, and why it could not be reached."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import IncompleteRead
from typing import Any

from diagnose.errors import Stop

Object = dict[str, Any]

LONGEST_WAIT = 5.0
STDIN_CHUNK = 16 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the API server; a refusal (403, 404, 422...) is an answer too."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    def object(self) -> Object:
        """The body as a plain object. Stop where it is none, as when a proxy answers in the API server's place."""
        document = parsed(self.body)
        if document is None:
            what = f"The API server answered with something that is no Kubernetes object: {self.body[:60]!r}."
            raise Stop(what, "Check the server's address in the kubeconfig.")
        return document

    @property
    def message(self) -> str:
        """The API server's own words on one line, or the status where it gave none."""
        document = parsed(self.body)
        plain = self.body[:300].decode("utf-8", "replace")
        words = plain if document is None else str(document.get("message") or "")
        return " ".join(words.split()) or f"HTTP status {self.status}"


def parsed(body: bytes) -> Object | None:
    """The object that a body holds, or None."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: brackets without end
        return None
    return document if isinstance(document, dict) else None


_BALLAST = (("metadata", "managedFields"), ("status", "images"))
"""Who set which field, and the images on a node: most of the bytes of large clusters, and nothing reads them."""


def without_ballast(thing: Object) -> Object:
    """An object of a listing without what nothing reads, so that thousands can be held."""
    for part, name in _BALLAST:
        held = thing.get(part) if isinstance(thing, dict) else None
        if isinstance(held, dict):
            held.pop(name, None)
    return thing


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list request gave. ``refused`` says why nothing could be read; ``cut`` that there is more."""

    items: tuple[Object, ...] = ()
    refused: str | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a pod gave. ``status`` is its exit status, None if it did not end in time."""

    status: int | None
    output: bytes
    errors: bytes


def converse(session: Any, stdin: bytes, deadline: float) -> Executed:
    """Feed ``stdin`` to an open exec session and collect both outputs until it ends or ``deadline`` (monotonic)."""
    for start in range(0, len(stdin), STDIN_CHUNK):
        session.write_channel(0, stdin[start : start + STDIN_CHUNK])
    session.close_channel(0)
    output, errors = b"", b""
    while session.is_open() and time.monotonic() < deadline:
        session.update(timeout=max(0.0, min(1.0, deadline - time.monotonic())))
        output += session.read_channel(1)
        errors += session.read_channel(2)
    if session.is_open():
        return Executed(None, output, errors)
    return Executed(exit_status(session.read_channel(3)), output, errors)


def exit_status(status: bytes) -> int | None:
    """The exit status in the Status object that ends an exec session, or None where there is none."""
    document = parsed(status) or {}
    if document.get("status") == "Success":
        return 0
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    known = (one for one in (causes if isinstance(causes, list) else ()) if isinstance(one, dict))
    told = next((str(cause.get("message")) for cause in known if cause.get("reason") == "ExitCode"), "")
    return int(told) if re.fullmatch(r"[0-9]{1,3}", told) else None


def patience(reply: Reply, attempt: int) -> float:
    """Seconds to wait before the next try: what Retry-After says, else doubling from half a second."""
    asked = (reply.headers or {}).get("Retry-After") or ""
    seconds = asked.isascii() and asked.isdecimal()
    return min(float(asked) if seconds else 0.5 * 2**attempt, LONGEST_WAIT)


def causes_of(error: BaseException) -> list[BaseException]:
    """An error and what led to it, the outermost first."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or step.__context__
    return chain


def is_dropped(error: BaseException) -> bool:
    """Whether the peer dropped a connection that had stood, be it amid an answer."""
    dropped = (ConnectionResetError, BrokenPipeError, IncompleteRead)
    return any(isinstance(step, dropped) for step in causes_of(error))


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in one line: the operating system's or OpenSSL's own words."""
    for step in reversed(causes_of(error)):
        if isinstance(step, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({step.verify_message})"
        if isinstance(step, OSError) and step.strerror:
            return step.strerror[:1].lower() + step.strerror[1:]
    if "timed out" in str(error).lower():
        return "no answer in time"
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def one_line(error: BaseException) -> str:
    """An error's words on one line."""
    return " ".join(str(error).split()).rstrip(".")
