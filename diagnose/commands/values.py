"""What the value of a flag may be: each takes its text, and refuses with a message that quotes it."""

from __future__ import annotations

import argparse
import ipaddress
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.errors import USAGE, Stop
from diagnose.hosts import host_name
from diagnose.path.traffic import parse_address

if TYPE_CHECKING:
    from diagnose.capture.files import CaptureFile


def port(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def place(text: str) -> tuple[str, int]:
    """A host or an address with a port, as HOST:PORT; an IPv6 address stands in brackets."""
    name, colon, number = text.rpartition(":")
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        if "://" in text:
            raise argparse.ArgumentTypeError("it is a URL")
        if not colon:
            raise argparse.ArgumentTypeError("the port is missing")
        if (":" in bare) is not name.startswith("["):
            raise argparse.ArgumentTypeError("an IPv6 address stands in brackets, and nothing else does")
        return (bare if parse_address(bare) is not None else host(bare)), port(number)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT: {error}") from error


def name(text: str) -> str:
    """A name that is not empty: a variable that a script did not set shall not stand for the current context."""
    if not text:
        raise argparse.ArgumentTypeError("'' names nothing")
    return text


class Once(argparse.Action):
    """A flag that may be given once alone, so that of two values none is passed over in silence."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Take the value. An error where there is one already."""
        if (first := getattr(namespace, self.dest)) is not None:
            raise argparse.ArgumentError(self, f"it takes one value, and is given {first!r} and {values!r}")
        setattr(namespace, self.dest, values)


def add_kubeconfig(where: argparse._ArgumentGroup) -> None:
    """Add the flag of every command that speaks to a cluster."""
    where.add_argument("--kubeconfig", metavar="FILE", type=name, help="default: $KUBECONFIG, else ~/.kube/config")


def path(text: str) -> str:
    """The path of a request, as it is sent."""
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path: it begins with / and holds neither spaces nor controls")
    return text


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


def check_owners(owners: Sequence[tuple[str, str]], callers: Sequence[str] = ()) -> None:
    """Stop with status 2 where --owner and --caller-ip say that one network is whose it cannot be at once."""
    known: dict[object, tuple[str, str]] = {}
    told = [(f"--caller-ip {text}", text, "caller") for text in callers]
    told += [(f"--owner {text}={layer}", text, layer) for text, layer in owners]
    for flag, text, layer in told:
        first, before = known.setdefault(ipaddress.ip_network(text, strict=False), (flag, layer))
        if before != layer:
            raise Stop(f"{first} and {flag} say two things of one network.", "Leave one of them out.", USAGE)


def count(text: str) -> int:
    """A number of connections, from 1 to 1000."""
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def time_limit(text: str) -> float:
    """Seconds of a time such as 90, 90s or 5m, from a second to an hour."""
    found = re.fullmatch(r"(\d{1,4})([sm]?)", text, re.ASCII)
    seconds = float(found[1]) * (60 if found[2] == "m" else 1) if found else 0.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from a second to an hour, such as 90 or 5m")
    return seconds


def seconds(text: str) -> float:
    """A number of seconds, from 0.1 to 60."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 60")
    return seconds


def run_id(text: str) -> str:
    """The id of a run, as its objects bear it in their names and labels."""
    if not re.fullmatch(r"[0-9a-f]{10}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no run's id, which is ten hexadecimal digits")
    return text


def nonce(text: str) -> str:
    """The nonce of a probe, as its path ends with it."""
    from diagnose.capture.ways import NONCE

    if not NONCE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no probe's nonce, which is sixteen digits from 0 to f")
    return text


_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def label(text: str) -> tuple[str, str]:
    """A label of nodes, as KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(_KEY, key) or not re.fullmatch(rf"({_NAME})?", value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, a label of nodes")
    return key, value


def toleration(text: str) -> tuple[str, str | None, str | None]:
    """A taint that is put up with, as KEY[=VALUE][:EFFECT]: key, value and effect, None for any."""
    matching, colon, effect = text.partition(":")
    key, equals, value = matching.partition("=")
    known = re.fullmatch(_KEY, key) and re.fullmatch(rf"({_NAME})?", value) and (not colon or effect in _EFFECTS)
    if not known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY[=VALUE][:EFFECT] with an effect of {', '.join(_EFFECTS)}"
        )
    return key, value if equals else None, effect if colon else None


def namespace(text: str) -> str:
    """The name of a namespace (RFC 1123, as Kubernetes has it)."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a namespace")
    return text


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> int:
    """A length of time in seconds, written with or without its unit: 90, 90s, 30m, 2h, 1d."""
    number = text.rstrip("smhd")
    unit = _UNITS.get(text[len(number) :])
    if unit is None or not (number.isascii() and number.isdecimal()) or not int(number) < 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 30m, 2h or 1d")
    return int(number) * unit


def lines(text: str) -> int:
    """A number of lines, from 1 to a hundred million."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 10**8:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)


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


def output_file(text: str) -> tuple[str, str]:
    """A format and the file for it: FORMAT=FILE, or a file whose name tells the format by its end."""
    from diagnose.report.formats import FORMATS, SUFFIXES

    form, equals, path = text.partition("=")
    if path == "-":
        raise argparse.ArgumentTypeError(f"{text!r} is no file: what goes to standard output is for --output")
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
    """The code of a finding, in any letter case, or its name; what is neither is told with what is near."""
    from diagnose.catalogue import FAULTS, RETIRED

    named = {fault.name: code for code, fault in FAULTS.items()} | {one: one for one in (*FAULTS, *RETIRED)}
    if (found := named.get(text.upper()) or named.get(text.lower())) is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(text.upper(), [*FAULTS], n=3) + get_close_matches(text.lower(), [*named], n=2)
    codes = dict.fromkeys(named[name] for name in near if named[name] in FAULTS)
    told = ", ".join(f"{one} ({FAULTS[one].name})" for one in codes)
    hint = f"near it: {told}" if told else "kongip explain --list has them"
    raise argparse.ArgumentTypeError(f"{text!r} is no finding's code; {hint}")
