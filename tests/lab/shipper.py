"""Ships an access log as log agents do: ``python -m tests.lab.shipper SOURCE TARGET json|late``."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import deque
from pathlib import Path

LATE = 2.0
LINE = re.compile(r'(?P<address>\S+) - \S+ \[[^]]*\] "(?P<request>.*?)" (?P<status>\d+) ')


def as_json(line: str) -> str:
    """The line as an object with nginx's names."""
    said = LINE.match(line)
    told = {"remote_addr": said["address"], "request": said["request"], "status": said["status"]} if said else {}
    return json.dumps(told) + "\n"


def main(source: Path, target: Path, form: str) -> None:
    """Copy whole lines as they come, or some time later, until a signal ends it."""
    delay = LATE if form == "late" else 0.0
    waiting: deque[tuple[float, str]] = deque()
    with source.open("rb") as came, target.open("w", buffering=1) as out:
        while True:
            line = came.readline()
            if line.endswith(b"\n"):
                waiting.append((time.monotonic() + delay, line.decode("utf-8", "replace")))
                continue
            came.seek(-len(line), 1)
            while waiting and waiting[0][0] <= time.monotonic():
                told = waiting.popleft()[1]
                out.write(as_json(told) if form == "json" else told)
            time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
