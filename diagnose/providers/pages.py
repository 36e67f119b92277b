"""The pages of docs/load-balancers: one a provider, and their index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from diagnose.path.node import Node
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer
from diagnose.providers.advice import told_whom
from diagnose.providers.load import providers
from diagnose.providers.provider import (
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
    Where,
)

FOLDER = "docs/load-balancers"
"""Where the pages lie, from the root of a checkout."""

INDEX = "README.md"

KINDS = {Kind.FORWARDS: "forwards packets", Kind.TCP_PROXY: "proxies TCP", Kind.HTTP_PROXY: "ends HTTP"}
LOCALS = {
    Local.HELPS: "helps",
    Local.REQUIRED: "is required",
    Local.NO_EFFECT: "has no effect",
    Local.HARMS: "harms",
    Local.UNKNOWN: "depends",
}
CLUES = {
    Clue.OWNER: "it names the owner",
    Clue.WRITTEN: "written by the owner",
    Clue.ASKED: "asked of this one only",
    Clue.CLOUD: "the default of its cloud",
}
FIELDS = {
    Where.ANNOTATION: "annotation",
    Where.LABEL: "label",
    Where.CLASS: "class",
    Where.CONTROLLER: "class with the controller",
    Where.FINALIZER: "finalizer",
    Where.HOSTNAME: "published name",
    Where.POLICY: "externalTrafficPolicy",
    Where.CONDITION: "condition that is True",
    Where.PROVIDER_ID: "providerID of a node",
    Where.NODE_LABEL: "label of a node",
    Where.POD_FOR_SERVICE: "pod with labels that name the Service, beginning with",
}
READINGS = {
    Reading.EXACT: "",
    Reading.ANY_CASE: " in any letter case",
    Reading.GO_BOOL: " (as strconv.ParseBool of Go reads it)",
}
PURPOSES = {
    Purpose.KEEP_SOURCE: "Keep the source address",
    Purpose.PROXY_PROTOCOL: "Send PROXY headers",
    Purpose.FORWARDED_FOR: "Append to X-Forwarded-For",
    Purpose.HAIRPIN: "Have callers within the cluster go through it",
}
SIGNS = {
    Sign.ANSWER: "header of an answer",
    Sign.BODY: "body of an error",
    Sign.REQUEST: "header that it adds to requests",
    Sign.HOST: "name",
}
SEEN: dict[str, str] = {
    Proxying.PASSES_THROUGH: "the client's address stays",
    Proxying.PROXIES: "its own address",
    Proxying.SENDS_PROXY_V1: "the client's in a PROXY v1 header",
    Proxying.SENDS_PROXY_V2: "the client's in a PROXY v2 header",
    Proxying.HTTP_APPENDS_XFF: "the client's appended to X-Forwarded-For",
    Proxying.HTTP_APPENDS_XFF_LINE: "the client's in a further line of X-Forwarded-For",
    Proxying.HTTP_APPENDS_XFF_AND_SELF: "the client's and its own appended to X-Forwarded-For",
    Proxying.HTTP_REPLACES_XFF: "the client's alone in X-Forwarded-For",
    Proxying.HTTP_PRESERVES_XFF: "X-Forwarded-For as the client wrote it",
    Proxying.HTTP_STRIPS_XFF: "no X-Forwarded-For",
    Node.KEEPS_SOURCE: "the client's address stays",
    Node.MASQUERADES: "the node's address",
    Node.SERVICE_LB: "the address of one of its pods",
}
"""What Kong gets to see of the client, by the behaviours of the model that providers have."""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {INDEX: index()} | {f"{one.key}.md": page(one) for one in providers()}


def index() -> str:
    """The table of all providers as Markdown."""
    head = (
        "# Load balancers and edges",
        "",
        "Made from diagnose/providers/data by `make docs`; change the data there (see CONTRIBUTING.md).",
        "What stands here is what to expect. What a run measures decides.",
        "",
        "| provider | layer | by default | externalTrafficPolicy: Local | can send PROXY headers |",
        "|---|---|---|---|---|",
    )
    return "\n".join((*head, *map(_row, providers()), ""))


def page(provider: Provider) -> str:
    """One provider as Markdown."""
    sections = (
        ("What it does to the client's address", _modes(provider)),
        ("How it is recognised", (*map(_rule, provider.rules), *map(_hint, provider.hints))),
        ("When it has no public address", tuple(f"- With {_conditions(one)}" for one in provider.internal)),
        ("How it is told", tuple(_how_tos(provider))[1:]),
        ("Whom Kong has to trust", (told_whom(provider.trust),)),
        ("Traps", tuple(f"- {one.text} ({one.source})" for one in provider.traps)),
        ("Sources", tuple(f"- {one}" for one in provider.sources)),
    )
    text = [f"# {provider.name}", "", f"Layer: {_words(provider.layer)}.", ""]
    for title, lines in sections:
        if lines:
            text += [f"## {title}", "", *lines, ""]
    return "\n".join(text)


def _row(provider: Provider) -> str:
    sends = "yes" if Purpose.PROXY_PROTOCOL in provider.how_to else "no"
    default = f"{KINDS[provider.default.kind]}: {_seen(provider.default.behaviours)}"
    cells = (
        f"[{provider.name}]({provider.key}.md)",
        _words(provider.layer),
        default,
        LOCALS[provider.default.local],
        sends,
    )
    return f"| {' | '.join(cells)} |"


def _modes(provider: Provider) -> tuple[str, ...]:
    chosen = (f"- With {_conditions(one.when)}: {_mode(one.mode)}" for one in provider.variants)
    return (f"- By default: {_mode(provider.default)}", *chosen)


def _mode(mode: Mode) -> str:
    local = f"externalTrafficPolicy: Local {LOCALS[mode.local]}"
    node = ", and no node rewrites anything" if mode.node == {Node.KEEPS_SOURCE} else ""
    return f"it {KINDS[mode.kind]}: {_seen(mode.behaviours)}{node}; {local}."


def _seen(behaviours: frozenset[str]) -> str:
    return ", or ".join(words for name, words in SEEN.items() if name in behaviours)


def _words(layer: Layer) -> str:
    return layer.replace("_", " ")


def _rule(rule: Rule) -> str:
    return f"- {_conditions(rule.conditions)} ({CLUES[rule.by]})"


def _conditions(conditions: Conditions) -> str:
    these = " and ".join(map(_condition, conditions.these))
    unless = " or ".join(map(_condition, conditions.unless))
    return f"{these}, unless there is {unless}" if unless else these


def _condition(condition: Condition) -> str:
    told = f"{FIELDS[condition.where]} `{condition.pattern}`"
    if condition.values:
        told += f": {' or '.join(f'`{one}`' for one in condition.values)}{READINGS[condition.reading]}"
    if condition.like != "*":
        told += f" like `{condition.like}`"
    return f"{told} that holds `{condition.element}`" if condition.element else told


def _hint(hint: Hint) -> str:
    header = f" `{hint.header}`" if hint.header else ""
    text = f" `{hint.text}`" if hint.text != "*" else ""
    return f"- On the wire, which proves nothing: {SIGNS[hint.sign]}{header}{text}"


def _how_tos(provider: Provider) -> Iterator[str]:
    for purpose, told in provider.how_to.items():
        yield from ("", f"### {PURPOSES[purpose]}", "", *_how_to(told))


def _how_to(told: HowTo) -> Sequence[str]:
    lines = [f"    {key}: {json.dumps(value)}" for key, value in told.annotations.items()]
    annotated = ["metadata:", "  annotations:", *lines] if lines else []
    spec = ["spec:", *(f"  {key}: {value}" for key, value in told.spec.items())] if told.spec else []
    fenced = ["```yaml", *annotated, *spec, "```"] if annotated or spec else []
    return (*fenced, *(("",) if fenced and told.text else ()), *((told.text,) if told.text else ()))
