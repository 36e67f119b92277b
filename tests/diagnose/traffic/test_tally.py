"""A tally counts every request, and where there are too many addresses it knows by how much it may be wrong."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from diagnose.owners import Inventory
from diagnose.traffic import tally as module
from diagnose.traffic.chunks import of_lines
from diagnose.traffic.kinds import Kind, Kinds
from diagnose.traffic.tally import Addresses, Tally, Timeline
from tests.diagnose.traffic.logs import ERROR, NOON, of_nginx, plain

KINDS = Kinds(Inventory())


def tally(*lines: str, each: bool = False) -> Tally:
    counted = Tally()
    for part in [[line] for line in lines] if each else [list(lines)]:
        counted.take(of_lines(line.encode() for line in part), KINDS)
    return counted


def test_requests_and_other_lines_are_told_apart() -> None:
    seen = tally(plain("10.0.0.1"), ERROR, plain("192.0.2.1"), "", "a stack traceback", plain("unix:"), plain("-"))

    assert (seen.requests, seen.others) == (4, 2)
    assert seen.kinds == {Kind.PRIVATE: 1, Kind.PUBLIC: 1, Kind.SOCKET: 1, Kind.UNKNOWN: 1}


@pytest.mark.parametrize("each", [True, False])
def test_a_log_that_begins_with_other_lines_is_read_all_the_same(each: bool) -> None:
    assert tally(ERROR, ERROR, of_nginx("10.0.0.1"), of_nginx("10.0.0.2"), each=each).requests == 2


def test_a_log_that_changes_its_form_is_read_on() -> None:
    assert tally(plain("10.0.0.1"), of_nginx("10.0.0.2"), plain("10.0.0.3"), each=True).requests == 3


def test_too_many_addresses_leave_the_commonest_right_within_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 50)
    dice = random.Random(7)
    truth, seen = Counter[bytes](), Addresses()
    for _ in range(400):
        part = Counter(b"%d" % int(dice.paretovariate(0.4)) for _ in range(100))
        truth.update(part)
        seen.add(part.items())

    assert len(truth) > 1000
    assert len(seen.counts) <= 100
    assert seen.short > 0
    for address, number in truth.items():
        assert number - seen.short <= seen.counts.get(address, 0) <= number
    assert {address for address, _ in truth.most_common(3)} <= seen.counts.keys()


def test_the_sum_of_two_tallies_is_the_tally_of_both() -> None:
    lines = [plain(f"10.0.{number % 3}.1", NOON + 60 * number) for number in range(40)]
    whole = tally(*lines, each=True)
    parts = tally(*lines[:15], each=True)
    parts.merge(tally(*lines[15:], each=True))

    assert (parts.requests, parts.kinds, parts.addresses.counts) == (40, whole.kinds, whole.addresses.counts)
    assert parts.timeline.spans == whole.timeline.spans


def test_a_timeline_stays_small_and_loses_nobody() -> None:
    timeline = Timeline()
    for minute in range(20_000):
        timeline.add(NOON + 60 * minute, Counter({Kind.PUBLIC: 2}))

    assert len(timeline.spans) <= module.MOMENTS
    assert sum(counts.total() for counts in timeline.spans.values()) == 40_000
    assert min(timeline.spans) * timeline.width <= NOON < (min(timeline.spans) + 1) * timeline.width
