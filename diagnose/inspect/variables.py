"""The variables of a container that decide which address Kong logs, each with the place where it stands written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from diagnose.cluster.controllers import expanded, plain_variables
from diagnose.cluster.replies import Object
from diagnose.cluster.settings import DECIDING as OF_REQUESTS
from diagnose.cluster.settings import Contents, Source, from_source, key_source, optional

MATTERS = re.compile(
    r"KONG_(TRUSTED_IPS|REAL_IP_(HEADER|RECURSIVE)|(PROXY|STREAM|ADMIN|STATUS)_LISTEN|ROLE"
    r"|NGINX_(PROXY|HTTP)_(SET_REAL_IP_FROM|REAL_IP_(HEADER|RECURSIVE)))"
)
"""The variables whose values are looked at. Of all others only the names are."""

BESIDE = frozenset({"KONG_ADMIN_LISTEN", "KONG_STATUS_LISTEN", "KONG_ROLE"})
"""Those of them that have no part in which address Kong takes for the client's."""

DECIDING = (*OF_REQUESTS, "KONG_STREAM_LISTEN")
"""Those that have, of which each that may be told where nobody could look is open."""

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
    """The variables that matter or that bear a doubled prefix, by name, and those that may have another value.

    ``open`` maps each variable of ``DECIDING`` whose value is not known to where it is, or may be, told.
    """

    told: Mapping[str, Told]
    open: Mapping[str, tuple[str, ...]]

    def value(self, name: str) -> str | None:
        """The value of a variable, None where it is not told or not known."""
        found = self.told.get(name)
        return found.value if found else None

    @property
    def unread(self) -> tuple[str, ...]:
        """What is not at hand, with the variables that it may hold where env tells some of them."""
        held: dict[str, list[str]] = {}
        for name, places in self.open.items():
            for place in places:
                held.setdefault(place, []).append(name)
        told = {str(one) for one in self.told.values()}
        return tuple(
            place if place in told or len(names) == len(DECIDING) else f"{place}, which may hold {', '.join(names)}"
            for place, names in held.items()
        )


def variables_of(container: Object, contents: Contents, where: str, namespace: str) -> Variables:
    """The variables of ``container`` as Kubernetes would set them: env wins over envFrom, later over earlier."""
    told: dict[str, Told] = {}
    maybe: dict[str, tuple[str, ...]] = {}
    for entry in container.get("envFrom") or ():
        source = from_source(entry)
        if source is None:
            continue
        held = contents.get(source)
        prefix = str(entry.get("prefix") or "")
        if held is None:
            for name in DECIDING:
                if name.startswith(prefix):
                    told.pop(name, None)
                    maybe[name] = (*maybe.get(name, ()), _named(source))
        for key, value in (held or {}).items():
            name, place = f"{prefix}{key}", f"{where} envFrom {_named(source)}"
            _note(told, Told(name, _readable(str(value)), place, secret=source.kind == "secrets"))
            maybe.pop(name, None)
    for one in _entries(container, contents, where, namespace):
        _note(told, one)
        maybe.pop(one.name, None)
    maybe |= {name: (str(told[name]),) for name in DECIDING if name in told and told[name].value is None}
    return Variables(told, {name: maybe[name] for name in DECIDING if name in maybe})


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
