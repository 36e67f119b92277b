"""kongip from Python: the documented example runs, and the names are there without loading more than they need."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import diagnose
from diagnose import api

DOCUMENT = Path(__file__).parents[2] / "docs" / "python-api.md"


def test_the_example_of_the_document_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(example, str(DOCUMENT), "exec"), names)

    first, *others = capsys.readouterr().out.splitlines()
    assert first == "lost KIP301"
    assert any(line.startswith("KIP301 ") for line in others)
    assert json.loads(str(names["text"]))["verdict"] == "lost"


def test_every_name_is_there_and_documented() -> None:
    assert diagnose.__all__ == api.__all__
    for name in diagnose.__all__:
        assert getattr(diagnose, name) is getattr(api, name)
        assert f"`{name}" in DOCUMENT.read_text("utf-8")
    assert set(diagnose.__all__) <= set(dir(diagnose))


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        diagnose.nonsense  # noqa: B018  # asked for, not used


def test_a_lab_that_there_is_not_stops_with_its_status() -> None:
    with pytest.raises(diagnose.Stop) as stop:
        diagnose.diagnose_lab("nowhere")
    assert stop.value.status == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"connections": 0}, "connections: '0' is not a number from 1 to 1000."),
        ({"timeout": -1.0}, "timeout: '-1.0' is not a number of seconds from 0.1 to 60."),
        ({"caller_ips": ["203.0.113.0/24", "foo"]}, "caller_ips: 'foo' is neither an address nor a CIDR."),
    ],
)
@pytest.mark.parametrize("run", [functools.partial(diagnose.diagnose_lab, "preserved"), diagnose.diagnose_cluster])
def test_what_a_flag_would_refuse_is_refused_by_its_name(run: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(diagnose.Stop) as stopped:
        run(**given)
    assert (stopped.value.what, stopped.value.status) == (told, 2)


@pytest.mark.parametrize("name", ["context", "kubeconfig"])
def test_an_empty_name_does_not_stand_for_the_current_cluster(name: str) -> None:
    given: dict[str, Any] = {name: ""}
    with pytest.raises(diagnose.Stop, match=f"{name}: '' names nothing") as stopped:
        diagnose.diagnose_cluster(**given)
    assert stopped.value.status == 2


def test_a_cluster_that_there_is_not_stops(tmp_path: Path) -> None:
    with pytest.raises(diagnose.Stop):
        diagnose.diagnose_cluster("production", kubeconfig=tmp_path / "none")


def test_importing_the_package_loads_nothing() -> None:
    ask = (
        "import sys, diagnose; print(*(name for name in sys.modules if name.startswith(('diagnose', 'httpx', 'rich'))))"
    )
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["diagnose"]
