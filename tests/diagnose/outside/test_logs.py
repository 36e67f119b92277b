"""Kong's log files: from where they are read, through rotation, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diagnose.errors import USAGE, Stop
from diagnose.outside import logs as reading
from diagnose.outside.logs import KongLogs, LogFile, holds_all
from diagnose.site import AccessLine, Logs
from probes.probe import Claim, Preamble, Probe, Target

TARGET = Target("192.0.2.10", 80, "http", "kong.test")


def probe(nonce: str) -> Probe:
    return Probe(nonce, TARGET, f"/kongip-x/{nonce}")


def line(nonce: str, address: str = "198.51.100.9") -> str:
    return f'{address} - - [24/Nov/2025:10:00:00 +0000] "GET /kongip-x/{nonce} HTTP/1.1" 404 1 "-" "kongip"\n'


BROKEN = (
    '2025/11/24 10:00:00 [error] 1#0: *5 broken header: "GET / HTTP/1.1" while reading PROXY protocol, '
    "client: 10.77.2.20, server: 0.0.0.0:8000\n"
)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(line("n0"))
    return path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.05)
    monkeypatch.setattr(reading, "POLL", 0.005)


def told(logs: KongLogs, *nonces: str) -> dict[str, list[str]]:
    found = logs.read("Kong", [probe(nonce) for nonce in nonces])
    return {nonce: [one.address for one in lines] for nonce, lines in found.access.items()}


def test_only_what_is_written_from_the_start_on_is_read(log: Path) -> None:
    with KongLogs(str(log), None) as logs:
        append(log, line("n1"))
        assert told(logs, "n0", "n1") == {"n1": ["198.51.100.9"]}


def test_a_rotated_file_is_read_to_its_end_and_its_successor_from_the_start(log: Path) -> None:
    with KongLogs(str(log), None) as logs:
        append(log, line("n1"))
        log.rename(log.with_suffix(".1"))
        append(log.with_suffix(".1"), line("n2"))
        log.write_text(line("n3"))
        assert set(told(logs, "n0", "n1", "n2", "n3")) == {"n1", "n2", "n3"}


def test_what_kong_still_writes_to_the_renamed_file_is_read_as_well(log: Path) -> None:
    file = LogFile(str(log), "--kong-log")
    log.rename(log.with_suffix(".1"))
    log.write_text(line("new"))
    assert list(file.fresh()) == [line("new").rstrip()]
    append(log.with_suffix(".1"), line("old"))
    assert list(file.fresh()) == [line("old").rstrip()]
    file.close()


def test_between_two_names_the_old_file_is_kept(log: Path) -> None:
    file = LogFile(str(log), "--kong-log")
    log.rename(log.with_suffix(".1"))
    assert list(file.fresh()) == []
    log.write_text(line("n1"))
    assert list(file.fresh()) == [line("n1").rstrip()]
    assert file.unread is None
    file.close()


def test_a_file_that_was_cut_is_read_from_its_start(log: Path) -> None:
    append(log, line("n0") * 9)
    with KongLogs(str(log), None) as logs:
        log.write_text(line("n1"))
        assert told(logs, "n1") == {"n1": ["198.51.100.9"]}


def test_a_line_is_read_once_it_is_whole(log: Path) -> None:
    file = LogFile(str(log), "--kong-log")
    append(log, line("n1")[:20])
    assert list(file.fresh()) == []
    append(log, line("n1")[20:])
    assert list(file.fresh()) == [line("n1").rstrip()]
    file.close()


def test_a_line_without_end_is_neither_kept_nor_in_the_way(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 1024)
    monkeypatch.setattr(reading, "LONGEST_LINE", 4096)
    file = LogFile(str(log), "--kong-log")
    append(log, "x" * 100_000 + "\n" + line("n1"))
    assert list(file.fresh()) == [line("n1").rstrip()]
    file.close()


def test_both_files_are_read_and_one_may_hold_both_logs(log: Path, tmp_path: Path) -> None:
    errors = tmp_path / "error.log"
    errors.touch()
    for access, error in ((log, errors), (log, log)):
        with KongLogs(str(access), str(error)) as logs:
            append(access, line("n1"))
            append(error, BROKEN)
            found = logs.read("Kong", [probe("n1")])
        assert [one.address for one in found.access["n1"]] == ["198.51.100.9"]
        assert [(one.kind, one.client) for one in found.complaints] == [("broken header", "10.77.2.20")]
        assert found.unread == {}


def test_lines_that_docker_stamps_are_read(log: Path) -> None:
    with KongLogs(str(log), None) as logs:
        append(log, "2025-11-24T10:00:00.500000000Z " + line("n1"))
        assert told(logs, "n1") == {"n1": ["198.51.100.9"]}


def test_a_format_that_is_not_known_is_a_gap_and_not_silence(log: Path) -> None:
    with KongLogs(str(log), None) as logs:
        append(log, "198.51.100.9 said /kongip-x/n1 today\n")
        found = logs.read("Kong", [probe("n1")])
    assert found.unread == {"Kong": f"{log}: its lines are in a format that kongip does not know"}
    assert found.foreign == {"n1": "Kong"}


def test_an_access_log_without_the_requests_is_a_gap_and_an_error_log_without_complaints_is_none(
    log: Path, tmp_path: Path
) -> None:
    errors = tmp_path / "error.log"
    errors.touch()
    with KongLogs(str(log), str(errors)) as logs:
        append(log, line("of somebody else"))
        assert logs.read("Kong", [probe("n1")]).unread == {"Kong": f"{log}: none of the requests stands in it"}
        append(errors, BROKEN)
        assert logs.read("Kong", [probe("n1")]).complaints != ()
    with KongLogs(None, str(errors)) as logs:
        assert logs.read("Kong", [probe("n1")]).unread == {}


def test_a_file_that_may_not_be_read_is_a_gap(log: Path) -> None:
    loop = log.with_name("loop")
    loop.symlink_to(loop)  # permissions do not keep root out; a link to itself keeps out everyone
    with KongLogs(str(loop), None) as logs:
        found = logs.read("Kong", [probe("n1")])
    assert found.access == {}
    assert found.unread == {"Kong": f"{loop}: Too many levels of symbolic links"}


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_log_file_stops_the_run(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(Stop) as stopped:
        KongLogs(None, str(path))
    assert stopped.value.status == USAGE
    assert str(stopped.value).startswith(f"--kong-error-log {path}")


def test_without_files_nothing_is_waited_for() -> None:
    with KongLogs(None, None) as logs:
        assert logs.read("Kong", [probe("n1")]) == Logs()


def test_logs_hold_all_only_if_every_ordinary_request_is_there() -> None:
    lines = {nonce: (AccessLine("Kong", "198.51.100.9", 200, ""),) for nonce in ("n1", "n2")}
    claiming = Probe("n3", TARGET, "/n3", claims=(Claim("X-Real-IP", "192.0.2.1"),))
    led = Probe("n4", TARGET, "/n4", preamble=Preamble.V1_UNKNOWN)
    assert holds_all(Logs(lines), [probe("n1"), probe("n2"), claiming, led])
    assert not holds_all(Logs(lines), [probe("n1"), probe("n5")])
    assert not holds_all(Logs(), [])
    assert not holds_all(Logs(lines), [claiming])
