"""The command line: bad input is one clear line and status 2, and what cannot run says so with status 4."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from pathlib import Path

import pytest

from diagnose.cli import COMMANDS, main

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: secret-token}}]
contexts: [{name: production, context: {cluster: c, user: u}}]
current-context: production
"""


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit status and the one line on standard error; nothing may stand on standard output."""
    status = main(list(arguments))
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("kongip: ")]
    assert printed.out == ""
    assert len(lines) == 1, printed.err
    assert "Traceback" not in printed.err
    return status, lines[0]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "COMMAND"),
        (("diagnos",), "diagnos"),
        (("diagnose",), "--context"),
        (("diagnose", "--context", "a", "--lab", "preserved"), "--lab"),
        (("diagnose", "--lab", "preserved", "--caller-ip", "300.1.1.1"), "300.1.1.1"),
        (("diagnose", "--lab", "preserved", "--connections", "0"), "'0'"),
        (("diagnose", "--lab", "preserved", "--connections", "many"), "many"),
        (("diagnose", "--lab", "preserved", "--timeout", "0"), "'0'"),
        (("diagnose", "--lab", "preserved", "--timeout", "soon"), "soon"),
        (("diagnose", "--lab", "preserved", "--timeout", "61m"), "'61m'"),
        (("diagnose", "--lab", "preserved", "--probe-timeout", "0"), "'0'"),
        (("diagnose", "--lab", "preserved", "--owner", "10.0.0.0/8"), "10.0.0.0/8"),
        (("diagnose", "--lab", "preserved", "--owner", "10.0.0.0/8=moon"), "moon"),
        (("diagnose", "--lab", "preserved", "--owner", "ten=node"), "ten"),
        (("diagnose", "--context", "a", "--service", "kong-proxy"), "NAMESPACE/NAME"),
        (("diagnose", "--lab", "preserved", "--output", "yaml"), "yaml"),
        (("diagnose", "--lab", "preserved", "--fail-on", "fatal"), "fatal"),
        (("diagnose", "--lab", "preserved", "--ingress-class", "kong"), "--ingress-class"),
        (("diagnose", "--lab", "preserved", "--gateway", "kong/kong"), "--gateway"),
        (("diagnose", "--context", "a", "--gateway", "kong"), "NAMESPACE/NAME"),
        (("diagnose", "--context", "a", "--gateway", "a/b", "--ingress-class", "kong"), "--ingress-class"),
        (("diagnose", "--lab", "preserved", "--url", "http://127.0.0.1"), "--url"),
        (("diagnose", "--lab", "node-masquerad"), "node-masquerade"),
        (("diagnose", "--lab", "preserved", "--caller-ip", "0.0.0.0/0", "--caller-ip", "::/0"), "--caller-ip"),
        (("diagnose", "--context", "a", "--host", "a b"), "'a b'"),
        (("diagnose", "--context", "a", "--host", "a..b"), "a..b"),
        (("diagnose", "--context", "a", "--host", "a\r\nX: y"), "is no host name"),
        (("diagnose", "--lab", "zzz"), "trusts-everyone"),
        (("diagnose", "--lab", "preserved", "--no-echo"), "--no-echo goes with --context"),
        (("diagnose", "--lab", "preserved", "--network-policy"), "--network-policy goes with --context"),
        (("diagnose", "--url", "http://192.0.2.1", "--no-echo"), "--no-echo goes with --context"),
        (("diagnose", "--url", "http://192.0.2.1", "--toleration", "a"), "--toleration goes with --context"),
        (("diagnose", "--context", "a", "--no-echo", "--image", "x"), "--image does not go with --no-echo"),
        (("diagnose", "--context", "a", "--no-echo", "--node-selector", "a=b"), "--node-selector does not go with"),
        (("diagnose", "--context", "a", "--namespace", "a/../b"), "a/../b"),
        (("diagnose", "--context", "a", "--node-selector", "disk"), "'disk' is not KEY=VALUE"),
        (("diagnose", "--context", "a", "--node-selector", "disk=s s d"), "'disk=s s d'"),
        (("diagnose", "--context", "a", "--toleration", ":NoSchedule"), "':NoSchedule'"),
        (("diagnose", "--context", "a", "--toleration", "a=b:Never"), "NoExecute"),
        (("watch",), "--context"),
        (("watch", "--lab", "rollout", "--interval", "0"), "'0'"),
        (("watch", "--lab", "rollout", "--for", "ten"), "'ten'"),
        (("watch", "--lab", "rollout", "--until", "lost"), "'lost'"),
        (("watch", "--lab", "rollout", "--url", "http://127.0.0.1"), "--url"),
        (("watch", "--lab", "roll-out"), "rollout"),
        (("diagnose", "--lab", "preserved", "--suppress", "KIP3O1"), "KIP301 (node-masquerade)"),
        (("diagnose", "--lab", "preserved", "--suppress", "node-masqerade"), "KIP301 (node-masquerade)"),
        (("inspect", "--file", "-", "--suppress", "KIP999"), "KIP999"),
        (("diagnose", "--lab", "preserved", "--output-file", "report"), ".html"),
        (("diagnose", "--lab", "preserved", "--output-file", "yaml=report"), "junit"),
        (("diagnose", "--lab", "preserved", "--output-file", "/nowhere/report.html"), "/nowhere"),
        (("diagnose", "--lab", "preserved", "--output-file", "json=/tmp"), "folder"),
        (("diagnose", "--lab", "preserved", "--output-file", "a.json", "--save", "a.json"), "twice"),
        (("diagnose", "--lab", "preserved", "--output-file", "a.json", "--save", "./a.json"), "twice"),
        (("diagnose", "--from", "README.md", "--output-file", "./README.md"), "README.md is read, and would be"),
        (("inspect", "--file", "README.md", "--output-file", "./README.md"), "README.md is read, and would be"),
        (("inspect", "--file", "README.md", "--output-file", "json=-"), "'json=-' is no file: what goes to standard"),
        (("diagnose", "--from", "README.md", "--redact", "--save", "docs/../README.md"), "would be replaced"),
        (("diagnose", "--lab", "preserved", "--save", "/nowhere/run.json"), "/nowhere"),
        (("diagnose", "--lab", "preserved", "--save", "a" * 300), "cannot be written: File name too long"),
        (("diagnose", "--from", "a" * 300), "cannot be read: File name too long"),
        (("diagnose", "--lab", "preserved", "--save", ""), "'' is no file's name"),
        (("diagnose", "--lab", "preserved", "--metrics-file", ""), "'' is no file's name"),
        (("diagnose", "--from", "/nowhere/run.json"), "/nowhere/run.json"),
        (("diagnose", "--from", "README.md"), "README.md"),
        (("diagnose", "--from", ""), "'' cannot be read"),
        (("diagnose", "--lab", ""), "There is no lab ''."),
        (("compare", "", "README.md"), "'' cannot be read"),
        (("diagnose", "--from", "a", "--lab", "preserved"), "--lab"),
        (("diagnose", "--from", "a", "--caller-ip", "192.0.2.1"), "--caller-ip"),
        (("diagnose", "--from", "a", "--connections=3"), "--connections"),
        (("compare", "README.md", "README.md"), "README.md"),
        (("compare", "a"), "AFTER"),
        (("capture",), "--read FILE"),
        (("capture", "--read", "/nowhere/a.pcap"), "/nowhere/a.pcap cannot be read: No such file"),
        (("capture", "--read", "tests"), "tests cannot be read: Is a directory"),
        (("capture", "--read", "README.md@node"), "README.md is no capture"),
        (("capture", "--read", "README.md@moon"), "@load_balancer"),
        (("diagnose", "--lab", "preserved", "--capture", "README.md@node"), "README.md is no capture"),
        (("diagnose", "--lab", "preserved", "--capture", "tests@node"), "tests is no file"),
        (("diagnose", "--lab", "preserved", "--capture", "README.md"), "README.md"),
        (("watch", "--lab", "rollout", "--capture", "/nowhere@node"), "/nowhere cannot be read"),
        (("capture", "--read", "a", "--at", "node"), "--at goes with --interface"),
        (("capture", "--interface", "lo", "--yes"), "--yes goes with --context"),
        (("capture", "--interface", "lo", "--ephemeral"), "--ephemeral goes with --context"),
        (("capture", "--read", "a", "--nonce", "zz"), "'zz' is no probe's nonce"),
        (("rbac", "--user", ""), "--user: '' names nothing"),
        (("rbac", "--group", ""), "--group: '' names nothing"),
        *(
            (
                (command, "--context", "eu", "--context", "us"),
                "--context: it takes one value, and is given 'eu' and",
            )
            for command in ("watch", "traffic", "clean", "capture", "inspect")
        ),
        (
            ("diagnose", "--context", "a", "--owner", "192.0.2.1=node", "--owner", "192.0.2.1/32=edge"),
            "--owner 192.0.2.1=node and --owner 192.0.2.1/32=edge say two things",
        ),
        (("traffic", "--owner", "10.0.0.0/8=node", "--owner", "10.0.0.0/8=edge"), "10.0.0.0/8=node and --owner 10."),
        (
            ("diagnose", "--url", "http://192.0.2.1", "--caller-ip", "192.0.2.9", "--owner", "192.0.2.9=load_balancer"),
            "--caller-ip 192.0.2.9 and --owner 192.0.2.9=load_balancer say two things",
        ),
        (
            ("diagnose", "--context", "a", "--context", "b", "--owner", "::1=node", "--owner", "::1=edge"),
            "--owner ::1=node and --owner ::1=edge",
        ),
        (("capture", "--context", "a", "--ephemeral", "--namespace", "b"), "--namespace goes without --ephemeral"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_that_names_it(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    status, line = said(capsys, *arguments)

    assert status == 2
    assert named in line


def test_an_unknown_context_is_told_with_near_matches(capsys: pytest.CaptureFixture[str], kubeconfig: str) -> None:
    status, line = said(capsys, "diagnose", "--context", "prodution", "--kubeconfig", kubeconfig)

    assert status == 2
    assert "production" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_its_exit_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "exit status: " in capsys.readouterr().out


def test_who_has_a_log_and_no_cluster_is_told_of_the_log(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, line = said(capsys, "traffic", "--kubeconfig", str(tmp_path / "none"))
    assert (status, line.endswith("or a log that was kept: kongip traffic --file FILE")) == (2, True)


@pytest.mark.parametrize("command", ["diagnose", "watch", "inspect", "traffic", "clean", "capture"])
@pytest.mark.parametrize("flag", ["--context", "--kubeconfig"])
def test_a_name_that_a_script_left_empty_does_not_mean_the_current_context(
    capsys: pytest.CaptureFixture[str], command: str, flag: str
) -> None:
    assert said(capsys, command, flag, "") == (
        2,
        f"kongip: argument {flag}: '' names nothing. See kongip {command} --help.",
    )


def test_a_missing_kubeconfig_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, line = said(capsys, "diagnose", "--context", "a", "--kubeconfig", str(tmp_path / "none"))

    assert status in (2, 4)
    assert str(tmp_path / "none") in line


def test_a_kubeconfig_that_is_none_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("{ not: [yaml")

    status, line = said(capsys, "diagnose", "--context", "a", "--kubeconfig", str(path))

    assert status in (2, 4)
    assert str(path) in line


def test_an_api_server_that_does_not_answer_is_named_and_no_secret_with_it(
    capsys: pytest.CaptureFixture[str], kubeconfig: str
) -> None:
    status, line = said(capsys, "diagnose", "--context", "production", "--kubeconfig", kubeconfig)

    assert status == 4
    assert "https://127.0.0.1:1" in line
    assert "secret-token" not in line


def test_a_link_that_leads_to_itself_is_no_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("a.json")

    status, line = said(capsys, "diagnose", "--lab", "preserved", "--output-file", str(tmp_path / "a.json"))

    assert (status, "Too many levels of symbolic links" in line) == (2, True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.test",
        "http://",
        "example.test",
        "http://[::1",
        "http://a:99999",
        "http://a b",
        "http://a..b",
        "http://%61",
    ],
)
def test_a_url_that_cannot_be_probed_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], kubeconfig: str, url: str
) -> None:
    status, line = said(capsys, "diagnose", "--context", "production", "--kubeconfig", kubeconfig, "--url", url)

    assert status == 2
    assert url in line


@pytest.mark.parametrize(
    ("program", "named"), [("/usr/bin/kubectl-kongip", "kubectl kongip"), ("kongip", "kongip"), ("-c", "kongip")]
)
def test_the_command_is_named_as_it_was_called(
    program: str, named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "diagnoze"])

    assert main() == 2
    assert capsys.readouterr().err.endswith(f"See {named} --help.\n")


def test_every_script_of_the_project_is_a_function_without_arguments() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"kongip", "kubectl-kongip", "kubectl_complete-kongip"} == set(project["scripts"])
    for target in project["scripts"].values():
        module, _, name = target.partition(":")
        signature = inspect.signature(getattr(importlib.import_module(module), name))
        assert all(one.default is not one.empty for one in signature.parameters.values())
