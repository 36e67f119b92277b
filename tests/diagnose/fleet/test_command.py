"""`kongip diagnose` for several contexts, whose API servers do not answer here: what is asked for, told and refused."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from diagnose import cli
from diagnose.fleet import command
from tests.diagnose.fleet.test_children import ROOT, children_of
from tests.diagnose.fleet.test_document import VALID

DEAF = "https://127.0.0.1:1"
HOSTILE = 'ev"il\\ \x1b[2J\u202e\n'


def kubeconfig(path: Path, *contexts: str, server: str = DEAF) -> str:
    """A kubeconfig with these contexts, all of the same server."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
    }
    path.write_text(yaml.safe_dump(config))
    return f"--kubeconfig={path}"


@pytest.fixture
def known(tmp_path: Path) -> str:
    return kubeconfig(tmp_path / "kubeconfig", "production", "staging", HOSTILE)


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(["diagnose", *words])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


TWO = ("--context", "staging", "--context=production")


def test_contexts_that_cannot_be_reached_are_told_each_and_count(
    capsys: pytest.CaptureFixture[str], known: str, tmp_path: Path
) -> None:
    files = (f"--output-file={tmp_path / 'a.md'}", f"--metrics-file={tmp_path / 'a.prom'}")
    status, out, err = ran(capsys, *TWO, known, "--output=json", "--timeout", "60", *files)

    told = json.loads(out)
    VALID.validate(told)
    assert status == told["exit_status"] == 4
    assert [one["context"] for one in told["contexts"]] == ["staging", "production"]
    for one in told["contexts"]:
        assert f"The API server {DEAF} of context {one['context']} cannot be reached" in one["problem"]
        assert one["report"] is None
    assert {line.partition(": ")[0] for line in err.splitlines()} == {"staging", "production"}
    assert "secret-token" not in out + err
    assert "| staging | ✗ could not run |" in (tmp_path / "a.md").read_text("utf-8")
    told_metrics = (tmp_path / "a.prom").read_text("utf-8")
    assert 'kongip_run_success{context="staging"} 0\nkongip_run_success{context="production"} 0\n' in told_metrics


def test_all_contexts_are_inspected_as_lines_and_names_steer_nothing(
    capsys: pytest.CaptureFixture[str], known: str
) -> None:
    status, out, err = ran(capsys, "--all-contexts", known, "--output", "jsonl", "--quiet")

    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (4, "")
    assert {line["context"] for line in lines} == {"production", "staging", HOSTILE}
    for line in lines:
        VALID.validate(line)


@pytest.mark.parametrize("form", ["text", "short", "markdown", "junit"])
def test_a_hostile_name_stays_text(capsys: pytest.CaptureFixture[str], known: str, form: str) -> None:
    _, out, err = ran(capsys, "--all-contexts", known, "--output", form)
    assert not {"\x1b", "\u202e"} & {*out, *err}
    assert "x1b" in out


def test_placeholders_stand_for_contexts_and_hide_why_one_could_not_run(
    capsys: pytest.CaptureFixture[str], known: str, tmp_path: Path
) -> None:
    metrics = tmp_path / "a.prom"
    status, out, err = ran(capsys, *TWO, known, "--redact", "--output=json", "--quiet", f"--metrics-file={metrics}")

    told = json.loads(out)
    VALID.validate(told)
    assert status == 4
    assert [one["context"] for one in told["contexts"]] == ["context-1", "context-2"]
    shared = out + metrics.read_text("utf-8")
    assert [word for word in ("staging", "production", "127.0.0.1", str(tmp_path)) if word in shared] == []
    assert [line.split(": ")[:2] for line in sorted(err.splitlines())] == [
        ["kongip", "production"],
        ["kongip", "staging"],
    ]


def test_one_context_alone_is_told_as_ever(capsys: pytest.CaptureFixture[str], known: str) -> None:
    status, out, err = ran(capsys, "--context", "production", "--context", "production", known, "--output=json", "-q")
    assert (status, out) == (4, "")
    assert err.startswith(f"kongip: The API server {DEAF} of context production cannot be reached")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((*TWO, "--context=stagin"), "Did you mean staging?"),
        ((*TWO, "--save", "a.json"), "--save goes with one context alone"),
        ((*TWO, "--url", "http://192.0.2.1"), "--url goes with one context alone"),
        ((*TWO, "--direct", "http://192.0.2.1"), "--direct does not go with --context"),
        ((*TWO, "--capture", "a.pcap@node"), "--capture goes with one context alone"),
        ((*TWO, "--timings"), "--timings goes with one context alone"),
        ((*TWO, "-v"), "--verbose goes with one context alone"),
        ((*TWO, "--output", "html"), "cannot be html"),
        ((*TWO, "--output-file", "a.html"), "cannot be html"),
        ((*TWO, "--yes"), "--yes goes with --all-contexts"),
        (("--context=staging", "--yes"), "--yes goes with --all-contexts"),
        ((*TWO, "--lab", "preserved"), "--lab"),
        ((*TWO, "--from", "a.json"), "--from"),
        ((*TWO, "--all-contexts"), "--all-contexts"),
        ((*TWO, "--no-echo", "--image", "x"), "--image does not go with --no-echo"),
        ((*TWO, "--metrics-file", "/dev/null"), "/dev/null is no ordinary file"),
        (("--all-contexts", "--connections", "5"), "--connections does not go with --all-contexts without --yes"),
        (("--all-contexts", "--caller-ip=192.0.2.1"), "--caller-ip does not go with --all-contexts without --yes"),
        (("--all-contexts", "--no-echo"), "--no-echo does not go with --all-contexts without --yes"),
        (("--all-contexts", "--yes", "--kubeconfig=/nowhere/config"), "/nowhere/config"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_with_several_is_one_line(
    capsys: pytest.CaptureFixture[str], known: str, words: tuple[str, ...], named: str
) -> None:
    status, out, err = ran(capsys, known, *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert named in err


@pytest.mark.parametrize(
    ("argv", "further"),
    [
        (["--context", "a", "--fail-on", "warning", "--context=b"], ["--fail-on", "warning"]),
        (["--all-contexts", "--yes", "-q", "--caller-ip", "192.0.2.1"], ["-q", "--caller-ip", "192.0.2.1"]),
        (["--all", "--output", "short", "--output-f", "a.md", "--metrics-file=m", "--redact"], ["--redact"]),
        (["--cont", "a", "--suppress=KIP301", "--suppress", "KIP302"], ["--suppress=KIP301", "--suppress", "KIP302"]),
    ],
)
def test_each_run_has_the_flags_that_are_not_for_the_whole(argv: list[str], further: list[str]) -> None:
    assert command._further(argv) == further


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_every_run(tmp_path: Path, number: signal.Signals) -> None:
    with silent() as port:
        config = kubeconfig(tmp_path / "kubeconfig", *"abc", server=f"https://127.0.0.1:{port}")
        words = [sys.executable, "-m", "diagnose", "diagnose", "--all-contexts", "--yes", config]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            awaited = {f"{name}: looking for Kong in context {name}\n" for name in "abc"}
            while awaited:
                line = process.stderr.readline()
                assert line, "all have begun"
                awaited.discard(line)
            running = children_of(process.pid)
            process.send_signal(number)
            out, errors = process.communicate(timeout=60)

    assert len(running) == 3
    assert (process.returncode, out) == (130, "")
    assert errors.splitlines()[-1] == "kongip: interrupted"
    assert [pid for pid in running if Path(f"/proc/{pid}").exists()] == []
