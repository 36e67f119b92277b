"""Rounds of a watch on a lab that is cured meanwhile, and on a site that says what went wrong (a fake, as it tells)."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from diagnose.errors import Stop
from diagnose.lab.site import LabSite, open_lab
from diagnose.report.report import Verdict
from diagnose.run import Options
from diagnose.site import Backend, Progress
from diagnose.watch.rounds import Pace, Round, rounds

FAST = Pace(interval=0.0)
FEW = Options(connections=4)


def silent(line: str) -> None:
    """Progress that nobody reads."""


def verdicts(seen: list[Round]) -> list[Verdict | None]:
    return [one.report.verdict if one.report else None for one in seen]


def test_the_cure_of_a_lab_is_seen_when_it_arrives_and_where_it_has_not_yet() -> None:
    before = threading.active_count()
    with open_lab("rollout") as site:
        seen = list(islice(rounds(site, FEW, FAST, silent), 8))

    assert verdicts(seen) == [Verdict.LOST] * 6 + [Verdict.PRESERVED] * 2
    assert [one.number for one in seen] == list(range(1, 9))
    halfway = seen[5].report
    assert halfway is not None
    assert {group.verdict for group in halfway.groups if group.vantage == "outside"} == {
        Verdict.LOST,
        Verdict.PRESERVED,
    }
    assert threading.active_count() == before


def test_only_the_first_round_probes_from_inside() -> None:
    with open_lab("preserved") as site:
        first, second = islice(rounds(site, FEW, FAST, silent), 2)

    assert first.report is not None
    assert second.report is not None
    assert {group.vantage for group in first.report.groups} == {"inside", "outside"}
    assert {group.vantage for group in second.report.groups} == {"outside"}


def test_a_watch_ends_when_its_time_is_up() -> None:
    with open_lab("preserved") as site:
        seen = list(rounds(site, FEW, Pace(interval=0.2, duration=0.5), silent))

    assert 1 <= len(seen) <= 3


class Troubled(LabSite):
    """A lab whose surroundings cannot always be read, whose pods change and whose echo goes: a fake of a cluster."""

    def __init__(self, lab: LabSite, script: list[str]) -> None:
        self.__dict__.update(lab.__dict__)
        self.script = script
        self.deployed = 0

    def deploy(self, progress: Progress) -> Backend:
        self.deployed += 1
        return super().deploy(progress)

    def refresh(self) -> bool:
        match self.script.pop(0):
            case "unreachable":
                raise Stop("The API server does not answer.", "Wait.")
            case "echo gone":
                return False
            case "pod gone":
                self.kongs = self.kongs[:1]
        return True


def test_what_cannot_be_asked_in_a_later_round_is_told_and_the_watch_goes_on() -> None:
    with open_lab("preserved") as lab:
        site = Troubled(lab, ["unreachable", "well"])
        _, second, third = islice(rounds(site, FEW, FAST, silent), 3)

    assert (second.report, second.trouble) == (None, "The API server does not answer. Wait.")
    assert third.trouble is None
    assert verdicts([third]) == [Verdict.PRESERVED]


def test_an_echo_that_is_gone_is_made_anew_and_only_then() -> None:
    with open_lab("preserved") as lab:
        site = Troubled(lab, ["well", "echo gone", "well"])
        seen = list(islice(rounds(site, FEW, FAST, silent), 4))

    assert site.deployed == 2
    assert verdicts(seen) == [Verdict.PRESERVED] * 4


def test_a_pod_that_vanishes_is_a_change_and_no_error() -> None:
    with open_lab("preserved") as lab:
        site = Troubled(lab, ["pod gone", "well"])
        seen = list(islice(rounds(site, FEW, FAST, silent), 3))

    assert [one.went for one in seen] == [(), ("kong/kong-b",), ()]
    assert all(one.trouble is None for one in seen)


def test_a_first_round_that_cannot_be_played_stops_the_watch() -> None:
    class Refusing(Troubled):
        """A fake: it cannot deploy."""

        def deploy(self, progress: Progress) -> Backend:
            raise Stop("Nothing can be deployed.", "Ask for the right.")

    with open_lab("preserved") as lab, pytest.raises(Stop, match="Nothing can be deployed"):
        next(rounds(Refusing(lab, []), FEW, FAST, silent))
