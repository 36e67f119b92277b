"""With placeholders nothing tells whose it is, and everything that is said of the fault stays as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.evidence.file import document, record_in
from diagnose.evidence.record import Record
from diagnose.evidence.secrets import without_secrets
from diagnose.judge import judge
from diagnose.owners import Kind
from diagnose.redact.redact import of_context, redacted, redacted_report
from diagnose.report.formats import FORMATS, render
from diagnose.report.report import Report
from diagnose.site import Entry, Gap
from tests.diagnose.evidence.records import WAYS, recorded
from tests.diagnose.evidence.test_secrets import said
from tests.diagnose.explain.simulator import Way
from tests.diagnose.report.reports import EVERY

ADDRESS = re.compile(r"(?<![\w.])(?:10|192|198|203|8|127)(?:\.\d{1,3}){3}(?![\w.]*\d)")
PUBLIC_KNOWLEDGE = {"127.0.0.0", "127.0.0.1", "127.0.0.6"}
NAMES = ("edge-proxy", "edge-kong", "kong/kong-0", "node-a", "api.example.org", "kong/")

ways = pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))


def verdict_of(report: Report) -> Any:
    """What a report says of the fault, whoever it is told of."""
    findings = [(one.code, one.severity, one.layer, one.remedy and one.remedy.sufficient) for one in report.findings]
    groups = [(group.verdict, group.culprits, group.connections) for group in report.groups]
    rungs = [(rung.layer, rung.behaviour, rung.status) for rung in report.path]
    return report.verdict, report.culprits, findings, groups, rungs, report.exit_status


def shared(report: Report) -> Iterator[str]:
    """Every output of a report, without the catalogue's own text, which has examples of addresses."""
    for form in FORMATS:
        yield re.sub(r"<details><summary>More of .*?</details>", "", render(report, form), flags=re.DOTALL)


@ways
def test_the_verdict_and_the_codes_stay(way: Any) -> None:
    record = without_secrets(recorded(way))
    plain = judge(record)
    kept, shown = redacted(record, plain)
    assert verdict_of(shown) == verdict_of(plain)
    assert verdict_of(judge(kept)) == verdict_of(plain)


@ways
@pytest.mark.parametrize("told", [(), ("198.51.100.0/24",)], ids=["unknown caller", "a range"])
def test_no_address_and_no_name_is_left(way: Any, told: tuple[str, ...]) -> None:
    record = without_secrets(recorded(way, told))
    kept, shown = redacted(record, judge(record))
    for text in (said(kept), *shared(shown)):
        assert set(ADDRESS.findall(text)) <= PUBLIC_KNOWLEDGE
        assert [name for name in NAMES if name in text.replace("docs/findings", "")] == []
        assert not re.search(r"context prod|in prod\b|namespace kong\b", text)


def called(way: Way, names: Sequence[str]) -> Record:
    """A run in which everything has one of these names, and sentences of others name them, too."""
    namespace, service, pod, node, context, workload = names
    told = json.dumps(document(without_secrets(recorded(way))))
    for old, new in (
        ("kong/edge-proxy", f"{namespace}/{service}"),
        ("kong/edge-kong", f"{namespace}/{workload}"),
        ("deployment/edge-kong", f"deployment/{workload}"),
        ("kong/kong-0", f"{namespace}/{pod}"),
        ("node-a", node),
        ("--context prod", f"--context {context}"),
        (" in prod", f" in {context}"),
        ('"namespace": "kong"', f'"namespace": "{namespace}"'),
    ):
        told = told.replace(old, new)
    record = record_in(json.loads(told))
    sentence = f"{context} says: the quota of {namespace} is used up, {pod}-x2 on {node} ({workload}: {service}) waits"
    return replace(
        record,
        echo=replace(record.echo, problem=sentence),
        gaps=(Gap("the log", sentence),),
        place=replace(record.place, unprobed=(sentence,), missing_rights=(f"list pods in namespace {namespace}",)),
    )


foreign = st.from_regex(r"[jqxz]{4,7}(-[jqxz0-9]{2,5})?", fullmatch=True)
"""Names that nothing which kongip writes has in it."""


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(WAYS), st.lists(foreign, min_size=6, max_size=6, unique=True))
def test_no_name_that_is_known_is_left_in_any_output(way: Way, names: list[str]) -> None:
    record = called(way, names)
    plain = judge(record)
    kept, shown = redacted(record, plain)
    assert any(names[0] in text for text in shared(plain))
    for text in (said(kept), *shared(shown)):
        assert [name for name in names if re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", text)] == []
    assert verdict_of(shown) == verdict_of(plain) == verdict_of(judge(kept))


OWN = (
    *("http", "https", "answer", "connect", "tls", "outside", "inside", "none", "any", "lost", "kong", "default"),
    *("node", "preserved", "proven", "error", "node-a", "gateway", "x-real-ip", "proxy-protocol", "kubectl"),
)
"""Names that stand in reports for something else."""


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(WAYS), st.lists(st.sampled_from(OWN), min_size=6, max_size=6, unique=True))
def test_a_name_that_is_a_word_of_kongips_own_changes_nothing_that_is_said(way: Way, names: list[str]) -> None:
    record = called(way, names)
    plain = judge(record)
    kept, shown = redacted(record, plain)
    assert verdict_of(shown) == verdict_of(plain) == verdict_of(judge(kept))
    assert [(one.scheme, one.vantage) for one in shown.groups] == [(one.scheme, one.vantage) for one in plain.groups]


@ways
def test_the_report_says_the_same_of_what_was_kept(way: Any) -> None:
    """One placeholder for one thing, in the report and in the evidence: explained again it names the same ones."""
    record = without_secrets(recorded(way))
    kept, shown = redacted(record, judge(record))
    again = judge(kept)
    assert again.redacted
    assert again.groups == shown.groups
    assert again.path == shown.path
    assert [probe.logged for probe in again.probes] == [probe.logged for probe in shown.probes]


def test_what_has_placeholders_keeps_them() -> None:
    record = without_secrets(recorded(WAYS[1]))
    kept, _ = redacted(record, judge(record))
    again, shown = redacted(kept, judge(kept))
    assert document(again) == document(kept)
    assert shown == judge(kept)


def test_commands_stay_commands() -> None:
    patch = _steps(redacted_report(EVERY["lost"], "kongip diagnose --context production"))[0]
    assert patch == (
        "kubectl --context context-1 --namespace namespace-1 patch service service-1 --type merge "
        """--patch '{"spec":{"externalTrafficPolicy":"Local"}}'"""
    )
    listen = _steps(redacted_report(EVERY["unreachable"], "kongip diagnose --context production"))[0]
    first, header, trusted = listen.splitlines()
    assert first.startswith("KONG_PROXY_LISTEN=0.0.0.0:8000 proxy_protocol reuseport backlog=16384")
    assert header == "KONG_REAL_IP_HEADER=proxy_protocol"
    assert re.fullmatch(r"KONG_TRUSTED_IPS=240\.\d+\.\d+\.\d+/24", trusted)


def _steps(report: Report) -> list[str]:
    return [step.text for one in report.findings if one.remedy is not None for step in one.remedy.steps]


@pytest.mark.parametrize("report", EVERY.values(), ids=list(EVERY))
def test_a_report_without_a_record_is_redacted_too(report: Report) -> None:
    shown = redacted_report(report, "kongip diagnose --context production --url https://shop.example.com")
    text = "".join(shared(shown))
    assert verdict_of(shown) == verdict_of(report)
    assert set(ADDRESS.findall(text)) == set()
    hidden = ("kong-gateway-proxy", "kong-5d9c", "node-b", "shop.example.com", "production", "namespace kong")
    assert [name for name in hidden if name in text] == []


@pytest.mark.parametrize("number", [1, 3])
def test_of_several_contexts_each_has_a_placeholder_of_its_own(number: int) -> None:
    report = replace(EVERY["lost"], site="Service kong/kong-proxy in production", headline="see context-10, context-1a")
    shown = redacted_report(report, "kongip diagnose --context=production --output=json")
    told = of_context(shown, number)
    assert told.site.endswith(f" in context-{number}")
    assert f"--context context-{number} " in _steps(told)[0]
    assert of_context(shown, 1) == shown
    assert told.headline == shown.headline


def test_of_a_quoted_line_only_the_nonce_is_left() -> None:
    """Kong quotes a PROXY header of version 2 as bytes, of which some are an address."""
    record = without_secrets(recorded(WAYS[0]))
    nonce, [line] = next(iter(record.logs.access.items()))
    quoted = replace(line, request=f"\\x0A\\x03\\x01\\x05 {nonce}")
    record = replace(record, logs=replace(record.logs, access={**record.logs.access, nonce: (quoted,)}))
    kept, _ = redacted(record, judge(record))
    assert [one.request for one in kept.logs.access[nonce]] == [nonce]


def test_an_address_of_the_loopback_range_is_still_known_as_one() -> None:
    record = without_secrets(recorded(Way(node="127.0.0.9")))
    kept, _ = redacted(record, judge(record))
    logged = {line.address for lines in kept.logs.access.values() for line in lines} - {"127.0.0.9"}
    owners = [
        owner for text in logged if text.startswith("240.") for owner in kept.place.inventory.owners(ip_address(text))
    ]
    assert Kind.LOOPBACK in {owner.kind for owner in owners}


def test_hosts_and_certificates_are_names() -> None:
    record: Record = recorded(WAYS[15])
    entry: Entry = replace(record.ways[0].entry, host="shop.customer.example", name="https://shop.customer.example")
    sent = replace(record.shots[0].sent, certificate="ab" * 32)
    record = replace(
        record,
        ways=(replace(record.ways[0], entry=entry),),
        shots=(replace(record.shots[0], sent=sent), *record.shots[1:]),
        place=replace(record.place, unprobed=("routes are for a.customer.example, which leads to 8.8.8.8",)),
    )
    kept, shown = redacted(without_secrets(record), judge(record))
    text = said(kept) + render(shown, "json")
    assert "customer.example" not in text
    assert "ab" * 32 not in text
    assert "https://host-" in text


def test_the_lab_of_the_readme_is_shared_without_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from diagnose.cli import main

    saved = tmp_path / "run.json"
    assert (
        main(["diagnose", "--lab", "node-masquerade", "-q", "--redact", "--save", str(saved), "--output", "json"]) == 1
    )
    printed = capsys.readouterr().out
    assert main(["diagnose", "--from", str(saved), "--output", "json"]) == 1
    again = json.loads(capsys.readouterr().out)
    assert again["redacted"] is True
    for text in (printed, saved.read_text("utf-8")):
        assert set(re.findall(r"127\.\d+\.\d+\.\d+", text)) <= PUBLIC_KNOWLEDGE
        assert "kong-proxy" not in text
    assert (again["verdict"], again["culprits"]) == ("lost", json.loads(printed)["culprits"])
