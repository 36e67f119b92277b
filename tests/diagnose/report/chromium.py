"""Debian's Chromium, to look at a page as a reader would: no network, nothing kept."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@functools.cache
def lacking() -> str | None:
    """Why there is no Chromium here, None where there is one: as root on Debian it is installed on first use."""
    if shutil.which("chromium") is not None:
        return None
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "chromium is not installed, and only root on Debian can install it"
    install = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], check=False, timeout=300, **quiet)  # type: ignore[call-overload]
    subprocess.run([*install, "chromium", "fonts-dejavu-core"], check=False, env=environment, timeout=600, **quiet)  # type: ignore[call-overload]
    return None if shutil.which("chromium") is not None else "chromium could not be installed"


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
