"""Flags: the question that a command line asks."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from diagnose.path.settings import DEFAULT_PROXY_LISTEN, Listener, Settings
from diagnose.path.stream import stream_listeners
from diagnose.path.traffic import Headers, Traffic
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
from probes.wire.proxy_protocol import Header, encode, of_family

_CLIENT_PORT = 40001  # in a PROXY header, where it decides nothing


def question_asked(options: Namespace) -> Question:
    """The question that the flags ask; ValueError, which names the flag or the setting, where they ask none."""
    with _naming("--peer"):
        peer = read_peer(options.peer)
    settings = _settings(options)
    listener = _listener(settings.listeners, options)
    host, headers = _headers(options.header)
    traffic = Traffic(peer, HERE, listener.port, _preface(options, listener), headers, options.https, host)
    stream = options.stream_listen is not None
    if stream:
        _refuse_unknown(options, traffic, listener)
    return Question(settings, listener, traffic, stream)


def _refuse_unknown(options: Namespace, traffic: Traffic, listener: Listener) -> None:
    """Keep from a stream listener what the model of it knows nothing about."""
    if options.header:
        raise ValueError("--header: a stream listener reads no request; leave it out, or use --listen")
    if listener.tls and not traffic.tls:
        raise ValueError(f"port {listener.port} takes TLS, and what it makes of clear text is not known; add --https")
    if listener.tls and traffic.preface and not listener.proxy_protocol:
        raise ValueError(f"port {listener.port} takes TLS, and what it makes of bytes before that is not known")


@contextlib.contextmanager
def _naming(flag: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{flag}: {error}") from error


def _settings(options: Namespace) -> Settings:
    version = None
    if options.kong_version is not None:
        with _naming("--kong-version"):
            version = read_version(options.kong_version)
    with _naming("--real-ip-header"):
        encodable(options.real_ip_header or "")
    told = {
        "KONG_PROXY_LISTEN": DEFAULT_PROXY_LISTEN if options.listen is None else options.listen,
        "KONG_TRUSTED_IPS": options.trusted_ips or "",
        "KONG_REAL_IP_HEADER": options.real_ip_header or "",
        "KONG_REAL_IP_RECURSIVE": "on" if options.real_ip_recursive else "off",
    }
    settings = Settings.from_environment(told, version)
    if options.stream_listen is None:
        return settings
    return replace(settings, listeners=stream_listeners(options.stream_listen, version))


def _listener(listeners: tuple[Listener, ...], options: Namespace) -> Listener:
    """The one on the port that was asked for, else the first one that speaks what is to be spoken."""
    if options.port is not None:
        found = next((listener for listener in listeners if listener.port == options.port), None)
        wanted = f"on port {options.port}"
    else:
        found = next((listener for listener in listeners if listener.tls == options.https), None)
        wanted = "with ssl" if options.https else "without ssl"
    if found is None:
        raise ValueError(f"Kong has no listener {wanted}: it has {_listed(listeners)}; change --port or --https")
    return found


def _listed(listeners: tuple[Listener, ...]) -> str:
    return ", ".join(f"{listener.port}{' (ssl)' * listener.tls}" for listener in listeners) or "none at all"


def _headers(texts: list[str]) -> tuple[str, Headers]:
    """The host, and the other headers."""
    host, headers = HOST, []
    with _naming("--header"):
        for text in texts:
            name, colon, value = text.partition(":")
            if not colon:
                raise ValueError(f"{shown(text)} is not of the form 'Name: value'")
            if name.lower() != "host":
                headers.append((name, value.strip(" ")))
            elif host != HOST:
                raise ValueError(f"{shown(text)} is a second Host, of which a request has one")
            else:
                host = _host(value.strip(" "))
        return host, checked_headers(headers)


def _host(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or not {" ", "/"}.isdisjoint(text):
        raise ValueError(f"{shown(text)} is no host")
    return text


def _preface(options: Namespace, listener: Listener) -> tuple[bytes, ...]:
    """What is sent before the request, a TCP segment an element."""
    if options.proxy_unknown:
        return (encode(Header(1)),)
    if options.proxy_local:
        return (encode(Header(2, "LOCAL")),)
    if options.proxy_v1 is not None:
        with _naming("--proxy-v1"):
            return (_proxy_header(1, options.proxy_v1, listener),)
    if options.proxy_v2 is not None:
        with _naming("--proxy-v2"):
            return (_proxy_header(2, options.proxy_v2, listener),)
    with _naming("--proxy-hex"):
        return tuple(read_hex(text) for text in options.proxy_hex)


def _proxy_header(version: Literal[1, 2], text: str, listener: Listener) -> bytes:
    client = str(read_peer(text))
    return encode(Header(version, "PROXY", client, _CLIENT_PORT, of_family(client, str(HERE)), listener.port))
