"""The page of a finding within the HTML report, folded away: whoever gets the report has it with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from textwrap import dedent

from diagnose.catalogue import FAULTS
from diagnose.catalogue_pages import page
from diagnose.report.harmless import harmless
from diagnose.report.steps import more


def more_of(code: str) -> Iterator[str]:
    """Why it happens, how it is told from its neighbours, what helps; of a code of another version, the command."""
    if code not in FAULTS:
        yield f'<p class="quiet">More: {escape(harmless(more(code)))}</p>'
        return
    _, after, told = page(FAULTS[code]).partition("## ")
    yield f"<details><summary>More of {code}</summary>"
    yield from map(_block, re.split(r"\n{2,}", f"{after}{told}".strip("\n")))
    yield "</details>"


def _block(block: str) -> str:
    """A block of the catalogue's Markdown, which knows no more than these."""
    if block.startswith("#"):
        return f"<h4>{_prose(block.lstrip('# '))}</h4>"
    if block.startswith("    "):
        return f"<pre>{escape(dedent(block))}</pre>"
    if block.startswith("- "):
        items = re.split(r"\n- ", block.removeprefix("- "))
        return f"<ul>{''.join(f'<li>{_prose(item)}</li>' for item in items)}</ul>"
    return f"<p>{_prose(block)}</p>"


def _prose(text: str) -> str:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))
    return re.sub(r"(?<!\w)\*(\w[^*`]*)\*", r"<em>\1</em>", marked)
