"""``kongip clean --admin-url``: it removes what killed runs have left, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from diagnose.admin_api import AdminApi
from diagnose.cli import main
from diagnose.outside.route import EchoRoute, make
from tests.diagnose.outside.admin import Admin, admin_api


@pytest.fixture
def admin() -> Iterator[Admin]:
    """A Kong with what two runs have left, and a route of somebody's."""
    with admin_api() as fake:
        service = fake.add("services", 1)
        fake.add("routes", 2, "kongip", service={"id": service}, paths=["/a"], strip_path=True)
        with AdminApi(fake.url) as api:
            for run in ("0123456789", "fedcba9876"):
                make(api, EchoRoute(run, f"/kongip-{run}", "10.0.0.9", 8080), [])
        fake.asked.clear()
        yield fake


KEPT = {"services-1", "routes-2"}


def test_what_killed_runs_left_is_removed(admin: Admin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--admin-url", admin.url]) == 0
    assert admin.names() == KEPT
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "removed route kongip-0123456789-any",
        "removed route kongip-fedcba9876-any",
        "removed service kongip-0123456789-echo",
        "removed service kongip-fedcba9876-echo",
    ]
    assert main(["clean", "--admin-url", admin.url]) == 0
    assert capsys.readouterr().out == "nothing of kongip's is there\n"


def test_a_dry_run_only_names_it(admin: Admin, capsys: pytest.CaptureFixture[str]) -> None:
    before = admin.names()
    assert main(["clean", "--admin-url", admin.url, "--dry-run"]) == 0
    assert admin.names() == before
    assert {method for method, _, _ in admin.asked} == {"GET"}
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_token_of_the_environment_opens_it_and_is_not_shown(
    admin: Admin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.token = "sesame-open"
    monkeypatch.delenv("KONGIP_ADMIN_TOKEN", raising=False)
    assert main(["clean", "--admin-url", admin.url]) == 4
    assert "set KONGIP_ADMIN_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("KONGIP_ADMIN_TOKEN", "wrong-one")
    assert main(["clean", "--admin-url", admin.url]) == 4
    printed = capsys.readouterr().err
    assert "refuses the token in KONGIP_ADMIN_TOKEN" in printed
    assert "wrong-one" not in printed
    monkeypatch.setenv("KONGIP_ADMIN_TOKEN", "sesame-open")
    assert main(["clean", "--admin-url", admin.url]) == 0
    assert admin.names() == KEPT


def test_what_cannot_be_removed_is_one_line_and_status_4(admin: Admin, capsys: pytest.CaptureFixture[str]) -> None:
    admin.db_less = True
    assert main(["clean", "--admin-url", admin.url]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("kongip: route kongip-")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(("url", "status"), [("kong", 2), ("http://127.0.60.4:1", 4)])
def test_an_admin_api_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str], url: str, status: int) -> None:
    assert main(["clean", "--admin-url", url]) == status
    assert capsys.readouterr().err.count("\n") == 1
