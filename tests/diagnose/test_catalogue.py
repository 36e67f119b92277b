"""The catalogue: its codes are identities, and every code that is reported is in it."""

from __future__ import annotations

import re
from inspect import cleandoc
from pathlib import Path

import pytest

from diagnose import catalogue
from diagnose.catalogue import (
    FAULTS,
    RETIRED,
    balancer,
    caller,
    configuration,
    network,
    proxy_protocol,
    trust,
    upstream,
)
from diagnose.catalogue.fault import Fault

SOURCE = Path(catalogue.__file__).parent.parent
HUNDREDS = (caller, balancer, network, proxy_protocol, trust, upstream, configuration)
ENTRIES = [fault for hundred in HUNDREDS for fault in hundred.FAULTS]

every_fault = pytest.mark.parametrize("fault", ENTRIES, ids=lambda fault: fault.code)


def used_codes() -> dict[str, str]:
    """Every code that a module outside the catalogue names, with one module that does."""
    modules = (path for path in SOURCE.rglob("*.py") if "catalogue" not in path.relative_to(SOURCE).parts)
    return {code: path.name for path in modules for code in re.findall(r"KIP\d{3}", path.read_text("utf-8"))}


def test_no_two_faults_share_a_code_or_a_name() -> None:
    assert len({fault.code for fault in ENTRIES}) == len(ENTRIES) == len(FAULTS)
    assert len({fault.name for fault in ENTRIES}) == len(ENTRIES)


def test_a_retired_code_is_not_used_again() -> None:
    assert not RETIRED & FAULTS.keys()


def test_every_code_that_is_reported_is_in_the_catalogue() -> None:
    used = used_codes()
    assert used, "no code is used anywhere: the search is wrong"
    assert {code: module for code, module in used.items() if code not in FAULTS} == {}


def test_codes_stand_in_order() -> None:
    assert list(FAULTS) == sorted(FAULTS)


def test_a_fault_is_found_by_its_code() -> None:
    assert catalogue.fault("KIP301").name == "node-masquerade"


def test_an_unknown_code_is_no_fault() -> None:
    with pytest.raises(KeyError):
        catalogue.fault("KIP999")


@every_fault
def test_a_code_and_a_name_look_as_users_expect(fault: Fault) -> None:
    assert re.fullmatch(r"KIP[1-7]\d\d", fault.code)
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", fault.name)


@every_fault
def test_a_title_fits_into_the_middle_of_a_sentence(fault: Fault) -> None:
    assert not fault.title.endswith(".")
    assert "\n" not in fault.title
    assert len(fault.title) <= 100
    assert fault.title[0].islower() or fault.title.startswith("Kong")


@every_fault
def test_a_fault_says_why_how_it_is_told_apart_and_what_helps(fault: Fault) -> None:
    for text in (fault.why, fault.tell_apart, fault.cure):
        assert len(cleandoc(text)) > 80
        assert cleandoc(text).endswith((".", "`", "kongip"))


@every_fault
def test_a_fault_refers_only_to_faults_that_exist(fault: Fault) -> None:
    named = set(re.findall(r"KIP\d{3}", fault.why + fault.tell_apart + fault.cure))
    assert named <= FAULTS.keys() - {fault.code}
