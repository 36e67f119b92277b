"""A process of kongip's own for each context, some at once: what one of them does touches no other.

Each cleans up after itself however it ends. What ends this process ends them first: they are interrupted once, and
waited for.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import IO

from diagnose.errors import COULD_NOT_RUN, FINDINGS, INTERRUPTED, PRESERVED, UNDETERMINED, USAGE
from diagnose.fleet.outcome import Outcome
from diagnose.report.document import report_in
from diagnose.report.progress import Tell

AT_ONCE = 8
"""Runs at a time: each is mostly waiting, and takes some tens of megabytes."""

OURS = "kongip: "
"""How a line begins that is more than progress."""

LEFT_OPEN = 10.0
"""Seconds to wait for the end of a pipe whose process has ended."""

START = """
import os, sys
sys.path[:] = sys.argv.pop(1).split(os.pathsep)
from diagnose.__main__ import main
sys.exit(main())
"""
"""Runs kongip as this process found it, whatever else bears its name in the folder where it is started."""


class Children:
    """The runs of several contexts, each of which is killed after the ``longest`` time, in seconds.

    ``tell`` is told, from several threads, what each is at, and ``note`` what one says beside its report: what it could
    not remove, say.
    """

    def __init__(self, tell: Tell, note: Callable[[str, str], None], longest: float) -> None:
        self._tell = tell
        self._note = note
        self._longest = longest
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ending = False

    def run(self, commands: Mapping[str, Sequence[str]], ended: Callable[[Outcome], None]) -> None:
        """Run the command of each context, and hand over how each ended, as it does.

        Whatever is raised meanwhile, such as KeyboardInterrupt, leaves once all that was started has ended.
        """
        with ThreadPoolExecutor(AT_ONCE) as threads:
            try:
                runs = [threads.submit(self._run, context, command) for context, command in commands.items()]
                for one in as_completed(runs):
                    ended(one.result())
            except BaseException:
                self._end()
                threads.shutdown(cancel_futures=True)
                raise

    def _run(self, context: str, command: Sequence[str]) -> Outcome:
        began = time.monotonic()
        process = self._start(command)
        self._say(context, "starting")
        printed, said = _Read(process.stdout), _Read(process.stderr, lambda line: self._hear(context, line))
        status = self._wait(process)
        outcome, notes = concluded(context, status, "".join(printed.end()), said.end(), time.monotonic() - began)
        for note in notes:
            self._note(context, note)
        self._say(context, None)
        return outcome

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start it out of the terminal's reach, whose Ctrl-C is for this process: it passes that on, once."""
        words = [sys.executable, "-P", "-c", START, os.pathsep.join(sys.path), *command]
        with self._lock:
            if self._ending:
                raise InterruptedError("all runs are being ended")
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="backslashreplace",
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _wait(self, process: subprocess.Popen[str]) -> int | None:
        """Its exit status, None where it had to be killed, since it was not ended by its own time limit."""
        try:
            return process.wait(self._longest)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
        finally:
            with self._lock:
                self._running.discard(process)

    def _hear(self, context: str, line: str) -> None:
        if not line.startswith(OURS):
            self._say(context, line.rstrip("\n"))

    def _say(self, context: str, line: str | None) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more, which is no run's business
            self._tell(context, line)

    def _end(self) -> None:
        with self._lock:
            self._ending = True
            for process in self._running:
                process.terminate()


class _Read:
    """The lines of a pipe, read by a thread of its own as they come, so that no other pipe waits for it."""

    def __init__(self, pipe: IO[str] | None, hear: Callable[[str], None] = lambda line: None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._hear = hear
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self._lines.append(line)
                self._hear(line)

    def end(self) -> list[str]:
        """All lines, once the process has ended; if that has left others which hold the pipe open, those until now."""
        self._thread.join(LEFT_OPEN)
        return list(self._lines)


def concluded(
    context: str, status: int | None, printed: str, said: Sequence[str], seconds: float
) -> tuple[Outcome, list[str]]:
    """How a run ended that printed this and ``said`` these lines on standard error; what else is to be told of it.

    ``status`` is its exit status, negative for a signal that ended it; None where it was killed from here.
    """
    said = [line.rstrip("\n") for line in said]
    notes = [line.removeprefix(OURS) for line in said if line.startswith(OURS)]
    ended, seconds = round(time.time(), 3), round(seconds, 3)
    if status in (PRESERVED, FINDINGS, UNDETERMINED):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            return Outcome(context, status, ended, seconds, report_in(json.loads(printed))), notes
    stopped = status in (USAGE, COULD_NOT_RUN, INTERRUPTED) and notes  # in one line, the last of them
    problem = notes.pop() if stopped else _how_it_ended(status, said)
    return Outcome(context, USAGE if status == USAGE else COULD_NOT_RUN, ended, seconds, None, problem), notes


def _how_it_ended(status: int | None, said: Sequence[str]) -> str:
    if status is None:
        return "The run did not end in time, and was killed: kongip clean removes what it has left."
    how = f"signal {-status}" if status < 0 else f"status {status}"
    last = "".join(f": {line}" for line in [line for line in said if not line.startswith(OURS)][-1:])
    return f"The run ended with {how} and no report{last}"
