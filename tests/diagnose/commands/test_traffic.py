"""``kongip traffic``: what is printed of logs in files, and the exit status."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diagnose.cli import main
from diagnose.report.traffic import show
from diagnose.site import Gap
from diagnose.traffic.document import document as traffic_document
from diagnose.traffic.kinds import Kind
from diagnose.traffic.told import Seen, Traffic, hint, share
from tests.diagnose.documents import hold
from tests.diagnose.traffic.logs import ERROR, NOON, plain, text

NODES = ("10.0.0.4", "10.0.0.5", "10.0.0.6")


def mixed(number: int = 1000) -> list[str]:
    """A log in which 94 of 100 requests carry one of three nodes' addresses."""
    return [
        plain(NODES[one % 3] if one % 100 < 94 else f"198.51.100.{one % 100}", NOON + 3 * one) for one in range(number)
    ]


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["traffic", *arguments, "--output", "json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    hold(told)
    return told


def test_a_log_that_carries_nodes_says_so_in_its_first_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(text(mixed()))

    assert main(["traffic", "--file", str(tmp_path / "access.log"), "--owner", "10.0.0.0/24=node"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("94 % of requests carry three addresses of nodes, not their callers'.")
    assert max(map(len, printed.splitlines())) <= 80
    assert "28 Nov 12:05:00" in printed


def test_the_document_holds_shares_addresses_and_times(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(text([*mixed(), ERROR]))

    told = document(capsys, "--file", str(tmp_path / "access.log"), "--owner", "10.0.0.0/24=node")

    assert told["schema"] == "kongip.traffic/v1"
    assert (told["requests"], told["other_lines"]) == (1000, 1)
    assert told["kinds"] == {"node": 940, "public": 60}
    assert told["addresses"]["distinct"] == 9
    assert [one["address"] for one in told["addresses"]["commonest"][:3]] == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    assert sum(sum(span["kinds"].values()) for span in told["over_time"]) == 1000
    assert len(told["over_time"]) <= 12


def test_several_logs_are_told_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(text([plain("192.0.2.1")] * 3))
    (tmp_path / "b").write_bytes(text([plain("10.0.0.4")] * 5))

    told = document(capsys, "--file", str(tmp_path / "a"), "--file", str(tmp_path / "b"))

    assert [(one["requests"], one["kinds"]) for one in told["sources"]] == [(3, {"public": 3}), (5, {"private": 5})]


def test_standard_input_is_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "diagnose", "traffic", "--file", "-", "--output", "json"]
    answer = subprocess.run(command, input=text(mixed()), capture_output=True, check=True).stdout
    assert json.loads(answer)["requests"] == 1000


def test_connections_over_a_unix_socket_are_told_as_those_of_something_beside_kong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_bytes(text([plain("unix:")] * 3 + [plain("192.0.2.1")]))

    told = document(capsys, "--file", str(tmp_path / "access.log"))
    assert main(["traffic", "--file", str(tmp_path / "access.log")]) == 0

    assert told["kinds"] == {"local socket": 3, "public": 1}
    assert told["addresses"]["commonest"][0] == {
        "address": "unix:",
        "kind": "local socket",
        "requests": 3,
        "owner": "something on Kong's own machine or in its pod",
    }
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("75 % of requests come over a local socket, without an address: from something on")
    assert "such as a sidecar. The rest does not, so two paths are mixed." in printed


def test_a_cure_in_the_middle_is_seen_over_time(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = [plain("10.0.0.4" if one < 300 else f"198.51.100.{one % 99}", NOON + one) for one in range(600)]
    (tmp_path / "access.log").write_bytes(text(lines))

    spans = document(capsys, "--file", str(tmp_path / "access.log"))["over_time"]

    assert set(spans[0]["kinds"]) == {"private"}
    assert set(spans[-1]["kinds"]) == {"public"}


def test_a_log_without_a_request_is_undetermined(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "error.log").write_bytes(text([ERROR] * 3))
    assert main(["traffic", "--file", str(tmp_path / "error.log")]) == 3
    assert "No request was found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--file", "x", "--context", "a"), "--context"),
        (("--file", "x", "--since", "1h"), "--since"),
        (("--since", "soon"), "'soon'"),
        (("--since", "0x"), "'0x'"),
        (("--tail", "0"), "'0'"),
        (("--since", "1h", "--tail", "5"), "--tail"),
        (("--file", "/dev/null", "--log-format", "$host"), "$remote_addr"),
        (("--owner", "10.0.0.0/8"), "10.0.0.0/8"),
        (("--file", "/nowhere/access.log"), "/nowhere/access.log"),
        (("--file", ""), "--file '': there is no such file"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["traffic", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err


def test_a_standard_input_that_is_closed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert main(["traffic", "--file", "-"]) == 2
    assert capsys.readouterr().err == "kongip: Standard input is closed. Give a file, or open it.\n"


def test_a_hostile_log_steers_no_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    form = "$remote_addr|"
    (tmp_path / "access\x1b.log").write_bytes(b"\x1b[2J\x07|\n" * 4 + "\u202eabc|\n".encode() + b"\xff\xfe\x9b|\n")

    assert main(["traffic", "--file", str(tmp_path / "access\x1b.log"), "--log-format", form]) == 0

    printed = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(printed)
    assert "unknown" in printed


def test_figures_that_are_approximate_say_so() -> None:
    seen = Seen("10.0.0.4", Kind.NODE, 1000, "node a")
    told = Traffic("a log", 1000, 0, None, 12, ((Kind.NODE, 1000),), (seen,), (), (), "x", (Gap("pod b", "no right"),))
    hold(traffic_document(told))
    stream = io.StringIO()
    show(told, stream, 80, False)
    assert "too low by 12 at most" in " ".join(stream.getvalue().split())


def carried(*seen: tuple[Kind, int]) -> str:
    """The hint where so many requests carry an address of each kind."""
    commonest = [Seen(f"192.0.2.{number}", kind, requests, None) for number, (kind, requests) in enumerate(seen)]
    kinds = {kind: sum(number for one, number in seen if one is kind) for kind, _ in seen}
    return hint(sum(kinds.values()), kinds, sorted(commonest, key=lambda one: -one.requests), len(seen))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (((Kind.NODE, 500), (Kind.NODE, 500)), "100 % of requests carry two addresses of nodes"),
        (((Kind.NODE, 500), (Kind.PUBLIC, 500)), "two paths are mixed"),
        (((Kind.CDN, 990), (Kind.PUBLIC, 10)), "of a CDN"),
        (
            ((Kind.SOCKET, 990), (Kind.NODE, 10)),
            "carry one address of nodes, not their callers', or come over a local socket.",
        ),
        (((Kind.PRIVATE, 950), (Kind.PUBLIC, 50)), "carry one address"),
        (tuple((Kind.PUBLIC, 10) for _ in range(90)), "no known infrastructure"),
        (((Kind.NODE, 1), *((Kind.PUBLIC, 10) for _ in range(90))), "no known infrastructure"),
    ],
)
def test_the_hint_follows_the_shares(said: tuple[tuple[Kind, int], ...], told: str) -> None:
    assert told in carried(*said)


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 9, "0 %"), (1, 1000, "<1 %"), (999, 1000, "99 %"), (9, 9, "100 %"), (1, 2, "50 %"), (0, 0, "0 %")],
)
def test_a_share_is_whole_only_where_it_is(part: int, whole: int, told: str) -> None:
    assert share(part, whole) == told


def test_one_address_is_told_as_one() -> None:
    loopback = (Seen("127.0.0.1", Kind.LOOPBACK, 10, None),)

    assert hint(10, {Kind.LOOPBACK: 10}, loopback, 1).startswith("100 % of requests carry one address of ")
    assert hint(1, {Kind.PUBLIC: 1}, (), 1).startswith("Requests carry 1 address of no known infrastructure")


def test_one_request_is_told_as_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(text([plain("192.0.2.1"), ERROR]))
    assert main(["traffic", "--file", str(tmp_path / "access.log")]) == 0
    assert " 1 request, and 1 other line in " in " ".join(capsys.readouterr().out.split())
