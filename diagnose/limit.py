"""The time that a run may take: two thirds of it to gather, the rest to judge; then it ends, whatever it waits for.

Python runs a signal's handler in the main thread, and there it interrupts every wait but those within C code, such as
the system's resolver. For these, and for threads that hang, the process is ended in the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from diagnose.counting import count_of
from diagnose.errors import COULD_NOT_RUN, Stop

GATHERING = 2 / 3
"""The share of the time after which nothing more is sent."""

STEP = 1 / 10
"""The share of the time that a step of a probe may take."""

CLEAN_UP = 60.0
"""Seconds that clean-up is given when the time is up."""


class _TimeUp(BaseException):
    """Interrupts the main thread as Ctrl-C does; it never leaves this module."""


class Limit:
    """``seconds`` for one run from now on, None for no limit. To be used in the main thread, as a context manager."""

    def __init__(self, seconds: float | None = None) -> None:
        self.gathering_ended = False
        self._seconds = seconds
        self._began = time.monotonic()
        self._last: threading.Timer | None = None

    def __enter__(self) -> Self:
        """The limit itself; from now on the process ends some time after the run should have."""
        if self._seconds is not None:
            self._last = threading.Timer(self._seconds + CLEAN_UP, _end_process, (self._seconds,))
            self._last.daemon = True
            self._last.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the process live on, unless threads of the run hang that the interpreter would wait for."""
        if self._last is not None and not _hanging():
            self._last.cancel()

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Stop where the time is up within."""
        try:
            with self._interrupted_after(1.0):
                yield
        except _TimeUp:
            assert self._seconds is not None
            raise Stop(
                f"The run did not end within {count_of(self._seconds, 'second', form='g')} (--timeout).",
                "See what is slow (-v shows more), or give it more time.",
            ) from None

    def gather(self, step: Callable[[], None]) -> None:
        """Run ``step`` until the share of the time for gathering is over, which it may be already.

        ``gathering_ended`` tells that it was left off.
        """
        try:
            with self._interrupted_after(GATHERING):
                step()
        except _TimeUp:
            if self._moment(1.0) <= time.monotonic():
                raise
            self.gathering_ended = True

    def step(self, seconds: float) -> float:
        """``seconds`` for a step of a probe, or less: the three steps of one must end while there is time to judge."""
        return seconds if self._seconds is None else min(seconds, self._seconds * STEP)

    def _moment(self, share: float) -> float:
        return self._began + share * (float("inf") if self._seconds is None else self._seconds)

    @contextlib.contextmanager
    def _interrupted_after(self, share: float) -> Iterator[None]:
        if self._seconds is None:
            yield
            return
        moment = self._moment(share)

        def ring(*_: object) -> None:
            if time.monotonic() >= moment:  # not a bell of one that was left just as it rang
                raise _TimeUp

        main = threading.main_thread().ident or 0
        bell = threading.Timer(max(0.0, moment - time.monotonic()), signal.pthread_kill, (main, signal.SIGALRM))
        bell.daemon = True
        before = signal.signal(signal.SIGALRM, ring)
        try:
            bell.start()
            yield
        finally:
            bell.cancel()
            signal.signal(signal.SIGALRM, before)


def _hanging() -> bool:
    return any(thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())


def _end_process(seconds: float) -> None:
    sys.stderr.write(
        f"kongip: the run did not end within {count_of(seconds, 'second', form='g')} (--timeout), nor {CLEAN_UP:g} "
        "seconds later. What it made is removed by Kubernetes some minutes after it was made, or at once by kongip "
        "clean.\n"
    )
    sys.stderr.flush()
    os._exit(COULD_NOT_RUN)
