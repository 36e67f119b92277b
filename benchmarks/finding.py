"""Finding the lines of one run in an access log of 1,000,000 lines, beside grep with the run's nonces."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Row, in_turns
from diagnose.outside.logs import KongLogs
from probes.probe import Probe, Target

LINES, PROBES, TIMES = 1_000_000, 43, 5
TARGET = Target("192.0.2.10", 80, "http", "shop.example")


def probes() -> list[Probe]:
    """Probes as a run sends them."""
    route, nonces = f"/kongip-{secrets.token_hex(16)}", [secrets.token_hex(8) for _ in range(PROBES)]
    return [Probe(nonce, TARGET, f"{route}/{nonce}") for nonce in nonces]


def write_log(path: Path, sent: Sequence[Probe]) -> None:
    """Kong's access log with requests of others, and among them those of ``sent``."""
    every = LINES // len(sent)
    with path.open("w") as log:
        for number in range(LINES):
            own = sent[number // every].path if number % every == 0 and number // every < len(sent) else None
            asked = own or f"/shop/item/{number * 7919 % 1_000_003}?page={number % 97}"
            address = f"10.{number % 251}.{number % 241}.{number % 239}"
            stamp = f"28/Nov/2026:09:{number // 60 % 60:02}:{number % 60:02} +0000"
            identifier = f'kong_request_id: "{number:032x}"'
            log.write(f'{address} - - [{stamp}] "GET {asked} HTTP/1.1" 200 {number % 9973} "-" "curl" {identifier}\n')


def rows() -> Sequence[Row]:
    """The comparison: both have to find every line."""
    sent = probes()
    with tempfile.TemporaryDirectory() as folder:
        log, nonces = Path(folder) / "access.log", Path(folder) / "nonces"
        nonces.write_text("".join(f"{probe.nonce}\n" for probe in sent))
        empty = Path(folder) / "empty.log"
        empty.touch()
        write_log(log, sent)
        megabytes = log.stat().st_size / 1e6

        def ours() -> None:
            # The log is followed from its end, which it has before the run; so it takes its place afterwards.
            with KongLogs(str(empty), None) as logs:
                os.replace(log, empty)
                found = logs.read("kong", sent)
                os.replace(empty, log)
                empty.touch()
            assert len(found.access) == PROBES

        def grep() -> None:
            command = ["grep", "-F", "-f", str(nonces), str(log)]
            told = subprocess.run(command, env={"LC_ALL": "C"}, capture_output=True, check=True).stdout
            assert told.count(b"\n") == PROBES

        what = f"a run's {PROBES} lines in {LINES:,} ({megabytes:.0f} MB)"
        return [Row(what, "`grep -F -f` (LC_ALL=C)", *in_turns(ours, grep, TIMES), "at most", 3)]
