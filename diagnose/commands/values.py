"""What the value of a flag may be: each takes its text, and refuses with a message that quotes it."""

from __future__ import annotations

import argparse
import ipaddress

from diagnose.hosts import host_name


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


def output_file(text: str) -> tuple[str, str]:
    """A format and the file for it: FORMAT=FILE, or a file whose name tells the format by its end."""
    from diagnose.report.formats import FORMATS, SUFFIXES

    form, equals, path = text.partition("=")
    if equals and form in FORMATS and path:
        return form, path
    suffix = text[text.rfind(".") :].lower() if "." in text else ""
    if suffix not in SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"{text!r} tells no format: it ends in none of {', '.join(SUFFIXES)}, and does not begin with FORMAT= "
            f"(one of {', '.join(FORMATS)})"
        )
    return SUFFIXES[suffix], text


def code(text: str) -> str:
    """The code of a finding, in any letter case, or its name."""
    from diagnose.catalogue import FAULTS, RETIRED

    named = {fault.name: code for code, fault in FAULTS.items()} | {one: one for one in (*FAULTS, *RETIRED)}
    if (found := named.get(text.upper()) or named.get(text.lower())) is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(text.upper(), [*FAULTS], n=3) + get_close_matches(text.lower(), [*named], n=2)
    codes = dict.fromkeys(named[name] for name in near if named[name] in FAULTS)
    told = ", ".join(f"{one} ({FAULTS[one].name})" for one in codes)
    hint = f"near it: {told}" if told else "docs/findings lists them"
    raise argparse.ArgumentTypeError(f"{text!r} is no finding's code; {hint}")
