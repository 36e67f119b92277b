"""Load: the files of ``data`` as providers. What a file should not say is an error that names the file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from ipaddress import ip_network
from typing import Any, TypeVar

from diagnose.path.node import Node
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer
from diagnose.providers.provider import (
    KEYED,
    Clue,
    Condition,
    Conditions,
    Hint,
    HowTo,
    Kind,
    Local,
    Mode,
    Provider,
    Purpose,
    Reading,
    Rule,
    Sign,
    Trap,
    Trust,
    Variant,
    Where,
)

BEHAVIOURS: Mapping[Layer, type[StrEnum]] = {
    Layer.EDGE: Proxying,
    Layer.LOAD_BALANCER: Proxying,
    Layer.NODE: Node,
}
"""The layers that a provider may be of, and what the model has them do."""

_One = TypeVar("_One")
Table = dict[str, Any]


@cache
def providers() -> tuple[Provider, ...]:
    """Every provider, by the name of its file. ValueError for a file that is not as it should be."""
    files = (one for one in (resources.files("diagnose.providers") / "data").iterdir() if one.name.endswith(".toml"))
    ordered = sorted(files, key=lambda one: one.name)
    return tuple(parse(one.name.removesuffix(".toml"), one.read_text("utf-8")) for one in ordered)


def parse(key: str, text: str) -> Provider:
    """The provider that a file tells of. ValueError, with the file's name, for anything that it should not say."""
    try:
        return _provider(key, _Reader(tomllib.loads(text)))
    except ValueError as error:
        raise ValueError(f"{key}.toml: {error}") from error


class _Reader:
    """One table, each key of which is asked for once; ``done`` refuses what nobody asked for."""

    def __init__(self, table: object) -> None:
        if not isinstance(table, dict):
            raise ValueError(f"{table!r} is no table")
        self._left: Table = dict(table)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._left.pop(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise ValueError(f"{key} is no text: {value!r}")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._left.pop(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
            raise ValueError(f"{key} is no list of texts: {value!r}")
        if default is None and not value:
            raise ValueError(f"{key} is empty")
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise ValueError(f"{key} is neither true nor false: {value!r}")
        return value

    def table(self, key: str) -> _Reader:
        return _Reader(self._left.pop(key, {}))

    def tables(self, key: str, read: Callable[[_Reader], _One]) -> tuple[_One, ...]:
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            raise ValueError(f"{key} is no list: {value!r}")
        return tuple(_whole(_Reader(one), read) for one in value)

    def pairs(self, key: str) -> dict[str, str]:
        value = self._left.pop(key, {})
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise ValueError(f"{key} is no table of texts: {value!r}")
        return value

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._left)

    def done(self) -> None:
        if self._left:
            raise ValueError(f"unknown: {', '.join(sorted(self._left))}")


def _whole(reader: _Reader, read: Callable[[_Reader], _One]) -> _One:
    value = read(reader)
    reader.done()
    return value


def _provider(key: str, reader: _Reader) -> Provider:
    layer = Layer(reader.text("layer"))
    if layer not in BEHAVIOURS:
        raise ValueError(f"layer is none of {', '.join(BEHAVIOURS)}: {layer}")
    default = _whole(reader.table("default"), lambda one: _mode(one, layer, "by default"))
    provider = Provider(
        key=key,
        name=reader.text("name"),
        layer=layer,
        fronts=reader.flag("fronts"),
        services=reader.texts("services", ("LoadBalancer",)),
        clouds=reader.texts("clouds", ()),
        rules=reader.tables("recognise", _rule),
        default=default,
        variants=reader.tables("variants", lambda one: _variant(one, layer)),
        how_to=_whole(reader.table("how_to"), lambda one: _how_to(one, layer)),
        trust=_whole(reader.table("trust"), _trust),
        ends_tls=reader.tables("ends_tls", _conditions),
        internal=reader.tables("internal", _conditions),
        traps=reader.tables("traps", lambda one: _trap(one, layer)),
        hints=reader.tables("hints", _hint),
        sources=reader.texts("sources"),
    )
    reader.done()
    if not provider.rules and not provider.hints:
        raise ValueError("nothing tells how to recognise it")
    return provider


def _rule(reader: _Reader) -> Rule:
    words = {one.name.lower(): one for one in Clue}
    by = reader.text("by")
    if by not in words:
        raise ValueError(f"by is none of {', '.join(words)}: {by}")
    return Rule(words[by], _conditions(reader))


def _conditions(reader: _Reader) -> Conditions:
    these = reader.tables("all", _condition)
    if not these:
        raise ValueError("all holds no condition")
    return Conditions(these, reader.tables("unless", _condition))


def _condition(reader: _Reader) -> Condition:
    named = [key for key in reader.keys if key in set(Where)]
    if len(named) != 1:
        raise ValueError(f"a condition looks at one of {', '.join(Where)}")
    where = Where(named[0])
    element = reader.text("holds", "") or None
    reading = Reading(reader.text("read", Reading.EXACT))
    condition = Condition(where, reader.text(where), reader.texts("is", ()), reader.text("like", "*"), element, reading)
    if reading is not Reading.EXACT and not condition.values:
        raise ValueError("read tells how values are read, and there are none")
    if where not in KEYED and condition != Condition(where, condition.pattern):
        raise ValueError(f"{where} has no values apart from its pattern")
    return condition


def _mode(reader: _Reader, layer: Layer, what: str) -> Mode:
    return Mode(
        what=what,
        kind=Kind(reader.text("kind")),
        behaviours=_behaviours(reader.texts("behaviours"), layer),
        local=Local(reader.text("local")),
        node=_behaviours(reader.texts("node", ()), Layer.NODE),
    )


def _behaviours(names: Iterable[str], layer: Layer) -> frozenset[str]:
    return frozenset(BEHAVIOURS[layer](name).value for name in names)


def _variant(reader: _Reader, layer: Layer) -> Variant:
    return Variant(_conditions(reader), _mode(reader, layer, reader.text("what")))


def _how_to(reader: _Reader, layer: Layer) -> dict[Purpose, HowTo]:
    return {Purpose(key): _whole(reader.table(key), lambda one: _one_way(one, layer)) for key in reader.keys}


def _one_way(reader: _Reader, layer: Layer) -> HowTo:
    told = HowTo(
        annotations=reader.pairs("annotations"),
        spec=reader.pairs("spec"),
        text=reader.text("text", ""),
        behaviours=_behaviours(reader.texts("behaviours", ()), layer),
    )
    if not (told.annotations or told.spec or told.text):
        raise ValueError("how_to tells nothing")
    return told


def _trap(reader: _Reader, layer: Layer) -> Trap:
    """A trap; where an object can be seen to be in it, what helps has to be told as well."""
    text, source = reader.text("text"), reader.text("source")
    if not {"all", "unless", "cure"} & set(reader.keys):
        return Trap(text, source)
    return Trap(text, source, _conditions(reader), _whole(reader.table("cure"), lambda one: _one_way(one, layer)))


def _trust(reader: _Reader) -> Trust:
    ranges = tuple(ip_network(one) for one in reader.texts("ranges", ()))
    return Trust(ranges, reader.text("look_up", ""), reader.tables("sure", _conditions))


def _hint(reader: _Reader) -> Hint:
    sign = Sign(reader.text("sign"))
    headed = sign in (Sign.ANSWER, Sign.REQUEST)
    return Hint(sign, reader.text("text", "*" if headed else None), reader.text("header").lower() if headed else "")
