"""The credentials of a kubeconfig's context; what a credential plugin writes stays unread and unsaid."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from diagnose.cluster.replies import one_line
from diagnose.errors import Stop


def load(files: str, context: str, configuration: Any) -> None:
    """Put server and credentials of ``context`` into ``configuration``. Stop where they cannot be had.

    The client library logs what a plugin of the kubeconfig (exec, auth-provider) wrote when it failed, and goes on
    without a token. There may be one in what it wrote, so it is told that it failed, and not what it said.
    """
    from kubernetes.config import load_kube_config
    from kubernetes.config.config_exception import ConfigException

    with _logged() as said:
        try:
            load_kube_config(config_file=files, context=context, client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError, KeyError, TypeError, ValueError) as error:
            what = f"Context {context} of {files} cannot be used: {one_line(error)}."
            raise Stop(what, "Mend the kubeconfig.") from error
    if said:
        raise Stop(
            f"The credential plugin of context {context} in {files} gives no credentials: {_without_output(said[0])}.",
            f"See what it says: kubectl --context {context} get --raw /version",
        )


def _without_output(message: str) -> str:
    """The client library's message without what a plugin wrote (kubernetes: config/exec_provider.py)."""
    if message.startswith("exec: process returned "):
        return message.partition(". ")[0].removeprefix("exec: ")
    known = ("[Errno ", "exec: malformed response. missing key")
    return message.removeprefix("exec: ") if message.startswith(known) else "what it printed is none"


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """What the root logger is told meanwhile, which goes nowhere else."""
    said: list[str] = []
    root, keeping = logging.getLogger(), _Keeping(said)
    others = root.handlers[:]
    root.handlers[:] = [keeping]
    try:
        yield said
    finally:
        root.handlers[:] = others


class _Keeping(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(" ".join(record.getMessage().split()))
