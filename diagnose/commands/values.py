"""What the value of a flag may be: each takes its text, and refuses with a message that quotes it."""

from __future__ import annotations

import argparse
import ipaddress
from typing import TYPE_CHECKING

from diagnose.hosts import host_name

if TYPE_CHECKING:
    from diagnose.capture.files import CaptureFile


def port(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def full_name(text: str) -> str:
    """A name with its namespace, as NAMESPACE/NAME."""
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME")
    return text


def host(text: str) -> str:
    """A host name, as it is sent."""
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no host name") from error


def network(text: str) -> str:
    """An address or a CIDR, as it is written."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an address nor a CIDR") from error
    return text


def owner(text: str) -> tuple[str, str]:
    """A network, and the layer or caller that owns it."""
    addresses, _, layer = text.partition("=")
    if layer not in ("caller", "edge", "load_balancer", "node"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in =caller, =edge, =load_balancer or =node")
    return network(addresses), layer


def count(text: str) -> int:
    """A number of connections, from 1 to 1000."""
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, from 0.1 to 60."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 60")
    return seconds


def capture_file(text: str) -> CaptureFile:
    """A capture's file, and the point that it was made at."""
    from diagnose.capture.files import parse_file

    try:
        return parse_file(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def capture_at(text: str) -> CaptureFile:
    """A capture's file with the point that it is made at, which has to be told."""
    found = capture_file(text)
    if found.layer is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} does not say where it is captured: FILE@client, @node, @gateway ..."
        )
    return found
