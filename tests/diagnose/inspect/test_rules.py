"""Each rule speaks where the objects prove it, and keeps silent on the nearest that are in order."""

from __future__ import annotations

import pytest

from diagnose.catalogue import configured_around, configured_kong, configured_way
from diagnose.cluster.replies import Object
from diagnose.remedies.told import BREAKS
from tests.diagnose.inspect.cases import CASES, HETZNER, NLB, PP, TYPE, Case
from tests.diagnose.inspect.taking import PASTED, kinds_of, taken
from tests.diagnose.inspect.things import AWS, BUILT_IN, found_in, kong, proxied, service

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


@pytest.mark.parametrize(
    ("listening", "before"),
    [
        (kong(), service({PP: "true"}, BUILT_IN)),
        (kong(PROXY_LISTEN="0.0.0.0:8000, 0.0.0.0:8443 ssl proxy_protocol"), service({PP: "true"}, BUILT_IN)),
        (kong(), service({TYPE: "nlb", PP: "true"})),
    ],
)
def test_a_value_that_is_not_read_is_mended_together_with_the_listeners(listening: Object, before: Object) -> None:
    things = (listening, before)
    finding = found_in(*things)["KIP722"]
    assert finding.remedy is not None
    assert BREAKS in finding.remedy.effects
    left = found_in(*taken(things, finding))
    assert not left.keys() & {"KIP722", "KIP723", "KIP725", "KIP726", "KIP735"}
    assert "KIP709" in left, "whom to trust is for the reader to find out, and said by a note"


def test_a_value_of_an_annotation_that_nobody_reads_at_all_is_left_alone() -> None:
    assert "KIP722" not in found_in(kong(), service({TYPE: "nlb", PP: "true"}, BUILT_IN))


def test_a_value_that_is_not_read_is_mended_by_itself_where_all_listeners_wait_for_it() -> None:
    remedy = found_in(proxied(), service({PP: "true"}, BUILT_IN))["KIP722"].remedy
    assert remedy is not None
    assert (remedy.summary, len(remedy.steps), remedy.effects) == ('write "*"', 1, ())


@pytest.mark.parametrize(("code", "metadata"), [("KIP723", None), ("KIP722", BUILT_IN)])
def test_a_class_that_takes_a_new_balancer_is_said_to(code: str, metadata: Object | None) -> None:
    remedy = found_in(proxied(), service(NLB, metadata))[code].remedy
    assert remedy is not None
    assert "another address" in "\n".join(remedy.effects)


def test_evidence_names_each_object_and_field_once() -> None:
    told = {f"{AWS}scheme": "internal", f"{AWS}backend-protocol": "tcp", PP: "*"}
    (line, *_) = found_in(kong(), service(told))["KIP726"].because
    assert line.count("Service kong/kong-proxy") == line.count(f"{PP}: *") == 1
    assert not line.endswith("...")


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
