"""Which flags go together, and what the echo's path and secret may be; each complaint is one line and status 2."""

from __future__ import annotations

import pytest

from diagnose.cli import main
from diagnose.errors import USAGE, Stop
from diagnose.outside.flags import checked_path, secret_in

URL = ("--url", "http://127.0.0.1:1")
ADMIN = ("--admin-url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--url"),
        (("--kong-log", "access.log"), "--url"),
        (("--context", "a", "--direct", "http://k:8000"), "--direct does not go with --context"),
        (("--context", "a", *ADMIN), "--admin-url does not go with --context"),
        (("--lab", "preserved", "--kong-log", "x"), "--kong-log does not go with --lab"),
        (("--lab", "preserved", "--create-route"), "--create-route does not go with --lab"),
        ((*URL, "--service", "a/b"), "--service goes with --context"),
        ((*URL, "--ingress-class", "kong"), "--ingress-class goes with --context"),
        ((*URL, "--namespace", "kong"), "--namespace goes with --context"),
        ((*URL, "--kubeconfig", "x"), "--kubeconfig goes with --context"),
        ((*URL, "--image", "x"), "--image goes with --context"),
        ((*URL, "--create-route"), "--create-route needs --admin-url and --echo-url"),
        ((*URL, "--create-route", *ADMIN), "--create-route needs --admin-url and --echo-url"),
        ((*URL, "--create-route", *ADMIN, "--echo-url", "http://e", "--echo-path", "/e"), "do not go together"),
        ((*URL, "--echo-url", "http://e"), "--echo-url goes with --create-route"),
        ((*URL, "--create-route", *ADMIN, "--echo-url", "https://127.0.0.1"), "plain HTTP"),
        ((*URL, "--create-route", *ADMIN, "--echo-url", "127.0.0.1:80"), "--echo-url 127.0.0.1:80"),
        ((*URL, "--admin-url", "kong"), "--admin-url kong"),
        ((*URL, "--direct", "kong"), "--direct kong"),
        (("--url", "http://127.0.0.1/path"), "--url http://127.0.0.1/path"),
        ((*URL, "--kong-log", "/nowhere/access.log"), "--kong-log /nowhere/access.log: there is no such file"),
        ((*URL, "--kong-error-log", "/dev/null"), "--kong-error-log /dev/null is no ordinary file"),
        ((*URL, "--echo-path", "no-slash"), "--echo-path no-slash"),
    ],
    ids=" ".join,
)
def test_flags_that_do_not_go_together_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], named: str
) -> None:
    monkeypatch.setenv("KONGIP_SECRET", "0123456789abcdef")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    status = main(["diagnose", "--quiet", *arguments])

    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert named in printed.err


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), "There is no kubeconfig at /nowhere/config"),
        (("--service", "kong/kong-proxy"), "There is no kubeconfig at /nowhere/config"),
        ((*URL, "--service", "a/b"), "--service goes with --context"),
        (("--kong-log", "access.log"), "--kong-log does not go with --context"),
    ],
    ids=" ".join,
)
def test_within_a_pod_its_own_cluster_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], asked: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    kubeconfig = () if "--url" in arguments else ("--kubeconfig", "/nowhere/config")

    assert main(["diagnose", "--quiet", *kubeconfig, *arguments]) == 2
    assert asked in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/kongip-echo", "/a/b.c/", "/~x_y"])
def test_a_path_of_a_route_is_taken_without_the_slash_at_its_end(path: str) -> None:
    assert checked_path(path) == path.rstrip("/")


@pytest.mark.parametrize(
    "path", ["", "/", "a", "/a b", "/a?b", "/a#b", "/a//b", "/../a", "/a/.", "/a\r\nX: y", "/ä", "/%2f"]
)
def test_a_path_that_a_server_may_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(Stop) as stopped:
        checked_path(path)
    assert stopped.value.status == USAGE


@pytest.mark.parametrize(
    "secret", ["short", "with blanks in it, long enough", "line\r\nbreak-long-enough", "ümlaut-long-enough"]
)
def test_a_secret_that_cannot_be_sent_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(Stop) as stopped:
        secret_in({"KONGIP_SECRET": secret})
    assert stopped.value.status == USAGE
    assert secret not in str(stopped.value)


def test_without_a_secret_it_is_said_how_to_choose_one() -> None:
    with pytest.raises(Stop) as stopped:
        secret_in({})
    assert "export KONGIP_SECRET=" in str(stopped.value)
    assert secret_in({"KONGIP_SECRET": "0123456789abcdef"}) == "0123456789abcdef"
