"""Secrets and other people's words, planted wherever kongip reads: none of them comes out anywhere."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import yaml

from diagnose import cli
from diagnose.admin_api import AdminApi, read_settings
from diagnose.errors import Stop
from tests.diagnose.outside import bed

CANARY = "canary-5ec3e7"
STEERING = "\x1b]0;owned\x07\x1b[2J\u202e[bold]<b>&amp;`x`"


def said(*words: str, **variables: str) -> str:
    """All that a run of kongip's says on both its streams."""
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", *words],
        cwd=bed.ROOT,
        env=bed.environment(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def strangers_lines(number: int) -> str:
    """What others may have Kong log meanwhile: requests, refused connections, lines of plugins, lines without sense."""
    when = "[24/Nov/2026:10:00:00 +0000]"
    return "\n".join(
        [
            f'203.0.113.9 - - {when} "GET /login?token={CANARY} HTTP/1.1" 200 1 "-" "{CANARY}"',
            f'203.0.113.9 - {CANARY} {when} "GET /kongip-echo/{number:016x}?{CANARY} HTTP/1.1" 200 1 "-" "kongip"',
            f'203.0.113.9 - - {when} "PROXY {CANARY} 192.0.2.1 1.1.1.1 1 2" 400 1 "-" "-"',
            f'2026/11/24 10:00:00 [error] 1#0: *5 broken header: "Cookie: {CANARY}" while reading PROXY protocol, '
            f"client: {CANARY}, server: 0.0.0.0:8000",
            json.dumps({"remote_addr": CANARY, "request": f"GET /{CANARY}", "status": 200}),
            f"Authorization: Bearer {CANARY} {STEERING}",
            "\xff" + STEERING * 50,
        ]
    )


@contextlib.contextmanager
def chattering(log: Path) -> Iterator[None]:
    """Strangers' lines in Kong's log, between Kong's own, for as long as this lasts."""
    ended = threading.Event()

    def chatter() -> None:
        number = 0
        while not ended.wait(0.02):
            number += 1
            with log.open("a", encoding="utf-8") as file:
                file.write(strangers_lines(number) + "\n")

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("output", ["json", "text"])
def test_a_run_tells_neither_its_secrets_nor_what_others_had_logged(output: str, tmp_path: Path) -> None:
    secret, token = f"{CANARY}-of-the-echo", f"{CANARY}-of-the-admin-api"
    with bed.echo(secret) as echo, bed.kong(tmp_path, echo=echo) as kong, chattering(kong.files.access_log):
        told = said(
            *("diagnose", "--url", kong.url, "--echo-path", bed.ECHO_PATH, "--kong-log", str(kong.files.access_log)),
            *("--admin-url", "http://127.0.0.1:1", "--connections", "3", "--output", output, "--probe-timeout", "2"),
            *("--caller-ip", bed.CALLER),
            *(("-v",) if output == "text" else ()),
            KONGIP_SECRET=secret,
            KONGIP_ADMIN_TOKEN=token,
        )
    assert "preserved" in told
    assert CANARY not in told
    assert "203.0.113.9" not in told
    assert not {"\x1b", "\x07", "\u202e"} & set(told)


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_an_admin_api_that_gives_the_token_back_has_it_hidden(status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = {"message": f"you sent {request.headers['Kong-Admin-Token']}"}
        return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))

    with AdminApi("http://127.0.0.1:1", CANARY, transport=httpx.MockTransport(answer)) as api:
        assert CANARY not in str(read_settings(api))
        assert CANARY not in str(api.request("GET", "/").problem)


def manifests() -> list[Mapping[str, object]]:
    """A Kong whose every Secret, and every value out of one, is a canary."""
    hidden = base64.b64encode(f"{CANARY}!".encode()).decode()
    names = ("KONG_TRUSTED_IPS", "KONG_PROXY_LISTEN", "KONG_REAL_IP_HEADER", "KONG_PG_PASSWORD", "KONG_KONG_X")
    variables = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "kong-secret", "key": name.lower()}}} for name in names
    ]
    container = {
        "name": "proxy",
        "image": "kong:3.9",
        "env": [*variables, {"name": "KONG_PG_USER", "value": CANARY}],
        "envFrom": [{"secretRef": {"name": "kong-secret"}}],
    }
    pod = {"metadata": {"labels": {"app": "kong"}}, "spec": {"containers": [container]}}
    home = {"namespace": "kong", "annotations": {"note": f"{CANARY}{STEERING}"}}
    data = {name.lower(): hidden for name in names} | dict.fromkeys(names, hidden)
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kong-secret", **home}, "data": data},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kong-proxy", **home},
            "spec": {"type": "LoadBalancer", "selector": {"app": "kong"}, "ports": [{"port": 80, "targetPort": 8000}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "kong", **home},
            "spec": {"template": pod},
        },
    ]


@pytest.mark.parametrize("output", ["json", "text"])
@pytest.mark.parametrize("broken", ["", "a: [", "a: \t-", "{{ x }}", "- &a [*a, *b]"])
def test_what_secrets_hold_is_not_told_of_manifests_nor_of_broken_ones(
    output: str, broken: str, tmp_path: Path
) -> None:
    path = tmp_path / "kong.yaml"
    path.write_text(yaml.safe_dump_all(manifests()) + (f"---\ntoken: {CANARY}\n{broken} {CANARY}\n" if broken else ""))
    told = said("inspect", "--file", str(path), "--output", output)
    assert told
    assert CANARY not in told
    assert base64.b64encode(CANARY.encode()).decode()[:12] not in told


def test_a_last_word_steers_no_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: object) -> int:
        raise Stop(f"No such {STEERING}\nthing.", "Look.")

    monkeypatch.setattr("diagnose.commands.lab.run", stop)
    assert cli.main(["lab"]) == 4
    last = capsys.readouterr().err
    assert last.count("\n") == 1
    assert last[:-1].isprintable()
