"""The command line as values, read from its parsers: what ``--help`` tells, for other forms of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from diagnose.cli import COMMANDS, parser


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, or an argument, which has no ``names``. ``value`` is None for a flag that takes none."""

    names: tuple[str, ...]
    value: str | None
    choices: tuple[str, ...]
    help: str
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Flags under a common title, which is empty for those that have none."""

    title: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it does in a few words and in a few sentences, its flags, and what its exit status means."""

    name: str
    summary: str
    about: str
    groups: tuple[Group, ...]
    end: str

    @property
    def flags(self) -> tuple[Flag, ...]:
        """All flags and arguments."""
        return tuple(flag for group in self.groups for flag in group.flags)


def whole() -> Command:
    """The command line before any command is named."""
    made = parser(())
    return Command("kongip", made.description or "", made.description or "", _groups(made), made.epilog or "")


def commands() -> tuple[Command, ...]:
    """Every command."""
    made = parser()
    (subparsers,) = (action for action in made._actions if isinstance(action, argparse._SubParsersAction))
    return tuple(
        Command(name, COMMANDS[name], one.description or "", _groups(one), one.epilog or "")
        for name, one in subparsers.choices.items()
    )


def _groups(of: argparse.ArgumentParser) -> tuple[Group, ...]:
    made = []
    for group in of._action_groups:
        flags = tuple(_flag(action) for action in group._group_actions if _told(action))
        if flags:
            made.append(Group("" if group.title in ("options", "positional arguments") else str(group.title), flags))
    return tuple(made)


def _told(action: argparse.Action) -> bool:
    return action.help is not argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)


def _flag(action: argparse.Action) -> Flag:
    takes = action.nargs != 0
    choices = tuple(str(one) for one in action.choices or ())
    shown = "{" + ",".join(choices) + "}" if choices else action.dest.upper()
    value = str(action.metavar) if action.metavar else shown
    repeatable = isinstance(action, argparse._AppendAction) or action.nargs in ("*", "+")
    names = tuple(action.option_strings)
    return Flag(names, value if takes else None, choices, (action.help or "").replace("%%", "%"), repeatable)
