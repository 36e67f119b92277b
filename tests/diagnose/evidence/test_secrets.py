"""What is saved holds no secret and nothing of other people, and is explained as the run was."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from diagnose.evidence.file import document
from diagnose.evidence.record import Record
from diagnose.evidence.secrets import without_secrets
from diagnose.judge import judge
from diagnose.report.document import document as reported
from diagnose.site import Complaint
from tests.diagnose.evidence.records import SECRET, WAYS, recorded

ways = pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))


def said(record: Record) -> str:
    """All that is saved of a record, bytes in clear."""
    told: list[str] = []

    def see(data: Any) -> None:
        if isinstance(data, dict):
            told.extend(data)
            for key, one in data.items():
                see(base64.b64decode(one).decode("latin-1") if key in ("body", "received") else one)
        elif isinstance(data, list):
            for one in data:
                see(one)
        else:
            told.append(str(data))

    see(json.loads(json.dumps(document(record))))
    return "\n".join(told)


@ways
def test_no_secret_is_saved(way: Any) -> None:
    record = recorded(way)
    assert SECRET in said(record)
    kept = said(without_secrets(record))
    assert SECRET not in kept
    assert "s3cret" not in kept


@ways
def test_it_is_explained_as_the_run_was(way: Any) -> None:
    record = recorded(way)
    assert reported(judge(without_secrets(record))) == reported(judge(record))


def test_other_peoples_lines_are_not_kept_but_for_kind_time_and_peer() -> None:
    record = recorded(WAYS[0])
    ours = Complaint("kong/kong-0", "broken header", "10.1.0.4", f"GET /{record.shots[0].sent.probe.nonce}", 2.0)
    record = replace(record, logs=replace(record.logs, complaints=(*record.logs.complaints, ours)))
    theirs, kept = without_secrets(record).logs.complaints
    assert theirs == Complaint("kong/kong-0", "broken header", "10.1.0.77", "", 1.0)
    assert kept == ours
