"""Debian's Chromium, to look at a page as a reader would: no network, nothing kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def lacking() -> str | None:
    """Why there is no Chromium here, None where there is one; scripts/test installs it where it can."""
    return None if shutil.which("chromium") is not None else "chromium is not installed (scripts/test does so as root)"


def dumped(page: Path, profile: Path, *flags: str) -> tuple[str, str]:
    """The document as the browser has it once it is loaded, and what the browser complained of."""
    command = ["chromium", *FLAGS, f"--user-data-dir={profile}", *flags, "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def pictured(page: Path, profile: Path, width: int, height: int, *, dark: bool) -> bytes:
    """The page as a PNG."""
    picture = page.with_suffix(".png")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    sized = [f"--window-size={width},{height}", f"--screenshot={picture}"]
    command = ["chromium", *FLAGS, f"--user-data-dir={profile}", scheme, *sized, page.as_uri()]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    return picture.read_bytes()
