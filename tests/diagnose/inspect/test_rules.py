"""Each rule speaks where the objects prove it, and keeps silent on the nearest that are in order."""

from __future__ import annotations

import pytest

from diagnose.catalogue import configured_around, configured_kong, configured_way
from diagnose.cluster.replies import Object
from diagnose.remedies.told import BREAKS
from diagnose.report.report import Finding
from tests.diagnose.inspect.cases import CASES, HETZNER, NLB, PP, TYPE, Case
from tests.diagnose.inspect.taking import PASTED, kinds_of, taken
from tests.diagnose.inspect.things import AWS, BUILT_IN, PROXIED, found_in, kong, proxied, service

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


def told_by(finding: Finding) -> str:
    """What a remedy says in words."""
    assert finding.remedy is not None
    return "\n".join((finding.remedy.summary, *(step.text for step in finding.remedy.steps), *finding.remedy.effects))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"KONG_TRUSTED_IPS": "10.0.0.0/8"}, "KONG_TRUSTED_IPS was not in force until now"),
        ({"KONG_TRUSTED_IPS": "0.0.0.0/0"}, "KONG_TRUSTED_IPS as it is written trusts everyone"),
        ({"KONG_TRUSTED_IPS": "0.0.0.0/1,128.0.0.0/1"}, "trusts everyone"),
        ({"KONG_TRUSTED_IPS": "*"}, "Kong does not start with '*'"),
        ({"KONG_REAL_IP_HEADER": "X Y"}, "would not start"),
        ({"KONG_PROXY_LISTEN": PROXIED}, "demands PROXY headers"),
        ({"KONG_TRUSTED_IPS": "10.0.0.0/8", "TRUSTED_IPS": "10.9.0.0/16"}, "is told already"),
    ],
)
def test_what_a_doubled_prefix_kept_out_of_force_is_told(told: dict[str, str], words: str) -> None:
    assert words in told_by(found_in(kong(**told))["KIP706"])


@pytest.mark.parametrize("told", [{"KONG_TRUSTED_IPS": "10.0.0.0/8"}, {"KONG_PG_PASSWORD": "*"}])
def test_what_is_in_order_with_a_doubled_prefix_gives_no_alarm(told: dict[str, str]) -> None:
    words = told_by(found_in(kong(**told))["KIP706"])
    assert [one for one in ("everyone", "would not start", "PROXY headers", "*") if one in words] == []


def test_every_setting_that_is_refused_is_told() -> None:
    finding = found_in(
        kong(PROXY_LISTEN="0.0.0.0:8000 proxy-protocol", TRUSTED_IPS="*", REAL_IP_HEADER="X Y"), service()
    )["KIP707"]
    evidence = "\n".join(finding.because)
    assert [
        name for name in ("PROXY_LISTEN", "TRUSTED_IPS", "REAL_IP_HEADER") if f"env KONG_{name}" not in evidence
    ] == []
    assert "write the settings as Kong reads them" in told_by(finding)


def test_a_refused_header_is_the_one_that_is_in_force() -> None:
    assert "KIP707" not in found_in(kong(REAL_IP_HEADER="X Y", NGINX_PROXY_REAL_IP_HEADER="X-Real-IP"))
    finding = found_in(kong(REAL_IP_HEADER="X-Real-IP", NGINX_PROXY_REAL_IP_HEADER="X Y"))["KIP707"]
    assert "KONG_NGINX_PROXY_REAL_IP_HEADER: X Y" in finding.because[-1]


@pytest.mark.parametrize("flag", ["proxy-protocol", "PROXY_PROTOCOL", "proxyprotocol", "Proxy_Protocol"])
def test_a_slip_for_proxy_protocol_is_told(flag: str) -> None:
    words = told_by(found_in(kong(PROXY_LISTEN=f"0.0.0.0:8000 {flag}, 0.0.0.0:8443 ssl"))["KIP707"])
    assert "spelt proxy_protocol" in words
    assert "from that moment on" in words


def test_another_slip_is_none_for_proxy_protocol() -> None:
    finding = found_in(kong(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 tls"))["KIP707"]
    assert "spelt" not in told_by(finding)


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
