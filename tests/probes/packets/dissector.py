"""Wireshark's own dissector of PROXY headers, which tests hold ours to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def tshark(file: Path) -> list[dict[str, list[str]]]:
    """The fields of the PROXY headers in a file, as Wireshark's own dissector reads them."""
    if shutil.which("tshark") is None:
        why = "tshark is missing (Debian: tshark)"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    words = [
        "tshark",
        "-r",
        str(file),
        "-T",
        "json",
        "--no-duplicate-keys",
        "-J",
        "proxy",
        "-o",
        "tcp.check_checksum:FALSE",
    ]
    printed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout
    return [packet["_source"]["layers"].get("proxy", {}) for packet in json.loads(printed)]


def flat(tree: Any) -> dict[str, list[str]]:
    """All fields of a tree by name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in tree.items() if isinstance(tree, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                for key, inner in flat(one).items():
                    found.setdefault(key, []).extend(inner)
            else:
                found.setdefault(name, []).append(one)
    return found
