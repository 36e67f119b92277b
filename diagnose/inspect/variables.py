"""The variables of a container that decide which address Kong logs, each with the place where it stands written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from diagnose.cluster.controllers import expanded, plain_variables
from diagnose.cluster.replies import Object
from diagnose.cluster.settings import Contents, Source, from_source, key_source, optional

MATTERS = re.compile(
    r"KONG_(TRUSTED_IPS|REAL_IP_(HEADER|RECURSIVE)|(PROXY|STREAM|ADMIN|STATUS)_LISTEN|ROLE"
    r"|NGINX_(PROXY|HTTP)_(SET_REAL_IP_FROM|REAL_IP_(HEADER|RECURSIVE)))"
)
"""The variables whose values are looked at. Of all others only the names are."""

BESIDE = frozenset({"KONG_ADMIN_LISTEN", "KONG_STATUS_LISTEN", "KONG_ROLE"})
"""Those of them that have no part in which address Kong takes for the client's."""

DOUBLED = "KONG_KONG_"
VAULT = "{vault://"


@dataclass(frozen=True, slots=True)
class Told:
    """One variable as it is told: ``where`` it stands written; ``secret`` where its value is not to be shown.

    ``value`` is None where it is not known, as that of a ConfigMap that is not at hand.
    """

    name: str
    value: str | None
    where: str
    secret: bool = False

    def __str__(self) -> str:
        """As evidence: the place, the name and the value if it may be shown."""
        shown = "" if self.value is None or self.secret else f": {self.value}"
        return f"{self.where} {self.name}{shown}"


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that matter or that bear a doubled prefix, by name, and what could not be read of them."""

    told: Mapping[str, Told]
    unread: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """The value of a variable, None where it is not told or not known."""
        found = self.told.get(name)
        return found.value if found else None


def variables_of(container: Object, contents: Contents, where: str, namespace: str) -> Variables:
    """The variables of ``container`` as Kubernetes would set them: env wins over envFrom, later over earlier."""
    told: dict[str, Told] = {}
    unread: list[str] = []
    for entry in container.get("envFrom") or ():
        source = from_source(entry)
        if source is None:
            continue
        held = contents.get(source)
        if held is None:
            unread.append(_named(source))
        prefix = str(entry.get("prefix") or "")
        for key, value in (held or {}).items():
            name, place = f"{prefix}{key}", f"{where} envFrom {_named(source)}"
            _note(told, Told(name, _readable(str(value)), place, secret=source.kind == "secrets"))
    for one in _entries(container, contents, where, namespace):
        _note(told, one)
    deciding = (one for one in told.values() if MATTERS.fullmatch(one.name) and one.name not in BESIDE)
    unread += [str(one) for one in deciding if one.value is None]
    return Variables(told, tuple(dict.fromkeys(unread)))


def _entries(container: Object, contents: Contents, where: str, namespace: str) -> Iterator[Told]:
    """The entries of env, in order."""
    plain = plain_variables({"env": [one for one in container.get("env") or () if one.get("name")]}, namespace)
    for entry in container.get("env") or ():
        name = str(entry.get("name") or "")
        if entry.get("value") is not None:
            yield Told(name, _readable(expanded(str(entry["value"]), plain)), f"{where} env")
        elif key := key_source(entry):
            source, field = key
            held = contents.get(source)
            value = held.get(field) if held is not None else None
            if value is None and held is not None and optional(entry):
                continue
            place = f"{where} env (from {_named(source)}, key {field})"
            yield Told(name, _readable(value), place, secret=source.kind == "secrets")
        elif entry.get("valueFrom") is not None:
            yield Told(name, plain.get(name), f"{where} env (from the pod's own fields)")
        else:
            yield Told(name, "", f"{where} env")


def _note(told: dict[str, Told], one: Told) -> None:
    if MATTERS.fullmatch(one.name) or one.name.startswith(DOUBLED):
        told[one.name] = one


def _readable(value: str | None) -> str | None:
    """A value, None where Kong would fetch it from a vault, or where a pod alone knows what it refers to."""
    return None if value is None or value.lstrip().startswith(VAULT) or "$(" in value else value


def _named(source: Source) -> str:
    kind = {"configmaps": "ConfigMap", "secrets": "Secret"}[source.kind]
    return f"{kind} {source.name}"
