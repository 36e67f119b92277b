"""Kong's settings as they are in force: by the files that it wrote when it started, or by its Admin API.

Where the files cannot be read, the Admin API is asked on the pod's own loopback; there it may be off, or want a
certificate.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from http.client import HTTPException, HTTPResponse

from diagnose.admin_api import TOKEN_VARIABLE, checked_token, settings_in
from diagnose.cluster.api import Api
from diagnose.cluster.beside import beside
from diagnose.cluster.controllers import plain_variables
from diagnose.cluster.objects import full_name, labels_of, name_of, namespace_of
from diagnose.cluster.pods import KongPod, settings_of
from diagnose.cluster.prefix_files import ENVIRONMENT, NGINX, InForce, in_words, parse
from diagnose.cluster.replies import Reply, parsed
from diagnose.cluster.settings import kong_container
from diagnose.errors import Stop
from diagnose.path.settings import Settings
from diagnose.site import Gap

PREFIXES = ("/kong_prefix", "/usr/local/kong")
"""Where Kong's prefix is unless KONG_PREFIX names it: as the charts have it, and as Kong does."""

LARGEST = 256 * 1024
PATIENCE = 3.0
"""Seconds for one source to answer, and there are two; nor is the API server, which leads there, waited for longer."""

ASKED_AT_MOST = 4
"""Pods that are asked; those of one template were started alike."""

ADMIN_LISTEN = "127.0.0.1:8001, 127.0.0.1:8444 ssl"
"""Kong's own default (kong.conf.default: admin_listen)."""

_ENTRY = re.compile(r"(?:^|,)\s*\S+:(?P<port>\d{1,5})\b(?P<flags>[^,]*)")

TEMPLATES = ("pod-template-hash", "controller-revision-hash")


def with_what_is_in_force(
    api: Api, pods: Sequence[KongPod], gaps: Sequence[Gap]
) -> tuple[tuple[KongPod, ...], tuple[Gap, ...]]:
    """``pods`` with the settings in force, where they can be read, the others as they are; and what is unknown then.

    One pod of each template is asked, and speaks for all of them. ``gaps`` are what is not known without asking. What a
    pod's specification says stands where the pod does not answer, though whether it is so is unknown then. It is
    dropped where Kong was read to run with what no settings tell: it is not so.
    """
    by_template: dict[str, list[KongPod]] = {}
    for pod in (one for one in pods if one.container is not None):
        by_template.setdefault(_template(pod), []).append(pod)
    asked = [next((one for one in alike if one.kong.ready), alike[0]) for alike in by_template.values()][:ASKED_AT_MOST]
    answers = zip(asked, _answers(api, asked), strict=True)
    told = {_template(one): (one, found) for one, found in answers}
    known = tuple(_told(pod, *told[_template(pod)]) if _template(pod) in told else pod for pod in pods)
    open_before = {gap.what: gap.why for gap in gaps}
    whys = {
        settings_of(pod.pod): _why(open_before.get(settings_of(pod.pod)), told.get(_template(pod), (pod, None))[1])
        for pod in known
        if pod.kong.settings is None
    }
    asked_for = {settings_of(pod.pod) for pod in pods}
    others = (gap for gap in gaps if gap.what not in asked_for)
    unseen = (
        Gap(f"with which settings Kong really runs in pod {full_name(one.pod)}", found)
        for one, found in told.values()
        if isinstance(found, str) and one.kong.settings is not None
    )
    return known, (*others, *(Gap(what, why) for what, why in whys.items()), *unseen)


def _why(before: str | None, found: InForce | str | None) -> str:
    """Why the settings of a pod are unknown: what was in the way ``before`` it was asked, and what it answered."""
    if isinstance(found, InForce):
        return found.beyond or ""
    return "; and what is in force could not be read: ".join(one for one in (before, found) if one)


def _answers(api: Api, asked: Sequence[KongPod]) -> list[InForce | str]:
    """What each of these pods answers, all asked at once. A node that is gone would keep an exec open for a minute."""
    waiting = [beside(partial(_read, api, one)) for one in asked]
    end = time.monotonic() + 2 * PATIENCE
    return [_answer(future, end - time.monotonic()) for future in waiting]


def _answer(future: Future[InForce | str], seconds: float) -> InForce | str:
    try:
        return future.result(max(0.0, seconds))
    except TimeoutError:
        return "the pod did not answer in time"


def _template(pod: KongPod) -> str:
    """What pods that were started alike have in common; a pod of its own where nothing tells."""
    labels = labels_of(pod.pod)
    return next((f"{namespace_of(pod.pod)} {labels[key]}" for key in TEMPLATES if key in labels), full_name(pod.pod))


def _told(pod: KongPod, asked: KongPod, found: InForce | str) -> KongPod:
    if isinstance(found, str):
        return pod
    whose = f"pod {full_name(asked.pod)}" + ("" if asked is pod else ", of the same template")
    read = "the Admin API" if found.admin else f"{NGINX} and {ENVIRONMENT}"
    notes = (_otherwise(pod.kong.settings, found.settings), found.beyond)
    source = "; ".join([f"{read} of {whose}", *(note for note in notes if note)])
    settings = found.settings
    if settings is not None and pod.kong.settings is not None:
        # Which of two names a setting has been given by, the specification alone tells.
        settings = replace(settings, twins=settings.twins | pod.kong.settings.twins)
    return replace(pod, kong=replace(pod.kong, settings=settings, source=source))


def _otherwise(said: Settings | None, in_force: Settings | None) -> str | None:
    """What the pod's specification says, and what is not in force; None where nothing is."""
    if said is None or in_force is None:
        return None
    words = [text for text, other in zip(in_words(said), in_words(in_force), strict=True) if text != other]
    return f"its specification says {', '.join(words)}, which is not in force" if words else None


def _read(api: Api, pod: KongPod) -> InForce | str:
    """What is in force in one pod, or why that is not known."""
    container = kong_container(pod.pod) or {}
    variables = plain_variables(container, namespace_of(pod.pod))
    try:
        found = _of_files(api, pod, variables.get("KONG_PREFIX"), str(container.get("image") or ""))
        if isinstance(found, InForce):
            return found
        told = _of_admin(api, pod, variables.get("KONG_ADMIN_LISTEN", ADMIN_LISTEN))
    except Stop as stop:
        return stop.what
    return told if isinstance(told, InForce) else f"{found}; {told}"


def _of_files(api: Api, pod: KongPod, prefix: str | None, image: str) -> InForce | str:
    folders = (prefix.rstrip("/"),) if prefix else PREFIXES
    files = [f"{folder}/{name}" for folder in folders for name in (ENVIRONMENT, NGINX)]
    command = ("head", "-c", str(LARGEST), *files)
    done = api.execute(namespace_of(pod.pod), name_of(pod.pod), pod.container or "", command, b"", PATIENCE)
    if isinstance(done, Reply):
        return done.message
    return parse(done.output.decode("utf-8", "replace"), image)


def _of_admin(api: Api, pod: KongPod, listen: str) -> InForce | str:
    entries = [(int(one["port"]), "ssl" in one["flags"].split()) for one in _ENTRY.finditer(listen)]
    if not entries:
        return "its Admin API is off"
    port, tls = min(entries, key=lambda one: one[1])
    reply = api.forward(namespace_of(pod.pod), name_of(pod.pod), port, tls, _get_root, PATIENCE)
    if not reply.ok:
        return f"its Admin API: {reply.message}"
    root = parsed(reply.body)
    told = settings_in(root)
    if isinstance(told, Settings):
        return InForce(told, admin=True)
    # What it answers may be no Admin API; what it tells of Kong's configuration holds, though no settings express it.
    return InForce(None, told, admin=True) if root and isinstance(root.get("configuration"), dict) else told


def _get_root(way: socket.socket) -> Reply:
    """The answer to ``GET /`` over a connection to an Admin API."""
    token = os.environ.get(TOKEN_VARIABLE)
    headers = f"Kong-Admin-Token: {checked_token(token)}\r\n" if token else ""
    way.sendall(f"GET / HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n{headers}\r\n".encode())
    answer = HTTPResponse(way)
    try:
        answer.begin()
        return Reply(answer.status, answer.read(LARGEST * 4))
    except HTTPException as error:
        return Reply(0, f"what answers is no HTTP ({type(error).__name__})".encode())
