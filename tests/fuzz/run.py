"""A coverage-guided run over every target: ``make fuzz``. Prints a line for each: executions, seconds, what was found.

atheris (a libFuzzer for Python) is no dependency of the tests; scripts/fuzz gets it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 4096


def fuzz_one(name: str, corpus: str, seconds: str) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    import atheris  # type: ignore

    with atheris.instrument_imports(include=["diagnose", "probes", "echo_server"]):
        from tests.fuzz.targets import TARGETS

    for number, seed in enumerate(TARGETS[name].seeds):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={corpus}/",
    ]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", corpus], TARGETS[name].read)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the targets named, or all, ``seconds`` each; exit status 1 where one fails."""
    seconds, *names = sys.argv[1:]
    from tests.fuzz.targets import TARGETS

    failed = False
    for name in names or TARGETS:
        with tempfile.TemporaryDirectory() as corpus:
            words = [sys.executable, "-m", "tests.fuzz.run", "--one", name, corpus, seconds]
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
        covered = re.findall(r"cov: (\d+)", done.stderr)
        told = f"{int(executed[1]) if executed else 0:>9} executions  {covered[-1] if covered else '?':>5} edges"
        print(f"{name:<14} {told}  {'nothing found' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode:
            failed = True
            print(done.stdout[-2000:], done.stderr[-500:], sep="\n")
    sys.exit(failed)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        fuzz_one(*sys.argv[2:])
    else:
        main()
