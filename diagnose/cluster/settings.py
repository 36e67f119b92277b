"""Kong's settings as a pod's specification tells them: env and envFrom, with the ConfigMaps and Secrets they name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from diagnose.cluster.controllers import expanded, plain_variables
from diagnose.cluster.objects import at
from diagnose.cluster.replies import Object
from diagnose.path.settings import TWINS, Settings

BELIEVED_BESIDE = ("KONG_NGINX_PROXY_SET_REAL_IP_FROM", "KONG_NGINX_HTTP_SET_REAL_IP_FROM")
"""The variables by which nginx is told to believe peers beside trusted_ips."""

DECIDING = ("KONG_PROXY_LISTEN", "KONG_TRUSTED_IPS", *TWINS, *TWINS.values(), *BELIEVED_BESIDE)
"""The variables that decide which address Kong logs. No other is read out of a Secret, nor kept."""

CONFIGURATION_FILES = ("/etc/kong/kong.conf", "/etc/kong.conf")
"""Where Kong looks for its configuration by itself (kong/conf_loader: DEFAULT_PATHS)."""

VERSION_TAG = re.compile(r":(\d+)\.(\d+)(?![\d])")


@dataclass(frozen=True, slots=True)
class Source:
    """A ConfigMap or Secret that a container takes variables from; ``kind`` is ``configmaps`` or ``secrets``."""

    kind: str
    name: str


Contents = Mapping[Source, Mapping[str, str] | None]
"""What stands in each source, decoded; None where it could not be read."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that matter, and what of them could not be read."""

    values: Mapping[str, str]
    unread: tuple[str, ...] = ()


def kong_container(pod: Object) -> Object | None:
    """The container that runs Kong: named proxy, else the one told KONG_* settings, else the one of Kong's image."""
    containers = at(pod, "spec", "containers") or ()
    named = [one for one in containers if one.get("name") == "proxy"]
    told = [
        one for one in containers if any(str(entry.get("name")).startswith("KONG_") for entry in one.get("env") or ())
    ]
    imaged = [one for one in containers if re.search(r"kong[^/]*(:|$)", str(one.get("image")).partition("@")[0])]
    return next(iter([*named, *told, *imaged, *(containers if len(containers) == 1 else ())]), None)


def sources_of(container: Object) -> tuple[Source, ...]:
    """The ConfigMaps and Secrets that may hold a setting that matters."""
    found = [source for entry in container.get("envFrom") or () if (source := from_source(entry))]
    for entry in container.get("env") or ():
        if entry.get("name") in DECIDING and (key := key_source(entry)):
            found.append(key[0])
    return tuple(dict.fromkeys(found))


def from_source(entry: Object) -> Source | None:
    """The source of one envFrom entry."""
    for field, kind in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if name := at(entry, field, "name"):
            return Source(kind, str(name))
    return None


def key_source(entry: Object) -> tuple[Source, str] | None:
    """The source and key of one env entry that refers to a ConfigMap or Secret."""
    for field, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if name := at(entry, "valueFrom", field, "name"):
            return Source(kind, str(name)), str(at(entry, "valueFrom", field, "key"))
    return None


def optional(entry: Object) -> bool:
    """Whether an env entry is left out where the ConfigMap or Secret has no such key."""
    return any(at(entry, "valueFrom", field, "optional") is True for field in ("configMapKeyRef", "secretKeyRef"))


def variables_of(container: Object, contents: Contents) -> Variables:
    """The variables of a container as Kubernetes would set them: env wins over envFrom, later over earlier."""
    values: dict[str, str] = {}
    maybe: dict[str, tuple[str, ...]] = {}
    for entry in container.get("envFrom") or ():
        source = from_source(entry)
        held = contents.get(source) if source else None
        prefix = str(entry.get("prefix") or "")
        if source and held is None:
            one = f"{source.kind[:-1]} {source.name}"
            maybe |= {name: (*maybe.get(name, ()), one) for name in DECIDING if name.startswith(prefix)}
        told = {prefix + key: value for key, value in (held or {}).items()}
        values |= told
        maybe = {name: places for name, places in maybe.items() if name not in told}
    plain = plain_variables(container, "")
    values |= {name: expanded(value, plain) for name, value in plain.items()}
    unread = [place for name, places in maybe.items() if name not in plain for place in places]
    for entry in container.get("env") or ():
        if not (entry.get("name") in DECIDING and (key := key_source(entry))):
            continue
        held = contents.get(key[0])
        if held is None:
            unread.append(f"{key[0].kind[:-1]} {key[0].name}")
        elif key[1] in held:
            values[str(entry["name"])] = held[key[1]]
    mattering = {name: value for name, value in values.items() if name in DECIDING}
    return Variables(mattering, tuple(dict.fromkeys(unread)))


def read_settings(container: Object, contents: Contents) -> Settings | str:
    """Kong's settings by its container's specification, or why they cannot be told."""
    if file := configuration_file(container):
        return f"{file} may hold settings beside the variables"
    variables = variables_of(container, contents)
    if variables.unread:
        return f"{', '.join(variables.unread)} could not be read"
    behind = next((name for name in BELIEVED_BESIDE if variables.values.get(name, "").strip()), None)
    if behind:
        return f"{behind} is set: nginx then trusts addresses that Kong's own settings do not tell"
    try:
        return Settings.from_environment(variables.values, version_of(str(container.get("image") or "")))
    except ValueError as error:
        secret = _secret_of(variables, contents)
        return f"what Secret {secret} holds of Kong's settings is none that Kong takes" if secret else str(error)


def configuration_file(container: Object) -> str | None:
    """What tells of a configuration file besides that of Kong's image, as the beginning of a sentence; None if nothing.

    Something is mounted where Kong looks for one, or over its folder; or Kong is started with another.
    """
    mounts = (str(mount.get("mountPath") or "") for mount in container.get("volumeMounts") or ())
    paths = [path.rstrip("/") for path in mounts if path]
    for file in CONFIGURATION_FILES:
        if over := next((path for path in paths if file == path or file.startswith(f"{path}/")), None):
            return f"a file is mounted at {over}, which"
    words = [word for key in ("command", "args") for text in container.get(key) or () for word in str(text).split()]
    named = (file for flag, file in pairwise(words) if flag in ("-c", "--conf") and file.endswith(".conf"))
    return next((f"Kong is started with {file}, which" for file in named), None)


def _secret_of(variables: Variables, contents: Contents) -> str | None:
    """The Secret that one of these values stands in: what is no setting may be anything, and is not quoted."""
    held = ((source, text) for source, texts in contents.items() for text in (texts or {}).values())
    told = set(variables.values.values())
    return next((source.name for source, text in held if source.kind == "secrets" and text in told), None)


def version_of(image: str) -> tuple[int, int] | None:
    """The version that an image's tag tells, such as (3, 9), or None."""
    match = VERSION_TAG.search(image.partition("@")[0].rpartition("/")[2])
    return (int(match[1]), int(match[2])) if match else None
