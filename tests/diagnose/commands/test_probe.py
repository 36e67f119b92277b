"""``kongip probe``: what is printed, and the exit status."""

from __future__ import annotations

import json

import pytest

from diagnose.cli import main
from tests.diagnose.documents import hold
from tests.probes.peers import peer, refusing, says, says_and_stays
from tests.probes.scenes import LENGTH


def test_what_takes_any_header_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(says(LENGTH)) as port:
        assert main(["probe", f"127.0.0.1:{port}"]) == 0

    printed = capsys.readouterr().out
    assert f"127.0.0.1:{port} over http" in printed
    assert "takes a PROXY header off" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 80


def test_the_document_holds_every_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(says(LENGTH)) as port:
        assert main(["probe", f"localhost:{port}", "--output", "json", "--host", "kong.test"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "kongip.probe/v1"
    hold(document)
    assert document["target"]["host"] == "kong.test"
    assert [one["status"] for one in document["answers"]] == [200] * 5
    assert [one["claimed"] is not None for one in document["answers"]] == [False, True, True, False, False]
    assert [one["state"] for one in document["states"]] == ["front-takes"]


def test_nothing_that_listens_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    with refusing() as port:
        assert main(["probe", f"127.0.0.1:{port}"]) == 4
        assert "No connection was made" in capsys.readouterr().out
        assert main(["probe", f"127.0.0.1:{port}", "--output", "json"]) == 4

    document = json.loads(capsys.readouterr().out)
    hold(document)
    assert [one["status"] for one in document["answers"]] == [None] * 5


def test_an_answer_that_means_nothing_is_undetermined(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(says_and_stays(b"")) as port:
        assert main(["probe", f"127.0.0.1:{port}", "--timeout", "0.2"]) == 3
    assert "No connection got an answer in HTTP" in capsys.readouterr().out


def test_what_closes_at_once_may_be_a_balancer_with_nothing_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(lambda connection: None) as port:
        main(["probe", f"127.0.0.1:{port}"])
    assert "A balancer with nothing behind it" in capsys.readouterr().out


def test_a_hostile_answer_is_shown_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(says(b"HTTP/1.1 200 OK\r\nServer: a\x9b2J\xe2\x80\xae\r\nContent-Length: 0\r\n\r\n")) as port:
        main(["probe", f"127.0.0.1:{port}"])
    printed = capsys.readouterr().out
    assert "\x9b" not in printed
    assert "\\x9b" in printed


@pytest.mark.parametrize(
    "place", ["127.0.0.1", "kong", "kong:", ":80", "kong:0", "kong:99999", "::1:80", "[kong]:80", "a b:80", "[::1]"]
)
def test_a_place_that_is_none_is_a_usage_error(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", place]) == 2
    assert repr(place) in capsys.readouterr().err


@pytest.mark.parametrize("path", ["x", "/a b", "/a\r\nX: y"])
def test_a_path_that_is_none_is_a_usage_error(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "127.0.0.1:80", "--path", path]) == 2
    assert "path" in capsys.readouterr().err


def test_a_name_that_does_not_resolve_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "nowhere.invalid:80"]) == 4
    assert "nowhere.invalid" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "why"), [("127.0.0.1", "the port is missing"), ("http://127.0.0.1:80", "it is a URL")]
)
def test_what_is_no_place_is_told_by_what_is_wrong_with_it(
    place: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", place]) == 2
    assert f"{place!r} is not HOST:PORT: {why}" in capsys.readouterr().err
