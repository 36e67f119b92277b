"""A route made for one run, against the stand-in: it leads to the echo, and is gone however the run ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.diagnose.outside import bed
from tests.diagnose.outside.admin import Admin, admin_api, root
from tests.diagnose.outside.bed import BALANCER, CALLER, KONG, Kong
from tests.gateway.running import backend, until

pytestmark = pytest.mark.usefixtures("parts")


@dataclass(frozen=True, slots=True)
class Bed:
    """The stand-in with the fake Admin API beside it, a balancer before it, and the words of a run."""

    kong: Kong
    admin: Admin
    words: tuple[str, ...]


@contextmanager
def built(folder: Path, echo: int, settings: dict[str, str] | None = None, **balancer: str) -> Iterator[Bed]:
    with bed.kong(folder, settings) as kong, bed.haproxy(folder, kong.port, **balancer) as url:
        listen = {"KONG_PROXY_LISTEN": f"{KONG}:{kong.port}"}
        with admin_api(answer=root({**(settings or {}), **listen}), routes=kong.files.routes) as admin:
            words = ("--url", url, "--kong-log", str(kong.files.access_log), "--admin-url", admin.url)
            echo_url = f"http://{CALLER}:{echo}"
            yield Bed(kong, admin, (*words, "--create-route", "--echo-url", echo_url))


def test_echo_log_and_settings_together_prove_it_and_the_route_is_gone(tmp_path: Path, echo_port: int) -> None:
    with built(tmp_path, echo_port) as made:
        run = bed.diagnose(*made.words)

    assert run.verdict == ("lost", {("load_balancer", "proven")}, 1)
    [finding] = [one for one in run.report["findings"] if one["code"] == "KIP201"]
    assert finding["remedy"]["sufficient"]
    assert f"Kong's TCP peer was {BALANCER}" in run.because("KIP201")
    assert "kongip clean --admin-url" in run.because("KIP704")
    assert made.admin.names() == set()
    assert "/routes" in {path for method, path, _ in made.admin.asked if method == "POST"}


def test_settings_by_the_admin_api_prove_that_kong_does_not_trust_its_peer(tmp_path: Path, echo_port: int) -> None:
    settings = {"KONG_TRUSTED_IPS": "10.0.0.0/8", "KONG_REAL_IP_HEADER": "X-Forwarded-For"}
    with built(tmp_path, echo_port, settings, mode="http", options="option forwardfor") as made:
        run = bed.diagnose(*made.words)

    assert run.verdict == ("lost", {("gateway", "proven")}, 1)
    assert "trusted_ips 10.0.0.0/8, real_ip_header X-Forwarded-For" in run.because("KIP501")
    assert f"the Admin API at {made.admin.url}" in run.because("KIP501")


def test_a_route_of_somebodys_for_the_same_host_does_not_take_the_probes(tmp_path: Path, echo_port: int) -> None:
    with backend() as application, built(tmp_path, echo_port) as made:
        service = made.admin.add("services", 1, host=CALLER, port=application.port)
        theirs = {"hosts": ["shop.example"], "paths": ["/"], "strip_path": False, "service": {"id": service}}
        made.admin.add("routes", 2, **theirs)
        run = bed.diagnose(*made.words, "--host", "shop.example")

    assert len(application.requests) <= 4  # knocks, before the new routes were picked up
    assert f"Kong's TCP peer was {BALANCER}" in run.because("KIP201")
    assert made.admin.names() == {"services-1", "routes-2"}


def test_a_kong_without_a_database_goes_without_an_echo(tmp_path: Path, echo_port: int) -> None:
    with built(tmp_path, echo_port) as made:
        made.admin.db_less = True
        run = bed.diagnose(*made.words)

    assert run.verdict == ("lost", {("load_balancer", "proven")}, 1)
    assert "without a database (DB-less)" in run.because("KIP602")
    assert "KIP704" not in run.codes
    assert run.errors == ""


def test_a_token_opens_the_admin_api_and_is_nowhere_shown(tmp_path: Path, echo_port: int) -> None:
    with built(tmp_path, echo_port) as made:
        made.admin.token = "sesame-open"
        shut = bed.diagnose(*made.words)
        opened = bed.diagnose(*made.words, variables={"KONGIP_ADMIN_TOKEN": "sesame-open"})

    assert "set KONGIP_ADMIN_TOKEN" in shut.because("KIP705")
    assert "set KONGIP_ADMIN_TOKEN" in shut.because("KIP602")
    assert shut.errors == ""
    assert opened.verdict == ("lost", {("load_balancer", "proven")}, 1)
    assert "sesame" not in str(opened.report) + opened.errors


def test_what_cannot_be_removed_is_told_on_standard_error(tmp_path: Path, echo_port: int) -> None:
    with built(tmp_path, echo_port) as made:

        def shut() -> None:
            made.admin.token = "changed-meanwhile"

        made.admin.after_route = shut
        run = bed.diagnose(*made.words)

    assert "kongip: Clear what is left with: kongip clean --admin-url" in run.errors
    assert run.report["verdict"] == "lost"
    assert {name.rpartition("-")[2] for name in made.admin.names()} == {"echo", "hosts"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_removes_what_it_made(tmp_path: Path, echo_port: int, number: signal.Signals) -> None:
    with built(tmp_path, echo_port) as made:
        run = subprocess.Popen(bed.command(*made.words), cwd=bed.ROOT, env=bed.environment(), stderr=subprocess.PIPE)
        until_made(made.admin, run)
        run.send_signal(number)
        _, errors = run.communicate(timeout=30)

    assert run.returncode == 130
    assert errors == b"kongip: interrupted\n"
    assert made.admin.names() == set()


def test_a_killed_run_leaves_a_route_that_clean_removes(tmp_path: Path, echo_port: int) -> None:
    with built(tmp_path, echo_port) as made:
        made.admin.add("services", 1)
        run = subprocess.Popen(bed.command(*made.words), cwd=bed.ROOT, env=bed.environment())
        until_made(made.admin, run)
        run.kill()
        run.wait(10)
        assert {name.rpartition("-")[2] for name in made.admin.names()} == {"1", "echo", "hosts", "any"}
        words = [*bed.command()[:3], "clean", "--admin-url", made.admin.url]
        cleaned = subprocess.run(words, cwd=bed.ROOT, capture_output=True, text=True, check=True)

    assert cleaned.stdout.count("removed ") == 3
    assert made.admin.names() == {"services-1"}


def until_made(admin: Admin, run: subprocess.Popen[bytes]) -> None:
    """Wait until the run has made its route."""
    until(lambda: len(admin.objects["routes"]) == 2 or run.poll() is not None, bed.PATIENCE)
    assert run.poll() is None
