"""What kongip's runs have left in a cluster: found by its labels and names, and removed; nothing else ever is."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from diagnose.cluster.api import Api
from diagnose.cluster.deploy import AT_ONCE, POLL, REMOVAL_PATIENCE
from diagnose.cluster.kinds import CONFIG_MAP, HTTP_ROUTE, INGRESS, JOB, NETWORK_POLICY, POD, SERVICE, Resource
from diagnose.cluster.manifests import MANAGED_BY, RUN_LABEL
from diagnose.cluster.objects import at, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.errors import Stop

KINDS = (JOB, CONFIG_MAP, SERVICE, INGRESS, HTTP_ROUTE, NETWORK_POLICY, POD)
"""All that a run may make, the Job first: the others hang by it, and it makes the pod."""

RUN_ID = re.compile(r"[0-9a-f]{10}")
_NUMBER = r"(-[0-9]{1,3})?"
_AFTER_NAME = {
    **dict.fromkeys((JOB, HTTP_ROUTE), re.compile(_NUMBER)),
    CONFIG_MAP: re.compile(r"(-0)?"),
    POD: re.compile(rf"{_NUMBER}-[a-z0-9]{{5}}"),
}
"""What may follow the name of a run in those of its objects: a Job names its pods; of routes, and of Jobs that capture
on a node each, there may be several; these share the ConfigMap of the first."""


@dataclass(frozen=True, slots=True)
class Left:
    """One object that a run has left. ``age`` is seconds by the server's clock, None where it gave no time."""

    kind: Resource
    namespace: str
    name: str
    uid: str
    run: str
    age: float | None

    def __str__(self) -> str:
        """As people write it, with its run and its age."""
        old = "" if self.age is None else f", {in_words(self.age)} old"
        return f"{self.kind.kind} {self.namespace}/{self.name} (run {self.run}{old})"


@dataclass(frozen=True, slots=True)
class Found:
    """What runs have left, the Jobs first, and why some kinds could not be looked at, by kind."""

    left: tuple[Left, ...]
    unlisted: Mapping[Resource, str]


def find(api: Api, namespace: str | None, run: str | None) -> Found:
    """All that runs have left in a namespace, None for all; of one ``run``, None for every. Stop if no Job is listed.

    Those that are about to go are left out.
    """
    managed = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
    selector = f"{managed},{RUN_LABEL}={run}" if run else f"{managed},{RUN_LABEL}"
    with ThreadPoolExecutor(len(KINDS)) as pool:
        listings = list(
            pool.map(lambda kind: api.items(kind.collection(namespace), [("labelSelector", selector)]), KINDS)
        )
    unlisted = {kind: listing.refused for kind, listing in zip(KINDS, listings, strict=True) if listing.refused}
    if JOB in unlisted:
        remedy = "Name a namespace where you may with --namespace NAME." if namespace is None else ""
        raise Stop(f"What kongip made cannot be listed: {unlisted[JOB].rstrip('.')}.", remedy)
    now = server_time(api)
    found = (read(kind, one, now) for kind, listing in zip(KINDS, listings, strict=True) for one in listing.items)
    return Found(tuple(one for one in found if one is not None and run in (None, one.run)), unlisted)


def read(kind: Resource, thing: Object, now: float | None) -> Left | None:
    """An object as a leftover; None for what is not kongip's for certain, or about to go.

    Labels can be copied along with a manifest. So both have to be there, and the name has to be the one that this run
    gives to its objects.
    """
    labels, name = labels_of(thing), name_of(thing)
    run = str(labels.get(RUN_LABEL) or "")
    ours = MANAGED_BY.items() <= dict(labels).items() and RUN_ID.fullmatch(run)
    rest = name.removeprefix(f"kongip-{run}")
    named = rest != name and (_AFTER_NAME[kind].fullmatch(rest) if kind in _AFTER_NAME else not rest)
    if not ours or not named or at(thing, "metadata", "deletionTimestamp"):
        return None
    made = stamp(str(at(thing, "metadata", "creationTimestamp") or ""))
    age = None if now is None or made is None else max(0.0, now - made)
    return Left(kind, namespace_of(thing), name, str(at(thing, "metadata", "uid") or ""), run, age)


def older_than(left: Iterable[Left], seconds: float) -> tuple[Left, ...]:
    """The objects of those runs that began longer ago than that; a run whose age is not known is none of them."""
    known = tuple(left)
    ages: dict[str, float] = {}
    for one in known:
        if one.age is not None:
            ages[one.run] = max(ages.get(one.run, 0.0), one.age)
    return tuple(one for one in known if ages.get(one.run, 0.0) > seconds)


def remove(api: Api, left: Sequence[Left]) -> dict[Left, str]:
    """Remove these very objects, the Jobs first; why some could not be, by object.

    Nothing that has taken the place of one of them since is meant: the server compares the uid. A pod that may not be
    deleted goes with its Job.
    """
    jobs = [one for one in left if one.kind is JOB]
    rest = [one for one in left if one.kind is not JOB]
    refused: dict[Left, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for some in (jobs, rest):
            answers = pool.map(lambda one: delete(api, one), some)
            refused |= {one: why for one, why in zip(some, answers, strict=True) if why}
    gone_with_job = {one for one in refused if one.kind is POD and any(job.run == one.run for job in jobs)}
    refused = {one: why for one, why in refused.items() if one not in gone_with_job}
    still = await_absence(api, [one for one in left if one not in refused])
    return refused | dict.fromkeys(still, "it is still there")


def delete(api: Api, one: Left) -> str | None:
    """Delete one object; why it could not be, None where it is gone."""
    order: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": one.uid}}
    order |= {"propagationPolicy": "Background"} if one.kind is JOB else {"gracePeriodSeconds": 0}
    reply = api.delete(f"{one.kind.collection(one.namespace)}/{one.name}", order)
    return None if reply.ok or reply.status in GONE else reply.message


GONE = frozenset({404, 409})
"""409: the name now is another object's."""


def await_absence(api: Api, left: Sequence[Left]) -> tuple[Left, ...]:
    """Those of ``left`` that are there, and not about to go, after some seconds."""
    deadline = time.monotonic() + REMOVAL_PATIENCE
    while True:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            there = pool.map(lambda one: is_there(api, one), left)
            still = tuple(one for one, found in zip(left, there, strict=True) if found)
        if not still or time.monotonic() > deadline:
            return still
        time.sleep(POLL)


def is_there(api: Api, one: Left) -> bool:
    """Whether that very object is there and not about to go, as far as it may be listed."""
    named = [("fieldSelector", f"metadata.name={one.name}")]
    things = api.items(one.kind.collection(one.namespace), named).items
    uids = {at(thing, "metadata", "uid") for thing in things if not at(thing, "metadata", "deletionTimestamp")}
    return one.uid in uids


def server_time(api: Api) -> float | None:
    """The server's clock, in seconds since the epoch, None where it does not tell: the caller's may be wrong."""
    told = (api.get("/version").headers or {}).get("Date")
    try:
        return parsedate_to_datetime(told).timestamp() if told else None
    except ValueError:
        return None


def stamp(text: str) -> float | None:
    """A time as Kubernetes writes it, in seconds since the epoch; None where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def in_words(seconds: float) -> str:
    """An age as people write it: 42 s, 12 min, 3 h, 5 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
