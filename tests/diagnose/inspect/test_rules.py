"""Each rule speaks where the objects prove it, and keeps silent on the nearest that are in order."""

from __future__ import annotations

import pytest

from diagnose.catalogue import configured_around, configured_kong, configured_way
from tests.diagnose.inspect.cases import CASES, HETZNER, Case
from tests.diagnose.inspect.taking import PASTED, kinds_of, taken
from tests.diagnose.inspect.things import found_in, kong, service

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.about}")


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
    codes = {fault.code for fault in (*configured_kong.FAULTS, *configured_way.FAULTS, *configured_around.FAULTS)}
    assert codes == {case.code for case in CASES}


@every_case
def test_a_remedy_that_is_pasted_cures_what_it_is_for(case: Case) -> None:
    finding = found_in(*case.wrong)[case.code]
    cured = taken(case.wrong, finding)
    assert (cured != list(case.wrong)) == bool(kinds_of(finding) & PASTED)
    if kinds_of(finding) and kinds_of(finding) <= PASTED:
        assert case.code not in found_in(*cured)


def test_many_remedies_are_pasted() -> None:
    codes = {case.code for case in CASES if kinds_of(found_in(*case.wrong)[case.code]) & PASTED}
    assert len(codes) >= 15


@pytest.mark.parametrize("told", [{}, {"PROXY_LISTEN": "off"}])
def test_a_stream_listener_behind_proxy_headers_is_told_by_its_own_setting(told: dict[str, str]) -> None:
    sends = service({f"{HETZNER}uses-proxyprotocol": "true"}, ports=[{"port": 9000, "targetPort": 9000}])
    finding = found_in(kong(**told, STREAM_LISTEN="0.0.0.0:9000"), sends)["KIP726"]
    assert "env KONG_STREAM_LISTEN: 0.0.0.0:9000 (port 9000 does not expect it)" in "\n".join(finding.because)
    assert "400" not in "\n".join(finding.because), "that is HTTP's answer"
    assert finding.remedy is not None
    assert not kinds_of(finding) & PASTED, "no header has to do with it, and KONG_STREAM_LISTEN is told by the note"
