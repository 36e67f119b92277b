"""Logs in files: plain, gzipped, large ones in parts, and what cannot be read."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import signal
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from diagnose.errors import Stop
from diagnose.owners import Inventory
from diagnose.traffic import files
from diagnose.traffic.files import count_file
from diagnose.traffic.kinds import Kinds
from diagnose.traffic.tally import Tally
from tests.diagnose.traffic.logs import NOON, plain, text

KINDS = Kinds(Inventory())
LINES = [plain(f"10.0.{number % 7}.{number % 11}", NOON + number) for number in range(5000)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_counted_packed_or_not(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "access.log"  # what is in it tells, not its name
    path.write_bytes(gzip.compress(text(LINES)) if packed else text(LINES))

    assert count_file(str(path), None, KINDS).requests == 5000


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_counted_packed_or_not(packed: bool) -> None:
    content = gzip.compress(text(LINES)) if packed else text(LINES)
    left, filled = os.pipe()

    def fill() -> None:
        with open(filled, "wb") as pipe:
            pipe.write(content)

    with ThreadPoolExecutor(1) as beside:
        beside.submit(fill)
        assert count_file(f"/dev/fd/{left}", None, KINDS).requests == 5000
    os.close(left)


@pytest.mark.parametrize("hours", [1, 24])
def test_each_request_of_a_short_log_is_of_its_own_time(hours: int, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(text(plain("10.0.0.1", NOON + number * hours * 3600) for number in range(24)))

    timeline = count_file(str(path), None, KINDS).timeline

    assert sorted(span.total() for span in timeline.spans.values()) == [1] * 24


@pytest.mark.parametrize("size", [1 << 14, 1 << 16, 12_345])
def test_a_large_file_in_parts_is_counted_as_a_whole(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(text(LINES))
    whole = count_file(str(path), None, KINDS)
    monkeypatch.setattr(files, "PART", size)
    monkeypatch.setattr(files, "AT_ONCE", 4)

    parts = count_file(str(path), None, KINDS)

    assert len(files._parts(os.stat(path))) == min(files.MOST_PARTS, path.stat().st_size // size)
    assert (parts.requests, parts.others) == (5000, 0)
    assert parts.addresses.counts == whole.addresses.counts
    assert multiprocessing.active_children() == []


def test_a_line_that_is_longer_than_a_part_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(text([LINES[0], LINES[1] + "x" * 5000, LINES[2]]))
    monkeypatch.setattr(files, "PART", 1000)
    monkeypatch.setattr(files, "AT_ONCE", 2)

    assert count_file(str(path), None, KINDS).requests == 3


@pytest.mark.parametrize("size", [1 << 40, 1 << 20, 1 << 18])
def test_lines_too_long_to_be_read_are_counted_as_others_within_flat_memory(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "access.log"
    long = plain("10.0.0.9") + "x" * (8 << 20)
    path.write_bytes(text([*LINES[:2000], long, *LINES[2000:4000], long, *LINES[4000:]]))
    monkeypatch.setattr(files, "PART", size)
    monkeypatch.setattr(files, "AT_ONCE", 2)
    monkeypatch.setattr(files, "_work", lambda *given: given[0].send(Tally()))  # all is counted where memory is traced

    tracemalloc.start()
    told = count_file(str(path), None, KINDS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (told.requests, told.others) == (5000, 2)
    assert most < 5 << 20


def test_a_process_that_is_ended_amid_its_part_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(text(LINES))
    ours, count = os.getpid(), files._count_left

    def ended(*given: Any) -> Tally:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return count(*given)

    monkeypatch.setattr(files, "PART", 1 << 16)
    monkeypatch.setattr(files, "_count_left", ended)
    monkeypatch.setattr(files, "AT_ONCE", 2)
    with pytest.raises(Stop, match="a process that counted parts of it was ended") as stop:
        count_file(str(path), None, KINDS)
    assert stop.value.status == 4


def test_a_file_that_is_named_by_two_paths_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text(LINES))
    (tmp_path / "b.log").write_bytes(text(LINES))
    (tmp_path / "link").symlink_to("a.log")
    names = [str(tmp_path / name) for name in ("b.log", "a.log", "link", "../" + tmp_path.name + "/b.log")]
    assert [name for name, _ in files.count_files(names, None, KINDS)] == names[:2]


def test_an_empty_file_holds_no_request(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert count_file(str(tmp_path / "empty"), None, KINDS).requests == 0


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(Stop) as stop:
        count_file(str(tmp_path / "none"), None, KINDS)
    assert stop.value.status == 2


def test_a_broken_archive_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(gzip.compress(text(LINES))[:-2000])
    with pytest.raises(Stop) as stop:
        count_file(str(tmp_path / "broken.gz"), None, KINDS)
    assert stop.value.status == 4


def test_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="is a folder") as stop:
        count_file(str(tmp_path), None, KINDS)
    assert stop.value.status == 2
