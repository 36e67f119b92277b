"""The gateway's proxy: write nginx.conf from KONG_* and become nginx. Run as `python3 -m tests.gateway.proxy`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.gateway import nginx, settings

NGINX = "/usr/sbin/nginx"
CONFIGURATION = Path("/etc/kong/kong.conf")
"""The file that Kong reads if it is there; variables win over it."""


def prepare(environment: Mapping[str, str], files: nginx.Files) -> list[str]:
    """Write all that nginx needs into the prefix and return the command that runs it in the foreground.

    Raises settings.Refused where Kong would not start.
    """
    wanted = settings.read(environment)
    files.prefix.mkdir(parents=True, exist_ok=True)
    if nginx.uses_tls(wanted) and not files.certificate.exists():
        _self_signed(files)
    target = files.prefix / "nginx.conf"
    target.write_text(nginx.main_configuration(wanted, files))
    stream = nginx.stream_configuration(wanted, files, environment.get("GATEWAY_STREAM_TARGET"))
    (files.prefix / "nginx-kong-stream.conf").write_text(stream)
    (files.prefix / "nginx-kong.conf").write_text(nginx.configuration(wanted, files))
    (files.prefix / ".kong_env").write_text(nginx.kong_env(environment, wanted))
    # Started by root, nginx would hand its workers to a user that need not be able to read the prefix.
    as_root = ["-g", "user root;"] if os.geteuid() == 0 else []
    return [NGINX, "-p", str(files.prefix), "-e", "stderr", "-c", str(target), *as_root]


def _self_signed(files: nginx.Files) -> None:
    """Make the certificate that Kong makes for itself when it is given none."""
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -config /dev/null "
        f"-subj /CN=localhost -keyout {files.key} -out {files.certificate}".split(),
        check=True,
        capture_output=True,
    )


def main() -> int:
    """Run the gateway until a signal ends it; nginx takes this process' place, so that it gets the signal itself."""
    environment = settings.from_file(CONFIGURATION) | os.environ
    prefix = Path(environment.get("KONG_PREFIX", "/usr/local/kong"))
    files = nginx.Files(prefix, Path(environment.get("GATEWAY_ROUTES", prefix / "routes.lua")))
    try:
        command = prepare(environment, files)
    except settings.Refused as refused:
        print(f"Error: {refused}", file=sys.stderr)
        return 1
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
