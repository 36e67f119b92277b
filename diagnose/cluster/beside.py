"""Work that goes on beside the run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def beside(work: Callable[[], Result]) -> Future[Result]:
    """Begin ``work`` in a thread. The interpreter does not wait for it at the end, as it would for those of a pool."""
    future: Future[Result] = Future()
    Thread(target=_settle, args=(future, work), daemon=True).start()
    return future


def _settle(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
