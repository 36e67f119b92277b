"""What is left out of a record before it is saved: the run's secret, and whatever else nobody asked to be told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from diagnose.evidence.record import Record, Shot, Way
from diagnose.explain.evidence import ECHO_MARK
from diagnose.path.traffic import parse_address
from diagnose.site import Complaint
from probes.outcome import Answered, Closed, Garbled, Outcome, Sent
from probes.probe import Probe
from probes.secret import is_proven, proof

NOT_SAVED = "(not saved)"

_PRIVATE = frozenset({"set-cookie", "cookie", "authorization", "proxy-authorization", "www-authenticate"})
"""Headers of an answer whose value may open a door."""


_KEPT = frozenset({"x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "host"})
"""Headers at the echo that Kong writes itself."""


def without_secrets(record: Record) -> Record:
    """``record`` as it may be saved; it is explained as before.

    The run's secret goes, and so do cookies and credentials in answers, headers at the echo that are not Kong's and
    hold no address, and what Kong's log quotes of connections that bear none of the run's nonces.
    """
    secret = record.echo.secret
    nonces = [shot.sent.probe.nonce for shot in record.shots]
    return replace(
        record,
        ways=tuple(_way(way) for way in record.ways),
        shots=tuple(_shot(shot, secret) for shot in record.shots),
        logs=replace(record.logs, complaints=tuple(_complaint(one, nonces) for one in record.logs.complaints)),
        echo=replace(record.echo, secret=NOT_SAVED if secret else ""),
    )


def _way(way: Way) -> Way:
    return replace(way, claims=tuple(map(_probe, way.claims)))


def _probe(probe: Probe) -> Probe:
    return replace(probe, secret=NOT_SAVED if probe.secret else "")


def _shot(shot: Shot, secret: str) -> Shot:
    sent: Sent = shot.sent
    return replace(shot, sent=replace(sent, probe=_probe(sent.probe), outcome=_outcome(sent.outcome, secret)))


def _outcome(outcome: Outcome, secret: str) -> Outcome:
    match outcome:
        case Answered():
            headers = tuple((name, NOT_SAVED if name.lower() in _PRIVATE else value) for name, value in outcome.headers)
            body = _echoed(outcome.body, secret)
            return Answered(outcome.status, headers, _clear(outcome.body if body is None else body, secret))
        case Closed() | Garbled():
            return replace(outcome, received=_clear(outcome.received, secret))
        case _:
            return outcome


def _clear(body: bytes, secret: str) -> bytes:
    return body.replace(secret.encode("utf-8"), NOT_SAVED.encode("ascii")) if secret else body


def _echoed(body: bytes, secret: str) -> bytes | None:
    """An echo's answer with the addresses among the headers alone, None where it is none.

    What proved that the echo had the run's secret proves the same by what stands in the secret's place.
    """
    try:
        said = json.loads(body)
        proven = is_proven(secret, said.pop("proof", None), json.dumps(said))
        if said["kongip"] != ECHO_MARK:
            return None
        said["headers"] = [[name, _kept(str(name), str(value))] for name, value in said["headers"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return _signed(said) if proven else json.dumps(said).encode("ascii")


def _signed(said: dict[str, Any]) -> bytes:
    return json.dumps(said | {"proof": proof(NOT_SAVED, json.dumps(said))}).encode("ascii")


def proven_anew(before: Outcome, after: Outcome) -> Outcome:
    """``after``, which is ``before`` in other words, with the proof that such an answer of the echo bears."""
    if not (isinstance(before, Answered) and isinstance(after, Answered)):
        return after
    try:
        said, changed = json.loads(before.body), json.loads(after.body)
        proven = is_proven(NOT_SAVED, said.pop("proof", None), json.dumps(said))
    except (ValueError, AttributeError, RecursionError):
        return after
    return replace(after, body=_signed({key: changed[key] for key in said})) if proven else after


def _kept(name: str, value: str) -> str:
    """A header's value where Kong writes it, or it is made of addresses; else nothing of it."""
    addresses = all(parse_address(part.strip()) for part in value.split(","))
    return value if name.lower() in _KEPT or addresses else NOT_SAVED


def _complaint(complaint: Complaint, nonces: Iterable[str]) -> Complaint:
    ours = any(nonce in complaint.excerpt for nonce in nonces)
    return complaint if ours else replace(complaint, excerpt="")
