"""The layers by themselves, as docs/packets.md shows them."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import probes.packets

PAGE = (Path(__file__).parents[3] / "docs" / "packets.md").read_text("utf-8")


def test_the_example_works_in_a_program_of_its_own() -> None:
    [example] = re.findall(r"(?:^ {4}.*\n|^\n)*^ {4}from probes\.packets import (?:.*\n)(?:^ {4}.*\n|^\n)*", PAGE, re.M)
    program = f"{textwrap.dedent(example)}\nimport sys\nprint('diagnose' in sys.modules)\n"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    for told in ("PROXY v2", "203.0.113.7", "shop.example.com", "HTTP 1", "Host"):
        assert told in said
    assert said.endswith("False\n")


def test_every_layer_is_on_the_page() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    missing = [name for name in probes.packets.__all__ if f"`{name}`" not in table]
    assert missing == ["TlsRecord"], "which stands in for scapy's own"
