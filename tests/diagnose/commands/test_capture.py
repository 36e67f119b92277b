"""``kongip capture``: what is said of how many connections are shown."""

from __future__ import annotations

from argparse import Namespace

import pytest

from diagnose.commands.capture import _show
from tests.diagnose.capture.making import connection, opening


@pytest.mark.parametrize(
    ("number", "left_out", "told"),
    [
        (1, 0, "1 connection"),
        (
            2,
            1,
            "2 connections, of which 1 is not shown (--most); 1 further one was left out (--nonce, --client choose)",
        ),
        (3, 2, "3 connections, of which 2 are not shown (--most); 2 further ones were left out"),
    ],
)
def test_one_that_is_left_out_is_told_as_one(
    number: int, left_out: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [connection(None, ("192.0.2.5", one), b"", opening(one, one)) for one in range(1, number + 1)]
    _show(found, left_out, Namespace(nonce=None, client=None, output="text", most=1))
    assert capsys.readouterr().out.splitlines()[-1].startswith(told)
