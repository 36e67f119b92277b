"""``kongip clean --admin-url URL``: remove what killed runs have left in a Kong outside Kubernetes."""

from __future__ import annotations

import argparse
import os

from diagnose.admin_api import TOKEN_VARIABLE, AdminApi, Reply
from diagnose.errors import Stop
from diagnose.outside.route import KINDS, TAG, called, made, remove
from diagnose.report.harmless import harmless


def clean(options: argparse.Namespace) -> None:
    """Remove, or only name, what kongip made. Stop where it cannot be listed or removed."""
    with AdminApi(options.admin_url, os.environ.get(TOKEN_VARIABLE)) as api:
        found = [(kind, one) for kind in KINDS for one in made(api, kind)]
        unlisted = next((one for _, one in found if isinstance(one, Reply)), None)
        if unlisted is not None:
            raise Stop(f"What kongip made cannot be listed: {unlisted.problem}.", "Check --admin-url.")
        names = [harmless(called(kind, one)) for kind, one in found if not isinstance(one, Reply)]
        left = [] if options.dry_run else remove(api, TAG)
    if left:
        raise Stop(f"{harmless('; '.join(left))}.", "Run it again.")
    for name in names:
        print(f"{'would remove' if options.dry_run else 'removed'} {name}")
    if not names:
        print("nothing of kongip's is there")
