"""How long `kongip --help` and `--version` take, beside an interpreter that does nothing and beside kubectl."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from benchmarks.measuring import Row, in_turns, quiet

TIMES = 9
KONGIP = (sys.executable, "-c", "import sys; from diagnose.__main__ import main; sys.exit(main())")


def rows() -> Sequence[Row]:
    """Both flags beside both peers."""
    peers = [("`python -c pass`", (sys.executable, "-c", "pass"), 4.0)]
    if kubectl := shutil.which("kubectl"):
        peers.append(("`kubectl version --client`", (kubectl, "version", "--client"), 2.0))
    return [
        Row(f"`kongip {flag}`", name, *in_turns(quiet(*KONGIP, flag), quiet(*peer), TIMES), "at most", target)
        for flag in ("--help", "--version")
        for name, peer, target in peers
    ]
