"""The pages of docs/findings."""

from __future__ import annotations

import re

from diagnose.catalogue import FAULTS
from diagnose.catalogue_pages import INDEX, page, pages


def test_each_fault_has_a_page() -> None:
    assert set(pages()) == {f"{code}.md" for code in FAULTS} | {INDEX}


def test_a_page_says_what_the_fault_is_why_it_happens_and_what_helps() -> None:
    text = page(FAULTS["KIP301"])
    assert text.startswith("# KIP301 node-masquerade\n\nThe node replaces the source address")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Why it happens",
        "How it is told from its neighbours",
        "What helps",
    ]
    assert "    `externalTrafficPolicy" not in text, "prose must not be indented: Markdown would show it as code"


def test_every_link_of_the_index_leads_to_a_page() -> None:
    links = re.findall(r"\]\((.*?)\)", pages()[INDEX])
    assert len(links) == len(FAULTS)
    assert set(links) <= pages().keys()
