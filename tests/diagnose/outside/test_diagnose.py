"""The whole command against a Kong outside Kubernetes: the stand-in with its log files, HAProxy, the real echo."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
from pathlib import Path

import jsonschema
import pytest

from tests.diagnose.outside import bed
from tests.diagnose.outside.bed import BALANCER, CALLER, ECHO_PATH, KONG, Kong, diagnose
from tests.gateway.routes import PathMatch, Route, as_lua
from tests.gateway.running import backend, until

pytestmark = pytest.mark.usefixtures("parts")

SCHEMA = json.loads((bed.ROOT / "docs" / "report.schema.json").read_text("utf-8"))
FORWARDFOR = {"mode": "http", "options": "option forwardfor"}
BY_PROXY = {"KONG_TRUSTED_IPS": BALANCER, "KONG_REAL_IP_HEADER": "proxy_protocol"}
EVERYONE = {
    "KONG_TRUSTED_IPS": "0.0.0.0/0,::/0",
    "KONG_REAL_IP_HEADER": "X-Forwarded-For",
    "KONG_REAL_IP_RECURSIVE": "on",
}


def logs(kong: Kong) -> list[str]:
    return ["--kong-log", str(kong.files.access_log), "--kong-error-log", str(kong.files.error_log)]


def test_a_balancer_that_tells_nothing_loses_the_address_and_kong_itself_does_not(
    tmp_path: Path, echo_port: int
) -> None:
    with bed.kong(tmp_path, echo=echo_port) as kong, bed.haproxy(tmp_path, kong.port) as url:
        run = diagnose("--url", url, "--direct", kong.url, "--echo-path", ECHO_PATH, *logs(kong))

    jsonschema.validate(run.report, SCHEMA)
    assert (run.report["verdict"], run.status) == ("lost", 1)
    assert ("load_balancer", "possible") in run.verdict[1]
    assert {culprit["layer"] for culprit in run.report["culprits"]} == {"load_balancer", "gateway"}
    before, itself = run.report["groups"]
    assert (before["entry"], before["verdict"], before["beside"]) == (url, "lost", False)
    assert before["logged"] == [{"address": BALANCER, "connections": 4}]
    assert (itself["address"], itself["verdict"], itself["beside"]) == (KONG, "preserved", True)
    assert itself["logged"] == [{"address": CALLER, "connections": 4}]
    assert run.report["not_measured"] == []


def test_the_proxy_protocol_preserves_it_though_kong_itself_refuses_who_goes_round_the_balancer(
    tmp_path: Path, echo_port: int
) -> None:
    with (
        bed.kong(tmp_path, BY_PROXY, "proxy_protocol", echo_port) as kong,
        bed.haproxy(tmp_path, kong.port, flags="send-proxy-v2") as url,
    ):
        run = diagnose("--url", url, "--direct", kong.url, "--echo-path", ECHO_PATH, *logs(kong))

    assert run.verdict == ("preserved", set(), 0)
    assert [(group["verdict"], group["beside"]) for group in run.report["groups"]] == [
        ("preserved", False),
        ("unreachable", True),
    ]


def test_a_header_that_kong_does_not_trust_is_kongs_fault(tmp_path: Path, echo_port: int) -> None:
    with bed.kong(tmp_path, echo=echo_port) as kong, bed.haproxy(tmp_path, kong.port, **FORWARDFOR) as url:
        run = diagnose("--url", url, "--echo-path", ECHO_PATH, *logs(kong))

    assert run.verdict == ("lost", {("gateway", "possible")}, 1)
    assert "KIP501" in run.codes
    assert f"X-Forwarded-For: {CALLER}, {BALANCER}" in run.because("KIP501")


def test_a_proxy_header_that_kong_does_not_expect_leaves_it_unreachable(tmp_path: Path, echo_port: int) -> None:
    with bed.kong(tmp_path, echo=echo_port) as kong, bed.haproxy(tmp_path, kong.port, flags="send-proxy") as url:
        run = diagnose("--url", url, "--echo-path", ECHO_PATH, *logs(kong))

    assert run.verdict == ("unreachable", {("load_balancer", "possible"), ("gateway", "possible")}, 1)
    assert f"Kong refused connections of {BALANCER}" in run.because("KIP401")
    assert "KIP602" not in run.codes


def test_the_error_log_tells_who_sent_no_proxy_header(tmp_path: Path, echo_port: int) -> None:
    with bed.kong(tmp_path, flags="proxy_protocol", echo=echo_port) as kong, bed.haproxy(tmp_path, kong.port) as url:
        run = diagnose("--url", url, "--echo-path", ECHO_PATH, *logs(kong))

    assert run.report["verdict"] == "unreachable"
    assert f"Kong refused connections of {BALANCER}" in run.because("KIP402")


def test_without_an_echo_kongs_404_and_its_log_tell(tmp_path: Path) -> None:
    with bed.kong(tmp_path) as kong, bed.haproxy(tmp_path, kong.port) as url:
        run = diagnose("--url", url, "--kong-log", str(kong.files.access_log))
        assert "kongip-" in kong.files.access_log.read_text()

    assert run.report["verdict"] == "lost"
    assert run.report["groups"][0]["logged"] == [{"address": BALANCER, "connections": 4}]
    assert "--echo-path" in run.because("KIP602")
    assert {"what": "Kong's error log", "why": "it was not named (--kong-error-log FILE)"} in run.report["not_measured"]


def test_a_log_of_all_requests_tells_that_the_balancer_took_a_proxy_header_for_a_request(tmp_path: Path) -> None:
    with bed.kong(tmp_path) as kong, bed.haproxy(tmp_path, kong.port, **FORWARDFOR) as url:
        run = diagnose("--url", url, *logs(kong))

    assert run.report["verdict"] == "lost"
    assert "KIP501" in run.codes
    assert "KIP201" not in run.codes  # a proxy that does not look into HTTP would have handed that header on to Kong


def test_without_a_log_the_echo_tells(tmp_path: Path, echo_port: int) -> None:
    with (
        bed.kong(tmp_path, BY_PROXY, "proxy_protocol", echo_port) as kong,
        bed.haproxy(tmp_path, kong.port, flags="send-proxy") as url,
    ):
        run = diagnose("--url", url, "--echo-path", ECHO_PATH)

    assert run.verdict == ("preserved", set(), 0)
    assert {gap["what"] for gap in run.report["not_measured"]} == {"Kong's access log", "Kong's error log"}


def test_with_neither_nothing_is_known_and_nobody_is_blamed(tmp_path: Path) -> None:
    with bed.kong(tmp_path) as kong, bed.haproxy(tmp_path, kong.port) as url:
        run = diagnose("--url", url)

    assert run.verdict == ("undetermined", set(), 3)


def test_a_log_that_is_rotated_in_the_midst_tells_all_the_same(tmp_path: Path) -> None:
    with bed.kong(tmp_path) as kong, bed.haproxy(tmp_path, kong.port) as url:
        whole = threading.Event()

        def rotate() -> None:
            """Move the log away as soon as the first request of the run stands in it."""
            old = kong.files.access_log.with_suffix(".1")
            until(lambda: "kongip-" in kong.files.access_log.read_text(), bed.PATIENCE)
            kong.files.access_log.rename(old)
            kong.reopen_logs()
            whole.set()

        kong.files.access_log.write_text("")
        rotating = threading.Thread(target=rotate)
        rotating.start()
        run = diagnose("--url", url, "--kong-log", str(kong.files.access_log))
        rotating.join()
        assert whole.is_set()

    assert run.report["groups"][0]["logged"] == [{"address": BALANCER, "connections": 4}]


def test_everyone_trusted_is_forged_with_the_log_as_the_only_witness(tmp_path: Path) -> None:
    with bed.kong(tmp_path, EVERYONE) as kong, bed.haproxy(tmp_path, kong.port, **FORWARDFOR) as url:
        run = diagnose("--url", url, *logs(kong))

    assert run.verdict == ("spoofable", {("gateway", "proven")}, 1)
    assert "X-Forwarded-For, and Kong logged it" in run.because("KIP503")


def test_kongs_own_listener_alone_can_be_diagnosed(tmp_path: Path, echo_port: int) -> None:
    with bed.kong(tmp_path, echo=echo_port) as kong:
        run = diagnose("--direct", kong.url, "--echo-path", ECHO_PATH, *logs(kong))

    assert run.verdict == ("preserved", set(), 0)
    assert [group["beside"] for group in run.report["groups"]] == [False]


@pytest.mark.parametrize("case", ["another secret", "no route", "no echo"])
def test_a_route_that_does_not_lead_to_the_echo_is_told_and_the_log_is_used(
    tmp_path: Path, echo_port: int, case: str
) -> None:
    echo = {"another secret": echo_port, "no route": 0, "no echo": bed.free_port(CALLER)}[case]
    secret = {"KONGIP_SECRET": "another-secret-of-the-user"} if case == "another secret" else {}
    with bed.kong(tmp_path, echo=echo) as kong, bed.haproxy(tmp_path, kong.port) as url:
        run = diagnose("--url", url, "--echo-path", ECHO_PATH, *logs(kong), variables=secret)

    told = {
        "another secret": "with the same KONGIP_SECRET?",
        "no route": f"No route of Kong's takes requests for {ECHO_PATH}",
        "no echo": "Is the echo running there",
    }
    assert told[case] in run.because("KIP602")
    assert run.report["verdict"] == "lost"
    assert bed.SECRET not in json.dumps(run.report) + run.errors


def test_an_application_that_takes_any_path_gets_one_request_and_no_more(tmp_path: Path) -> None:
    with backend() as application, bed.kong(tmp_path) as kong, bed.haproxy(tmp_path, kong.port) as url:
        kong.files.routes.write_text(
            as_lua([Route(None, "/", PathMatch.SEGMENTS, False, ((CALLER, application.port),))])
        )
        until(lambda: _passed_on(kong), bed.PATIENCE)
        application.requests.clear()
        run = diagnose("--url", url, "--kong-log", str(kong.files.access_log))

    assert len(application.requests) == 1
    assert run.report["groups"][0]["logged"] == [{"address": BALANCER, "connections": 1}]
    assert {"what": url, "why": "a route that is not kongip's took the probe, so no more were sent"} in run.report[
        "not_measured"
    ]


def _passed_on(kong: Kong) -> bool:
    """Whether the stand-in has its new routes."""
    connection = http.client.HTTPConnection(KONG, kong.port, timeout=2)
    connection.request("GET", "/")
    with contextlib.closing(connection):
        return connection.getresponse().status == 200


def test_the_text_names_no_cluster(tmp_path: Path, echo_port: int) -> None:
    words = ["--echo-path", ECHO_PATH]
    with bed.kong(tmp_path, echo=echo_port) as kong, bed.haproxy(tmp_path, kong.port) as url:
        command = bed.command("--url", url, "--direct", kong.url, *words, *logs(kong))
        command.remove("json")
        command.remove("--output")
        done = subprocess.run(command, cwd=bed.ROOT, env=bed.environment(), capture_output=True, text=True, check=False)

    assert done.stdout.startswith("✗ lost")
    assert "Round what is before Kong (callers do not take that way)" in done.stdout
    assert "kubectl" not in done.stdout
    assert done.stderr == ""
