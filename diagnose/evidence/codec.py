"""Codec: values of the project's own types as JSON and back, by their annotations alone.

A dataclass is an object of its fields; of several dataclasses that may stand in one place, each bears its name under
``is``. Sets are sorted lists, bytes are base64, networks are text, and what is unknown is null.
"""

from __future__ import annotations

import base64
import dataclasses
import types
from collections.abc import Mapping
from enum import Enum, IntEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from diagnose.providers.load import providers
from diagnose.providers.provider import Provider

IS = "is"
"""The key under which an object bears its name, where it may be one of several."""

Schema = dict[str, Any]


def encode(kind: Any, value: Any) -> Any:
    """``value`` of type ``kind`` as what json.dumps takes."""
    if value is None or kind in (str, int, float, bool):
        return value
    if kind is Provider:
        return value.key
    if kind is bytes:
        return base64.b64encode(value).decode("ascii")
    if _is_enum(kind):
        return value.name if issubclass(kind, IntEnum) else value.value
    if _is_record(kind):
        return {name: encode(hint, getattr(value, name)) for name, hint in _fields(kind).items()}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return [encode(one, element) for one, element in zip(kinds, value, strict=True)]
    if origin is frozenset:
        return sorted(encode(arguments[0], element) for element in value)
    if origin is Mapping:
        return {key: encode(arguments[1], element) for key, element in value.items()}
    if origin is Literal:
        return value
    if _is_network(kind):
        return str(value)
    return _encode_one(_known(arguments), value)


def _encode_one(kinds: tuple[Any, ...], value: Any) -> Any:
    """A value that may be of several types: dataclasses, and then with its name, or but one beside None."""
    if len(kinds) == 1:
        return encode(kinds[0], value)
    return {IS: _name(type(value)), **encode(type(value), value)}


def decode(kind: Any, data: Any, where: str = "it") -> Any:
    """The value of type ``kind`` that ``data``, as json.loads gives it, stands for.

    ValueError, which says where, for anything else. Keys that are not known are passed over; those that are missing
    have their defaults, if they have any.
    """
    if kind is float and type(data) is int:
        return float(data)
    if kind in (str, int, float, bool):
        return _of_type(kind, data, where)
    if kind is Provider:
        return _provider(_of_type(str, data, where), where)
    if kind is bytes:
        return _bytes(_of_type(str, data, where), where)
    if _is_enum(kind):
        return _member(kind, data, where)
    if _is_record(kind):
        return _record(kind, data, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if data not in arguments:
            raise ValueError(f"{where} is none of {', '.join(map(str, arguments))}")
        return data
    if origin is tuple:
        return _tuple(arguments, _of_type(list, data, where), where)
    if origin is frozenset:
        return frozenset(decode(arguments[0], one, where) for one in _of_type(list, data, where))
    if origin is Mapping:
        told = _of_type(dict, data, where).items()
        return {key: decode(arguments[1], one, f"{where}.{key}") for key, one in told}
    if _is_network(kind):
        return _network(_of_type(str, data, where), where)
    return _decode_one(arguments, data, where)


def _decode_one(arguments: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in arguments:
        return None
    kinds = _known(arguments)
    if len(kinds) == 1:
        return decode(kinds[0], data, where)
    named = {_name(one): one for one in kinds}
    kind = named.get(str(_of_type(dict, data, where).get(IS)))
    if kind is None:
        raise ValueError(f"{where} is none of {', '.join(named)}")
    return decode(kind, data, where)


def schema_of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """The JSON Schema of what ``encode`` makes of ``kind``; dataclasses and enums are put into ``definitions``."""
    if kind in (str, int, float, bool):
        return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}
    if kind is Provider:
        return {"type": "string", "description": "The name of a file of diagnose/providers/data."}
    if kind is bytes:
        return {"type": "string", "contentEncoding": "base64"}
    if _is_enum(kind) or _is_record(kind):
        return _defined(kind, definitions)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple and arguments[-1] is not Ellipsis:
        items = [schema_of(one, definitions) for one in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin in (tuple, frozenset):
        return {"type": "array", "items": schema_of(arguments[0], definitions)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], definitions)}
    if _is_network(kind):
        return {"type": "string", "description": "An address or a CIDR."}
    kinds = _known(arguments)
    ways = [schema_of(one, definitions) for one in kinds]
    if len(kinds) > 1:
        names = ({"properties": {IS: {"const": _name(one)}}, "required": [IS]} for one in kinds)
        ways = [{"allOf": [way, name]} for way, name in zip(ways, names, strict=True)]
    return {"anyOf": [*ways, {"type": "null"}]} if type(None) in arguments else {"anyOf": ways}


def _defined(kind: Any, definitions: dict[str, Schema]) -> Schema:
    name = f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
    if name not in definitions:
        definitions[name] = {}  # a type within itself finds it there
        if _is_enum(kind):
            told: Schema = {"enum": [one.name if issubclass(kind, IntEnum) else one.value for one in kind]}
        else:
            fields = _fields(kind)
            told = {
                "type": "object",
                "properties": {field: schema_of(hint, definitions) for field, hint in fields.items()},
                "required": list(fields),
            }
        definitions[name] = {"description": str(kind.__doc__).partition("\n")[0], **told}
    return {"$ref": f"#/$defs/{name}"}


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _is_network(kind: Any) -> bool:
    return set(get_args(kind)) == {IPv4Network, IPv6Network} and get_origin(kind) in (Union, types.UnionType)


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _known(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one for one in arguments if one is not type(None))


def _name(kind: Any) -> str:
    return str(kind.__name__)


def _of_type(kind: Any, data: Any, where: str) -> Any:
    if type(data) is not kind:
        raise ValueError(f"{where} is {type(data).__name__}, not {kind.__name__}")
    return data


def _record(kind: Any, data: Any, where: str) -> Any:
    told = _of_type(dict, data, where)
    fields = {name: hint for name, hint in _fields(kind).items() if name in told}
    lacking = [
        field.name
        for field in dataclasses.fields(kind)
        if field.name not in told
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise ValueError(f"{where} has no {lacking[0]}")
    return kind(**{name: decode(hint, told[name], f"{where}.{name}") for name, hint in fields.items()})


def _tuple(kinds: tuple[Any, ...], data: list[Any], where: str) -> tuple[Any, ...]:
    if kinds[-1] is not Ellipsis and len(kinds) != len(data):
        raise ValueError(f"{where} has {len(data)} elements, not {len(kinds)}")
    kinds = kinds[:1] * len(data) if kinds[-1] is Ellipsis else kinds
    return tuple(
        decode(one, element, f"{where}[{index}]") for index, (one, element) in enumerate(zip(kinds, data, strict=True))
    )


def _member(kind: Any, data: Any, where: str) -> Any:
    named = {one.name if issubclass(kind, IntEnum) else one.value: one for one in kind}
    if not isinstance(data, str) or data not in named:
        raise ValueError(f"{where} is none of {', '.join(named)}")
    return named[data]


def _bytes(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{where} is not base64") from error


def _network(text: str, where: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{where} is neither an address nor a CIDR") from error


def _provider(key: str, where: str) -> Provider:
    found = next((one for one in providers() if one.key == key), None)
    if found is None:
        raise ValueError(f"{where} is no provider that this kongip knows: {key}")
    return found
