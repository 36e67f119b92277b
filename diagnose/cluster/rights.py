"""Which rights a run needs, and which of them the caller lacks; asked before anything is created."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from diagnose.cluster.api import Api
from diagnose.cluster.kinds import Resource


@dataclass(frozen=True, slots=True)
class Right:
    """One right in one namespace; ``resource`` may name a part of it, such as pods/log."""

    verb: str
    group: str
    resource: str
    namespace: str

    def __str__(self) -> str:
        """As people write it: "create jobs.batch in namespace kong"."""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind} in namespace {self.namespace}"


def deploying(namespace: str, kinds: Iterable[Resource]) -> tuple[Right, ...]:
    """What is needed to create the echo's objects, which are of these kinds, to follow its pod and to remove it."""
    made = (Right(verb, one.group, one.plural, namespace) for one in kinds for verb in ("create", "delete"))
    return (*made, Right("list", "", "pods", namespace))


def executing(namespace: str) -> tuple[Right, ...]:
    """What is needed to run a command in a pod there: the echo's sends probes, Kong's shows its files.

    A websocket begins with a GET, so some versions ask for get.
    """
    return Right("create", "", "pods/exec", namespace), Right("get", "", "pods/exec", namespace)


def reading_logs(namespace: str) -> tuple[Right, ...]:
    """What is needed to read Kong's logs."""
    return (Right("get", "", "pods/log", namespace),)


def proxying(namespace: str) -> tuple[Right, ...]:
    """What is needed to call the echo through the API server."""
    return (Right("get", "", "services/proxy", namespace),)


def missing(api: Api, rights: Sequence[Right]) -> tuple[Right, ...]:
    """Those of ``rights`` that the caller lacks for certain; where the server does not say, the attempt will tell."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda right: api.may(right.verb, right.group, right.resource, right.namespace), rights)
        return tuple(right for right, allowed in zip(rights, answers, strict=True) if allowed is False)
