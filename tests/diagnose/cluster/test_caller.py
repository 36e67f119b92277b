"""The caller as the API server saw it."""

from __future__ import annotations

import json

import pytest

from diagnose.cluster.caller import caller_in


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ([["X-Forwarded-For", "198.51.100.9"]], "198.51.100.9"),
        ([["x-forwarded-for", "192.0.2.1, 198.51.100.9"]], "198.51.100.9"),
        ([["X-Forwarded-For", "192.0.2.1"], ["X-Forwarded-For", "::ffff:198.51.100.9"]], "198.51.100.9"),
        ([["X-Forwarded-For", "unknown"]], None),
        ([["Host", "echo"]], None),
        ("none", None),
    ],
)
def test_the_address_that_the_api_server_appended_is_the_callers(headers: object, address: str | None) -> None:
    assert caller_in(json.dumps({"headers": headers}).encode()) == address


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"headers": 7}', b"<html>"])
def test_an_answer_that_is_no_echo_tells_nothing(body: bytes) -> None:
    assert caller_in(body) is None
