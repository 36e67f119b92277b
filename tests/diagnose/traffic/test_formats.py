"""Where the address stands in a line, whatever form the log has, and whatever a client wrote into it."""

from __future__ import annotations

import pytest

from diagnose.errors import Stop
from diagnose.traffic.chunks import of_lines
from diagnose.traffic.formats import of_chunk, of_log_format, time_in
from tests.diagnose.traffic.logs import NOON, docker, of_nginx, of_plugin, plain

A = "198.51.100.9"
CRI = f"2026-11-28T12:00:00.123456789Z stdout F {plain(A)}"
STAMPED = f"2026-11-28T12:00:00.123456789Z {plain(A)}"


def fields(*lines: str) -> list[bytes]:
    chunk = of_lines([line.encode() for line in lines])
    return list(of_chunk(chunk).fields(chunk))


@pytest.mark.parametrize("line", [plain(A), CRI, STAMPED, of_nginx(A), of_plugin(A), docker(A)])
def test_the_address_and_the_time_are_found(line: str) -> None:
    assert fields(line) == [A.encode()]
    assert time_in(of_lines([line.encode()])) == pytest.approx(NOON, abs=1)


@pytest.mark.parametrize(
    "line",
    [
        of_plugin(A, remote_addr="203.0.113.66", client_ip="203.0.113.66"),
        of_nginx(A).replace("GET /", 'GET /?\\"remote_addr\\": \\"203.0.113.66\\"'),
        plain(A).replace("curl", "203.0.113.66 - - [01/Jan/2001:00:00:00 +0000]"),
    ],
    ids=["header", "query", "agent"],
)
def test_what_a_client_wrote_is_not_taken_for_the_address(line: str) -> None:
    assert fields(line) == [A.encode()]


@pytest.mark.parametrize(
    "line", ["{", '{"a": ' + "[" * 100_000, "[]", "{}", '{"remote_addr": 7}', '{"remote_addr": null}']
)
def test_json_that_says_nothing_names_no_address(line: str) -> None:
    assert A.encode() not in fields(of_nginx(A), line)[1:]


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("$remote_addr - $remote_user [$time_local]", plain(A)),
        ('"$http_user_agent" $remote_addr [$time_local]', f'"a b 1.2.3.4 c" {A} [28/Nov/2026:12:00:00 +0000]'),
        ("$http_host|${remote_addr}|$status", f"shop.example|{A}|200"),
        ('{"ip":"$remote_addr","ua":"$http_user_agent"}', f'{{"ip":"{A}","ua":"x"}}'),
        ("[$time_iso8601] client=$remote_addr;", f"[2026-11-28T12:00:00+00:00] client={A};"),
        ("$remote_addr", A),
    ],
)
def test_a_format_of_ones_own_is_read_as_it_says(form: str, line: str) -> None:
    chunk = of_lines([line.encode(), b"something else", line.encode()])
    assert [field for field in of_log_format(form).fields(chunk) if field == A.encode()] == [A.encode()] * 2


@pytest.mark.parametrize("form", ["", "$host", "remote_addr", "$host$remote_addr", "$remote_address"])
def test_a_format_without_an_address_is_refused(form: str) -> None:
    with pytest.raises(Stop) as stop:
        of_log_format(form)
    assert stop.value.status == 2


@pytest.mark.parametrize("line", [b"", b"[99/Zzz/2026:99:99:99 +0000]", b"9999-99-99T99:99:99Z", b"28/Nov/2026"])
def test_a_time_that_is_none_is_none(line: bytes) -> None:
    assert time_in(of_lines([line])) is None
