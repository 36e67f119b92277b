"""Splitting: which further probe would tell apart what is still possible."""

from __future__ import annotations

import pytest

from diagnose.explain.bindings import Addresses
from diagnose.explain.senders import find_senders
from diagnose.explain.splitting import Splits, find_splits
from diagnose.plan import Planned, Planner, worth_sending
from diagnose.site import Fact
from probes.claims import Claims
from tests.diagnose.explain.simulator import BALANCER, BRIDGE, ENTRY, Way, evidence, inventory

CLEAN = (
    Way(),
    Way("appends", header="X-Forwarded-For", trusted=(BALANCER,)),
)
WRONG = (
    Way("proxies"),
    Way(node=BRIDGE),
    Way("appends", header="X-Forwarded-For"),
    Way(trusted=("0.0.0.0/0", "::/0")),
)


def splits(way: Way, left: list[Planned], *, sent: int = 1, facts: tuple[Fact, ...] = ()) -> Splits:
    """What is left to tell after the first ``sent`` observations of a way: a plain one, then a kind each."""
    observations = evidence(way, connections=1)[:sent]
    addresses = Addresses(inventory(), find_senders((), observations, inventory(), None))
    return find_splits(observations, facts, [way.settings], addresses, [one.probe for one in left])


def kinds() -> list[Planned]:
    return Planner("/kongip-x", "secret", Claims()).kinds(ENTRY)


@pytest.mark.parametrize("way", CLEAN, ids=lambda way: way.balancer)
def test_a_clean_path_needs_few_kinds_of_probe(way: Way) -> None:
    left = kinds()

    assert len(worth_sending(left, splits(way, left))) < len(left) / 2


@pytest.mark.parametrize("way", WRONG, ids=str)
def test_where_something_is_wrong_every_kind_is_sent(way: Way) -> None:
    left = kinds()

    assert {one.probe.nonce for one in worth_sending(left, splits(way, left))} == {one.probe.nonce for one in left}


def test_that_kong_believes_a_header_against_its_settings_is_asked_on_a_clean_path_too() -> None:
    way, left = Way(), kinds()
    asked: set[str] = set()
    while wanted := worth_sending(left, splits(way, left, sent=1 + len(asked))):
        asked |= {one.kind for one in wanted}
        left = [one for one in left if one.kind not in asked]

    assert asked == {"X-Forwarded-For", "X-Real-IP"}


def test_what_splits_best_comes_first_and_says_so() -> None:
    left = kinds()
    found = splits(Way("proxies"), left)
    wanted = worth_sending(left, found)
    others = [found.others[one.probe.nonce] for one in wanted]

    assert others == sorted(others, reverse=True)
    assert f"{others[0]} of {found.remaining} explanations" in wanted[0].why


def test_nothing_is_left_to_ask_once_all_of_it_was_asked() -> None:
    left = kinds()

    assert not any(splits(CLEAN[0], left, sent=8).others.values())


def test_whether_a_header_that_kong_reads_is_left_as_a_caller_wrote_it_is_always_asked() -> None:
    way = Way("preserves", header="CF-Connecting-IP", trusted=(BALANCER,))
    left = Planner("/kongip-x", "secret", Claims(also=("CF-Connecting-IP",))).kinds(ENTRY)

    (due,) = (one for one in left if one.probe.nonce in splits(way, left).due)

    assert "CF-Connecting-IP" in {claim.channel for claim in due.probe.claims}


def test_of_a_kong_that_trusts_nobody_nothing_is_due() -> None:
    left = Planner("/kongip-x", "secret", Claims(also=("CF-Connecting-IP",))).kinds(ENTRY)

    assert not splits(Way(header="CF-Connecting-IP"), left).due
