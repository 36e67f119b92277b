"""The manual page kongip(1), as mandoc and groff read it (man(7))."""

from __future__ import annotations

from collections.abc import Iterator

from diagnose import __version__
from diagnose.errors import EXIT_STATUS
from diagnose.manual.commands import Command, Flag, commands, whole

FOLDER = "docs/man"
PAGE = "kongip.1"

ENVIRONMENT = (
    ("KUBECONFIG", "The kubeconfig files, as kubectl reads them."),
    ("KONGIP_ADMIN_TOKEN", "A token for Kong's Admin API."),
    ("KONGIP_SECRET", "What an echo outside Kubernetes knows a run by."),
    ("SSL_CERT_FILE", "The authorities that the Admin API's certificate is checked against."),
    ("NO_COLOR", "If set, nothing is coloured."),
)


CALLED = (r".I COMMAND", r"[\fIFLAG\fR ...]")


def pages() -> dict[str, str]:
    """The page by its file name."""
    return {PAGE: page()}


def page() -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    line = whole()
    yield f'.TH KONGIP 1 "" "kongip {__version__}" "User Commands"'
    yield ".SH NAME"
    yield f"kongip {chr(92)}- tells where the client's IP address is lost on the way to Kong"
    yield ".SH SYNOPSIS"
    yield from (
        ".B kongip",
        r".I COMMAND",
        r"[\fIFLAG\fR ...]",
        ".br",
        ".B kubectl kongip",
        ".I COMMAND",
        r"[\fIFLAG\fR ...]",
    )
    yield ".SH DESCRIPTION"
    yield _escaped(line.about)
    for flag in line.flags:
        yield from _flag(flag)
    yield ".SH COMMANDS"
    for command in commands():
        yield from _command(command)
    yield ".SH EXIT STATUS"
    yield _escaped(EXIT_STATUS.removeprefix("exit status: ") + ". Commands that have another say so.")
    yield ".SH ENVIRONMENT"
    for name, meaning in ENVIRONMENT:
        yield from (".TP", f".B {name}", _escaped(meaning))
    yield ".SH SEE ALSO"
    yield ".BR kubectl (1)"


def _command(command: Command) -> Iterator[str]:
    arguments = " ".join(_value(flag) for flag in command.flags if not flag.names)
    yield f".SS kongip {_escaped(command.name)} {arguments}".rstrip()
    yield _escaped(command.about)
    for group in command.groups:
        if group.title:
            yield from (".PP", f"{_escaped(_opening(group.title))}:")
        for flag in group.flags:
            if "--help" not in flag.names:
                yield from _flag(flag)
    if command.end and command.end != EXIT_STATUS:
        yield from (".PP", _escaped(f"{_opening(command.end)}."))


def _flag(flag: Flag) -> Iterator[str]:
    names = ", ".join(rf"\fB{_escaped(name)}\fR" for name in flag.names)
    yield ".TP"
    yield " ".join(part for part in (names, _value(flag)) if part)
    yield _escaped(flag.help)


def _value(flag: Flag) -> str:
    return rf"\fI{_escaped(flag.value)}\fR" if flag.value else ""


def _opening(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def _escaped(text: str) -> str:
    """``text`` as roff shows it: no request at its beginning, and hyphens that can be copied."""
    plain = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain
