"""Progress on a terminal, elsewhere, and not at all."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from diagnose.report.progress import progress_of_several, progress_to

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@contextmanager
def terminal() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """A pseudo terminal to write to, and a function that closes it and tells what was written."""
    controller, device = pty.openpty()
    stream = os.fdopen(device, "w", encoding="utf-8")

    def written() -> str:
        stream.close()
        chunks = []
        while chunk := read(controller):
            chunks.append(chunk)
        return b"".join(chunks).decode()

    try:
        yield stream, written
    finally:
        stream.close()
        os.close(controller)


def read(descriptor: int) -> bytes:
    """What can be read; nothing once the other end is closed (EIO on Linux)."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def test_elsewhere_than_on_a_terminal_each_line_is_a_plain_line() -> None:
    stream = io.StringIO()
    with progress_to(stream, quiet=False) as progress:
        progress("looking for Kong")
        progress("waiting for the echo pod")
    assert stream.getvalue() == "looking for Kong\nwaiting for the echo pod\n"


def test_quiet_writes_nothing() -> None:
    stream = io.StringIO()
    with progress_to(stream, quiet=True) as progress:
        progress("looking for Kong")
    assert stream.getvalue() == ""


def test_a_terminal_shows_the_line_and_the_time_and_keeps_nothing_of_it() -> None:
    with terminal() as (stream, written):
        with progress_to(stream, quiet=False) as progress:
            progress("looking for Kong [bold]")
        shown = written()
    assert re.search(r"0:00:\d\d.*looking for Kong \[bold\]", shown)
    assert shown.rindex(SHOW) > shown.rindex(HIDE), "the cursor must be back"
    assert shown.rindex("\x1b[2K") > shown.rindex("looking"), "the line must be erased"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_terminal_is_clean_after_an_error(error: type[BaseException]) -> None:
    def fail(stream: TextIO) -> None:
        with progress_to(stream, quiet=False) as progress:
            progress("sending probes")
            raise error

    with terminal() as (stream, written):
        with pytest.raises(error):
            fail(stream)
        shown = written()
    assert shown.rindex(SHOW) > shown.rindex(HIDE)
    assert shown.rindex("\x1b[2K") > shown.rindex("sending")


def test_standard_output_stays_what_it_is() -> None:
    with terminal() as (stream, _), progress_to(stream, quiet=False):
        before = sys.stdout
        assert type(before).__module__.partition(".")[0] != "rich"
    assert sys.stdout is before


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with terminal() as (stream, written):
        with progress_to(stream, quiet=False) as progress:
            progress("sending probes")
        shown = written()
    assert shown == "sending probes\r\n"


@pytest.mark.parametrize(("wanted", "styled"), [("", True), ("1", False)])
def test_no_color_takes_every_style_from_a_terminal(wanted: str, styled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", wanted)
    with terminal() as (stream, written):
        with progress_to(stream, quiet=False) as progress:
            progress("reading Kong's logs")
            time.sleep(1.2)
        shown = written()
    assert "reading Kong's logs" in shown
    assert (re.search(r"\x1b\[[0-9;]+m", shown) is not None) is styled


def test_a_long_line_does_not_break() -> None:
    with terminal() as (stream, written):
        with progress_to(stream, quiet=False) as progress:
            progress("word " * 40)
        shown = written()
    assert "…" in shown


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    with progress_to(stream, quiet=False) as progress:
        progress("pod \x1b[2J\nFAKE")
    assert stream.getvalue() == "pod \\x1b[2J\\x0aFAKE\n"


def test_a_stream_without_unicode_gets_an_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with progress_to(stream, quiet=False) as progress:
        progress("größer")
    assert raw.getvalue() == b"gr\\xf6\\xdfer\n"


def test_a_terminal_tells_for_how_long_a_step_is_awaited() -> None:
    with terminal() as (stream, written):
        with progress_to(stream, quiet=False) as progress:
            progress("looking for Kong")
            time.sleep(1.3)  # a step that takes long: the display counts seconds by itself
            progress("sending probes")
        shown = written()
    assert re.search(r"looking for Kong +.*\(for 1 s\)", shown)
    assert not re.search(r"sending probes +.*\(for 1 s\)", shown)


def test_several_runs_have_a_line_each_and_their_number_is_told() -> None:
    with terminal() as (stream, written):
        with progress_of_several(stream, 3, quiet=False) as tell:
            tell("a", "looking")
            tell("b\x1b[2J", "waiting")
            tell("a", "reading")
            tell("a", None)
            tell("c", None)
        shown = written()
    assert "0 of 3 ended" in shown
    assert "2 of 3 ended" in shown
    assert "a: looking" in shown
    assert r"b\x1b[2J: waiting" in shown
    assert "b\x1b[2J" not in shown


def test_elsewhere_each_line_of_several_runs_names_its_own() -> None:
    stream = io.StringIO()
    with progress_of_several(stream, 2, quiet=False) as tell:
        tell("a", "looking")
        tell("b\x1b[2J", "looking")
        tell("a", None)
    assert stream.getvalue() == "a: looking\nb\\x1b[2J: looking\na: ended\n"


def test_quiet_is_quiet_for_several_too() -> None:
    stream = io.StringIO()
    with progress_of_several(stream, 2, quiet=True) as tell:
        tell("a", "looking")
    assert stream.getvalue() == ""
