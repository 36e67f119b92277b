"""Each rule speaks where the objects prove it, and keeps silent on the nearest that are in order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from diagnose.catalogue import configured_kong, configured_way
from diagnose.cluster.replies import Object
from diagnose.report.report import Finding
from tests.diagnose.inspect.cases import CASES, Case
from tests.diagnose.inspect.things import found_in

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.about}")

PASTED = {"manifest", "kong"}
"""The kinds of step that are to be pasted as they are; a note leaves something to be looked up."""


@every_case
def test_a_rule_speaks_and_names_the_object_and_the_field(case: Case) -> None:
    finding = found_in(*case.wrong)[case.code]
    evidence = "\n".join(finding.because)
    assert [words for words in case.told if words not in evidence] == []
    assert finding.remedy is not None
    assert finding.remedy.summary
    assert finding.remedy.sufficient is None, "without traffic nobody knows"


@every_case
def test_a_rule_keeps_silent_on_the_nearest_configuration_that_is_in_order(case: Case) -> None:
    assert case.code not in found_in(*case.right)


def test_every_code_has_a_case() -> None:
    codes = {fault.code for fault in (*configured_kong.FAULTS, *configured_way.FAULTS)}
    assert codes == {case.code for case in CASES}


@every_case
def test_a_remedy_that_is_pasted_cures_what_it_is_for(case: Case) -> None:
    finding = found_in(*case.wrong)[case.code]
    cured = [pasted(thing, finding) for thing in case.wrong]
    assert (cured != list(case.wrong)) == bool(kinds_of(finding) & PASTED)
    if kinds_of(finding) and kinds_of(finding) <= PASTED:
        assert case.code not in found_in(*cured)


def test_many_remedies_are_pasted() -> None:
    codes = {case.code for case in CASES if kinds_of(found_in(*case.wrong)[case.code]) & PASTED}
    assert len(codes) >= 15


def kinds_of(finding: Finding) -> set[str]:
    """The kinds of the steps of its remedy."""
    return {step.kind for step in finding.remedy.steps} if finding.remedy else set()


def pasted(thing: Object, finding: Finding) -> Object:
    """``thing`` once every step that concerns it has been applied."""
    changed = copy.deepcopy(thing)
    assert finding.remedy is not None
    for step in finding.remedy.steps:
        if step.kind == "kong" and thing["kind"] == "Deployment":
            container = changed["spec"]["template"]["spec"]["containers"][0]
            lines = dict(line.split("=", 1) for line in step.text.splitlines())
            kept = [entry for entry in container["env"] if entry["name"] not in lines]
            container["env"] = [*kept, *({"name": name, "value": value} for name, value in lines.items())]
        elif step.kind == "manifest":
            content = yaml.safe_load(step.text)
            whose = "Deployment" if "template" in content.get("spec", {}) else "Service"
            changed = merged(changed, content) if thing["kind"] == whose else changed
    return changed


def merged(thing: Any, content: Any) -> Any:
    """``thing`` with ``content`` laid over it, as kubectl apply does with mappings."""
    if not isinstance(content, dict):
        return content
    return {**thing, **{key: merged(thing.get(key) or {}, value) for key, value in content.items()}}
