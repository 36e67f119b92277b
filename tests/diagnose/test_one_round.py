"""One round of probes: what is asked of others on the way."""

from __future__ import annotations

from diagnose.one_round import _once_told


def test_who_has_told_the_callers_address_is_not_asked_again_and_who_has_not_is() -> None:
    answers = iter([None, "198.51.100.9"])
    told = _once_told(lambda: next(answers))

    assert [told(), told(), told()] == [None, "198.51.100.9", "198.51.100.9"]
