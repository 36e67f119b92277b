"""Rows: one line of JSON to one question. Its keys are those of tests/data/kong-truth.jsonl."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from diagnose.path.settings import DEFAULT_REAL_IP_HEADER, Listener, Settings
from diagnose.path.traffic import Address, Headers, Traffic
from diagnose.what_if.question import (
    HERE,
    HOST,
    Question,
    checked_headers,
    encodable,
    read_hex,
    read_peer,
    read_version,
    shown,
)

PORTS = {(False, False): 8000, (False, True): 8100, (True, False): 8443, (True, True): 8543}
"""The ports of the Kongs that were recorded: (tls, listener_proxy_protocol) of each."""

UNKNOWN_VERSIONS = ("", "unknown")


def question_of(line: bytes) -> Question:
    """The question that one line asks; ValueError, with one clear sentence, if it asks none."""
    row = _object(line)
    tls, proxy_protocol = _flag(row, "tls"), _flag(row, "listener_proxy_protocol")
    listener = Listener(PORTS[tls, proxy_protocol], tls, proxy_protocol)
    traffic = Traffic(
        source=_peer(row),
        destination=HERE,
        port=listener.port,
        preface=_segments(row),
        headers=_headers(row),
        tls=tls,
        host=HOST,
    )
    settings = _settings(_version(row), _real_ip_header(row), _recursive(row), tuple(_texts(row, "trusted_ips")))
    return Question(settings, listener, traffic)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"the line is not UTF-8 (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"the line is not JSON: {error.msg}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise ValueError("the line is JSON of a size that cannot be read") from error
    if not isinstance(row, dict):
        raise ValueError(f"the line is {shown(row)}, not a JSON object")
    return row


def _flag(row: Mapping[str, Any], key: str) -> bool:
    value = row.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key} takes true or false, not {shown(value)}")
    return value


def _text(row: Mapping[str, Any], key: str, default: str) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} takes a string, not {shown(value)}")
    return value


def _texts(row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(element, str) for element in value):
        raise ValueError(f"{key} takes a list of strings")
    return value


def _peer(row: Mapping[str, Any]) -> Address:
    if "tcp_peer" not in row:
        raise ValueError("tcp_peer is missing: the address that Kong sees the connection come from")
    try:
        return read_peer(_text(row, "tcp_peer", ""))
    except ValueError as error:
        raise ValueError(_named("tcp_peer", error)) from error


def _version(row: Mapping[str, Any]) -> tuple[int, int] | None:
    if row.get("kong") is None:
        return None
    text = _text(row, "kong", "")
    try:
        return None if text in UNKNOWN_VERSIONS else read_version(text)
    except ValueError as error:
        raise ValueError(f"kong: {error}; null stands for an unknown one") from error


def _recursive(row: Mapping[str, Any]) -> bool:
    value = row.get("real_ip_recursive", False)
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise ValueError(f'real_ip_recursive takes "on" or "off", not {shown(value)}')
    return bool(value == "on")


def _real_ip_header(row: Mapping[str, Any]) -> str:
    text = _text(row, "real_ip_header", DEFAULT_REAL_IP_HEADER)
    try:
        return encodable(text)
    except ValueError as error:
        raise ValueError(f"real_ip_header: {error}") from error


def _segments(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    try:
        return tuple(read_hex(text) for text in _texts(row, "proxy_header_hex"))
    except ValueError as error:
        raise ValueError(_named("proxy_header_hex", error)) from error


def _headers(row: Mapping[str, Any]) -> Headers:
    value = row.get("request_headers", [])
    if not isinstance(value, list) or not all(_is_pair(element) for element in value):
        raise ValueError("request_headers takes a list of [name, value], both strings")
    try:
        return checked_headers((name, text) for name, text in value)
    except ValueError as error:
        raise ValueError(f"request_headers: {error}") from error


def _is_pair(element: object) -> bool:
    return isinstance(element, list) and len(element) == 2 and all(isinstance(part, str) for part in element)


def _named(key: str, error: ValueError) -> str:
    """The sentence with the key that it is about, once."""
    text = str(error)
    return text if text.startswith(key) else f"{key}: {text}"


@lru_cache(maxsize=1024)
def _settings(
    version: tuple[int, int] | None, real_ip_header: str, recursive: bool, trusted_ips: tuple[str, ...]
) -> Settings:
    """What Kong is told; ValueError where it would not start."""
    told = {"KONG_REAL_IP_HEADER": real_ip_header, "KONG_REAL_IP_RECURSIVE": "on" if recursive else "off"}
    settings = replace(Settings.from_environment(told, version), trusted_ips=trusted_ips)
    settings.trust  # noqa: B018  # reads every entry
    return settings
