"""Kong's settings as they are in force: the files that it wrote into its prefix when it started, or its Admin API.

``.kong_env`` is what Kong made of its file and its environment, ``nginx-kong.conf`` what it told nginx
(kong/cmd/utils/prefix_handler.lua, kong/templates/nginx_kong.lua). Nothing else is read, and of the first only what
decides on addresses is kept: there are passwords in it. Where no command may be run, the Admin API is asked on the
pod's own loopback; there it may be off, or want a certificate.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from itertools import zip_longest

from diagnose.admin_api import TOKEN_VARIABLE, checked_token, settings_in
from diagnose.cluster.api import Api
from diagnose.cluster.controllers import plain_variables
from diagnose.cluster.objects import full_name, labels_of, name_of, namespace_of
from diagnose.cluster.pods import KongPod, settings_of
from diagnose.cluster.replies import Reply, parsed
from diagnose.cluster.settings import MATTERS, kong_container, version_of
from diagnose.errors import Stop
from diagnose.path.settings import Settings
from diagnose.site import Gap

PREFIXES = ("/kong_prefix", "/usr/local/kong")
"""Where Kong's prefix is unless KONG_PREFIX names it: as the charts have it, and as Kong does."""

ENVIRONMENT, NGINX = ".kong_env", "nginx-kong.conf"
LARGEST = 256 * 1024
PATIENCE = 3.0
"""Seconds for a pod to answer."""

ASKED_AT_MOST = 4
"""Pods that are asked; those of one template were started alike."""

ADMIN_LISTEN = "127.0.0.1:8001, 127.0.0.1:8444 ssl"
"""Kong's own default (kong.conf.default: admin_listen)."""

_ENTRY = re.compile(r"(?:^|,)\s*\S+:(?P<port>\d{1,5})\b(?P<flags>[^,]*)")

TEMPLATES = ("pod-template-hash", "controller-revision-hash")

_HEAD = re.compile(r"^==> (?P<path>.+) <==$", re.MULTILINE)
_SETTING = re.compile(r"^(?P<name>[a-z0-9_]+) = (?P<value>.*)$", re.MULTILINE)
_DIRECTIVE = re.compile(
    r"^\s*(?P<name>set_real_ip_from|real_ip_header|real_ip_recursive)\s+(?P<value>\S+)\s*;", re.MULTILINE
)
_PROXY = re.compile(r"^ *server \{\s*\n\s*server_name kong;(?P<inside>.*?)^ *location ", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class InForce:
    """What a Kong runs with; ``beyond`` tells that its nginx is told something else than its own settings say.

    ``admin`` tells that the Admin API says so, and not the files.
    """

    settings: Settings
    beyond: str | None = None
    admin: bool = False


def with_what_is_in_force(
    api: Api, pods: Sequence[KongPod], gaps: Sequence[Gap]
) -> tuple[tuple[KongPod, ...], tuple[Gap, ...]]:
    """``pods`` with the settings in force, where they can be read, the others as they are; and what is unknown then.

    One pod of each template is asked, and speaks for all of them. ``gaps`` are what is not known without asking.
    """
    by_template: dict[str, list[KongPod]] = {}
    for pod in pods:
        by_template.setdefault(_template(pod), []).append(pod)
    asked = [next((one for one in alike if one.kong.ready), alike[0]) for alike in by_template.values()][:ASKED_AT_MOST]
    if not asked:
        return tuple(pods), tuple(gaps)
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = pool.map(lambda one: (_template(one), one, _read(api, one)), asked)
    told = {template: (one, found) for template, one, found in answers}
    known = tuple(_told(pod, *told[_template(pod)]) if _template(pod) in told else pod for pod in pods)
    whys = {
        settings_of(pod.pod): found
        for pod in pods
        if isinstance(found := told.get(_template(pod), (pod, ""))[1], str) and pod.kong.settings is None
    }
    answered = {settings_of(pod.pod) for pod in known if pod.kong.settings is not None}
    left = (gap for gap in gaps if gap.what not in answered)
    return known, tuple(replace(gap, why=_also(gap.why, whys.get(gap.what))) for gap in left)


def _also(why: str, other: str | None) -> str:
    return f"{why}; and what is in force could not be read: {other}" if other else why


def _template(pod: KongPod) -> str:
    """What pods that were started alike have in common; a pod of its own where nothing tells."""
    labels = labels_of(pod.pod)
    return next((f"{namespace_of(pod.pod)} {labels[key]}" for key in TEMPLATES if key in labels), full_name(pod.pod))


def _told(pod: KongPod, asked: KongPod, found: InForce | str) -> KongPod:
    if isinstance(found, str):
        return pod
    whose = f"pod {full_name(asked.pod)}" + ("" if asked is pod else ", of the same template")
    beyond = f"; {found.beyond}" if found.beyond else ""
    read = "the Admin API" if found.admin else f"{NGINX} and {ENVIRONMENT}"
    source = f"{read} of {whose}{_otherwise(pod, found.settings)}{beyond}"
    return replace(pod, kong=replace(pod.kong, settings=found.settings, source=source))


def _otherwise(pod: KongPod, settings: Settings) -> str:
    """What the pod's specification says otherwise, which is not in force."""
    told = pod.kong.settings
    if told is None or told == replace(settings, version=told.version):
        return ""
    return "; the pod's specification says otherwise, and is not in force"


def _read(api: Api, pod: KongPod) -> InForce | str:
    """What is in force in one pod, or why that is not known."""
    if pod.container is None:
        return "none of its containers is told to be Kong's"
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
    told = settings_in(parsed(reply.body))
    return InForce(told, admin=True) if isinstance(told, Settings) else told


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


def parse(output: str, image: str) -> InForce | str:
    """What is in force by the two files, each under a heading as ``head`` prints them; or why that is not known."""
    files = {path.rpartition("/")[2]: text for path, text in _parts(output)}
    if ENVIRONMENT not in files or NGINX not in files:
        return f"{ENVIRONMENT} or {NGINX} is not in Kong's prefix"
    told = {f"KONG_{one['name'].upper()}": one["value"].strip() for one in _SETTING.finditer(files[ENVIRONMENT])}
    variables = {name: value for name, value in told.items() if MATTERS.fullmatch(name)}
    server = _PROXY.search(files[NGINX])
    if server is None:
        return f"no server block of Kong's proxy is in {NGINX}"
    if behind := next((name for name in variables if name.endswith("SET_REAL_IP_FROM")), None):
        return f"{behind} is set: nginx then trusts addresses that Kong's own settings do not tell"
    directives = list(_DIRECTIVE.finditer(server["inside"]))
    trusted = [one["value"] for one in directives if one["name"] == "set_real_ip_from"]
    # What is told to nginx besides, by nginx_proxy_* or a template, is not what Kong's own code goes by.
    if _texts(trusted) != _texts(variables.get("KONG_TRUSTED_IPS", "").split(",")):
        return f"in {NGINX} nginx is told to trust other addresses than Kong's trusted_ips"
    others = (one for one in directives if one["name"] != "set_real_ip_from")
    in_force = {f"KONG_NGINX_PROXY_{one['name'].upper()}": one["value"] for one in others}
    try:
        settings = Settings.from_environment({**variables, **in_force}, version_of(image))
        expected = Settings.from_environment(variables, version_of(image))
    except ValueError as error:
        return str(error)
    same = (settings.real_ip_header, settings.real_ip_recursive) == (
        expected.real_ip_header,
        expected.real_ip_recursive,
    )
    return InForce(
        settings, None if same else f"nginx is told {_shown(in_force)}, which is not what {ENVIRONMENT} says"
    )


def _parts(output: str) -> Iterator[tuple[str, str]]:
    heads = list(_HEAD.finditer(output))
    for head, following in zip_longest(heads, heads[1:]):
        yield head["path"], output[head.end() : following.start() if following else None]


def _reading(settings: Settings) -> tuple[str, bool]:
    return settings.real_ip_header, settings.real_ip_recursive


def _texts(entries: Sequence[str]) -> set[str]:
    return {entry.strip() for entry in entries if entry.strip()}


def _shown(directives: Mapping[str, str]) -> str:
    return ", ".join(f"{name.removeprefix('KONG_NGINX_PROXY_').lower()} {value}" for name, value in directives.items())
