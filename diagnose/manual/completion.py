"""Completion for bash, zsh and fish, from the parsers. Values: contexts as kubectl knows them, codes, labs, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from shlex import quote

from diagnose.catalogue import FAULTS
from diagnose.lab.labs import LABS
from diagnose.manual.commands import Command, Flag, commands, whole

CONTEXTS = "kubectl config get-contexts -o name 2>/dev/null"
"""Asked when a context is to be completed: it is there where contexts are, and quicker than to start Python."""


def words(flag: Flag) -> tuple[str, ...]:
    """The words that are known to fit, none where it could be anything."""
    if flag.choices:
        return flag.choices
    if flag.value == "CODE":
        return tuple(word for fault in FAULTS.values() for word in (fault.code, fault.name))
    return tuple(LABS) if "--lab" in flag.names else ()


def takes_file(flag: Flag) -> bool:
    """Whether its value is a file's name."""
    return flag.value is not None and "FILE" in flag.value.split("|")


def takes_context(flag: Flag) -> bool:
    """Whether its value is the name of a context."""
    return "--context" in flag.names


def bash() -> str:
    """For bash, where it completes kongip and kubectl-kongip."""
    return "".join(f"{line}\n" for line in _bash())


def _bash() -> Iterator[str]:
    yield "# bash completion for kongip: source <(kongip completion bash)"
    yield "_kongip() {"
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"'
    yield "    COMPREPLY=()"
    yield '    case "${COMP_WORDS[1]}:$before" in'
    for command in commands():
        for flag in command.flags:
            if flag.value is not None and flag.names:
                yield f"        {'|'.join(f'{command.name}:{name}' for name in flag.names)})"
                yield f"            {_bash_value(flag)}"
                yield "            return ;;"
    yield "    esac"
    yield '    local words=""'
    yield '    if [ "$COMP_CWORD" -gt 1 ]; then'
    yield '        case "${COMP_WORDS[1]}" in'
    for command in commands():
        yield f"            {command.name}) words={quote(' '.join(_candidates(command)))} ;;"
    yield "        esac"
    yield "    else"
    yield f"        words={quote(' '.join([*(one.name for one in commands()), *_candidates(whole())]))}"
    yield "    fi"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "}"
    yield "complete -F _kongip kongip kubectl-kongip"


def _bash_value(flag: Flag) -> str:
    if takes_context(flag):
        return f'COMPREPLY=($(compgen -W "$({CONTEXTS})" -- "$current"))'
    if takes_file(flag):
        return 'COMPREPLY=($(compgen -f -- "$current"))'
    return f'COMPREPLY=($(compgen -W {quote(" ".join(words(flag)))} -- "$current"))'


def _candidates(command: Command) -> Iterator[str]:
    for flag in command.flags:
        yield from flag.names or words(flag)


def zsh() -> str:
    """For zsh, as a function of its completion system."""
    return "".join(f"{line}\n" for line in _zsh())


def _zsh() -> Iterator[str]:
    yield "#compdef kongip kubectl-kongip"
    yield "# zsh completion for kongip: kongip completion zsh > a folder of $fpath, as _kongip"
    yield f'_kongip_contexts() {{ local -a known; known=(${{(f)"$({CONTEXTS})"}}); compadd -a known }}'
    yield "_kongip() {"
    yield "    local -a commands"
    yield "    commands=("
    yield from (f"        {quote(f'{one.name}:{one.summary}')}" for one in commands())
    yield "    )"
    yield "    if (( CURRENT == 2 )); then"
    yield "        _describe command commands"
    yield f"        compadd -- {' '.join(_candidates(whole()))}"
    yield "        return"
    yield "    fi"
    yield "    local chosen=${words[2]}"
    yield "    (( CURRENT-- ))"
    yield "    shift words"
    yield "    case $chosen in"
    for command in commands():
        yield f"        {command.name})"
        yield "            _arguments \\"
        specs = [quote(spec) for flag in command.flags for spec in _zsh_specs(flag)]
        yield from (f"                {spec} \\" for spec in specs[:-1])
        yield f"                {specs[-1]}"
        yield "            ;;"
    yield "    esac"
    yield "}"
    yield 'if [ "$funcstack[1]" = _kongip ]; then _kongip "$@"; else compdef _kongip kongip kubectl-kongip; fi'


def _zsh_specs(flag: Flag) -> Iterator[str]:
    said = flag.help.replace("[", "(").replace("]", ")").replace(":", r"\:")
    value = (flag.value or "").replace(":", r"\:")
    ending = f":{value}:{_zsh_value(flag)}" if flag.value is not None else ""
    if not flag.names:
        yield f"{'*' if flag.repeatable else ''}:{value}:{_zsh_value(flag)}"
    for name in flag.names:
        yield f"{'*' if flag.repeatable else ''}{name}[{said}]{ending}"


def _zsh_value(flag: Flag) -> str:
    if takes_context(flag):
        return "_kongip_contexts"
    if takes_file(flag):
        return "_files"
    return f"({' '.join(words(flag))})" if words(flag) else " "


def fish() -> str:
    """For fish."""
    return "".join(f"{line}\n" for line in _fish())


def _fish() -> Iterator[str]:
    yield "# fish completion for kongip: kongip completion fish > ~/.config/fish/completions/kongip.fish"
    for program in ("kongip", "kubectl-kongip"):
        yield f"complete -c {program} -f"
        for flag in whole().flags:
            yield f"complete -c {program} -n __fish_use_subcommand {_fish_flag(flag)}"
        for command in commands():
            said = quote(command.summary)
            yield f"complete -c {program} -n __fish_use_subcommand -a {command.name} -d {said}"
            within = quote(f"__fish_seen_subcommand_from {command.name}")
            for flag in command.flags:
                yield f"complete -c {program} -n {within} {_fish_flag(flag)}"


def _fish_flag(flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    takes = ("-r" if takes_file(flag) else "-x") if flag.value is not None and flag.names else ""
    if takes_context(flag):
        known = f"-a {quote(f'({CONTEXTS})')}"
    elif takes_file(flag):
        known = "-F"
    else:
        known = f"-a {quote(' '.join(words(flag)))}" if words(flag) else ""
    return " ".join(part for part in (names, takes, known, f"-d {quote(flag.help)}") if part)


SHELLS: Mapping[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
"""What makes the text for each shell."""
