"""The page in a real browser: its policy holds, nothing in it runs, and it is drawn in light and dark."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from diagnose.report.page import page
from tests.diagnose.report.chromium import dumped, lacking, pictured
from tests.diagnose.report.hostile import MARKUP, spoilt
from tests.diagnose.report.reports import LOST, MIXED

pytestmark = [pytest.mark.skipif(lacking() is not None, reason=str(lacking())), pytest.mark.xdist_group("chromium")]

MEASURES = """<script>
const over = [...document.querySelectorAll('svg text')].filter(one => {
  const box = one.getBBox(); return box.x < 0 || box.x + box.width > 760;
}).map(one => one.textContent);
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
const bars = getComputedStyle(document.querySelector('.verdict')).borderLeftWidth;
document.title = JSON.stringify({over, wide, bars});
</script>"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(page(LOST), "utf-8")
    return path


def test_the_browser_finds_nothing_to_complain_of(written: Path, tmp_path: Path) -> None:
    shown, complaints = dumped(written, tmp_path / "profile")
    assert complaints == ""
    assert "the address is lost here: KIP301 node-masquerade" in shown


def test_the_policy_stops_what_is_not_the_pages_own(tmp_path: Path) -> None:
    """As if escaping had failed: what then stands in the page still does nothing."""
    path = tmp_path / "forged.html"
    forged = (
        "<script>document.title = 'owned'</script><img src='http://evil.test/x.png' onerror=\"document.title='owned'\">"
    )
    path.write_text(page(LOST).replace("</main>", f"{forged}</main>"), "utf-8")
    shown, complaints = dumped(path, tmp_path / "profile")
    assert "<title>owned</title>" not in shown
    assert complaints.count("Content Security Policy") >= 2


def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(page(spoilt(MIXED, MARKUP)), "utf-8")
    shown, complaints = dumped(path, tmp_path / "profile")
    assert complaints == ""
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert not re.search(r"<script|<img|<a ", shown)


@pytest.mark.parametrize("width", [420, 1000])
@pytest.mark.parametrize("name", ["lost", "long"])
def test_nothing_is_wider_than_the_page(tmp_path: Path, width: int, name: str) -> None:
    """Measured by a script that the page itself would not allow: the policy is taken out for that."""
    long = replace(MIXED, path=tuple(replace(one, name=f"{one.name} {'and so on ' * 20}") for one in MIXED.path))
    policed = page({"lost": LOST, "long": long}[name])
    path = tmp_path / "measured.html"
    path.write_text(re.sub(r"<meta http-equiv.*?>", "", policed).replace("</main>", f"</main>{MEASURES}"), "utf-8")
    shown, _ = dumped(path, tmp_path / "profile", f"--window-size={width},900")
    assert '<title>{"over":[],"wide":false,"bars":"6px"}</title>' in shown


def test_it_is_drawn_in_light_and_dark(written: Path, tmp_path: Path) -> None:
    light = pixel(pictured(written, tmp_path / "one", 1000, 600, dark=False))
    dark = pixel(pictured(written, tmp_path / "two", 1000, 600, dark=True))
    assert light == (0xFB, 0xFB, 0xF9)
    assert dark == (0x14, 0x18, 0x1C)


def pixel(png: bytes) -> tuple[int, int, int]:
    """The first pixel of a PNG of eight bits a channel: in the first line every filter leaves it as it is."""
    chunks, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        chunks += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    raw = zlib.decompress(chunks)
    return raw[1], raw[2], raw[3]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.1, 1.4.3)."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    parts = [int(first + second, 16) / 255 for first, second in list(pairwise(colour[1:]))[::2]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: int) -> None:
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", page(LOST).split("@media (prefers-color-scheme")[scheme]))
    behind: dict[str, tuple[str, ...]] = {tone: ("card", f"{tone}-soft") for tone in ("good", "bad", "doubt")}
    behind |= {"ink": ("paper", "card", "code", "bad-soft"), "quiet": ("paper", "card", "bad-soft", "good-soft")}
    behind |= {"address": ("card",)}
    weak = [
        (text, on) for text, grounds in behind.items() for on in grounds if contrast(colours[text], colours[on]) < 4.5
    ]
    assert weak == []
