"""The command what-if: every recorded row, lines that ask nothing, and the form for people word for word."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cli import main
from diagnose.what_if.batch import LONGEST, answer_lines
from diagnose.what_if.question import LONGEST_HEADER

DATA = Path(__file__).parents[1] / "data"

ROW: dict[str, Any] = {
    "kong": "3.9.3",
    "tls": False,
    "listener_proxy_protocol": False,
    "real_ip_header": "X-Forwarded-For",
    "real_ip_recursive": "off",
    "trusted_ips": ["10.0.0.0/8"],
    "tcp_peer": "10.0.0.5",
    "proxy_header_hex": [],
    "request_headers": [["X-Forwarded-For", "203.0.113.50"]],
}


def row(**changed: Any) -> bytes:
    return json.dumps({**ROW, **changed}).encode()


def answers(*lines: bytes) -> list[dict[str, Any]]:
    """What is printed for the lines."""
    sink = io.StringIO()
    answer_lines(io.BytesIO(b"\n".join(lines)), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit status and the line on standard error; nothing may stand on standard output."""
    status = main(["what-if", *arguments])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1, printed.err
    return status, printed.err


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is printed where all is well."""
    assert main(["what-if", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """What standard input will hold."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer


# Lines of JSON.


@pytest.mark.parametrize(("name", "number"), [("kong-truth.jsonl", 2458), ("kong-truth-wide.jsonl", 1496)])
def test_answers_what_real_kongs_did(
    name: str, number: int, stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (DATA / name).read_bytes()
    stdin.write(text)
    stdin.seek(0)
    printed = told(capsys, "--batch", "-").splitlines()
    seen = [json.loads(line)["seen"] for line in text.splitlines()]
    assert len(printed) == number
    assert [json.loads(line) for line in printed] == seen
    assert list(json.loads(printed[0])) == list(seen[0])


def test_a_file_is_read_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows").write_bytes(row() + b"\n" + row(tcp_peer="192.0.2.7"))
    printed = told(capsys, "--batch", str(tmp_path / "rows")).splitlines()
    assert [json.loads(line)["client_ip"] for line in printed] == ["203.0.113.50", "192.0.2.7"]


def test_a_peer_is_all_that_must_be_told() -> None:
    [answer] = answers(b'{"tcp_peer": "::ffff:10.0.0.5"}')
    assert answer["access_log_address"] == "::ffff:10.0.0.5"
    assert answer["upstream"]["X-Forwarded-Port"] == "8000"


def test_blank_lines_a_byte_order_mark_and_crlf_are_passed_over() -> None:
    assert answers(b"\xef\xbb\xbf" + row() + b"\r", b"\r", b"", row(), b"  ") == answers(row(), row())
    assert answers(b"") == []


@pytest.mark.parametrize("recursive", [True, "on"])
def test_recursion_is_a_word_or_a_truth(recursive: object) -> None:
    chain = [["X-Forwarded-For", "203.0.113.50, 10.0.0.9"]]
    [answer] = answers(row(request_headers=chain, real_ip_recursive=recursive))
    assert answer["client_ip"] == "203.0.113.50"


@pytest.mark.parametrize("version", [None, "", "unknown", "3.9", "3.4.3.12", "3.9.3-ubuntu"])
def test_versions_that_are_understood(version: str | None) -> None:
    assert answers(row(kong=version)) == answers(row())


WITHOUT_PEER = json.dumps({key: value for key, value in ROW.items() if key != "tcp_peer"}).encode()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"nope", "not JSON"),
        (row() + row(), "not JSON"),
        (b"\0", "not JSON"),
        (b"[]", "a list, not a JSON object"),
        (b"null", "null, not a JSON object"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"a":' * 100_000, "cannot be read"),
        (b'{"tls":' + b"9" * 10_000 + b"}", "cannot be read"),
        (b"{" + b" " * LONGEST, "longer than"),
        (WITHOUT_PEER, "tcp_peer is missing"),
        (row(tcp_peer="here"), "'here' is no IP address"),
        (row(tcp_peer="10.0.0.5 "), "is no IP address"),
        (row(tcp_peer=167772165), "tcp_peer takes a string"),
        (row(tcp_peer="fe80::1%eth0"), "has a zone"),
        (row(tcp_peer="\ud800"), r"'\ud800' is no IP address"),
        (row(tls="true"), "tls takes true or false, not 'true'"),
        (row(listener_proxy_protocol=1), "not the number 1"),
        (row(kong=3.9), "kong takes a string"),
        (row(kong="latest"), "null stands for an unknown one"),
        (row(trusted_ips="10.0.0.5"), "trusted_ips takes a list of strings"),
        (row(trusted_ips=[["10.0.0.5"]]), "trusted_ips takes a list of strings"),
        (row(trusted_ips=["*"]), "Kong does not start with '*'"),
        (row(trusted_ips=["10.0.0.5,10.0.0.6"]), "Kong does not start"),
        (row(trusted_ips=["x" * 100_000]), "Kong does not start"),
        (row(real_ip_header="a;b"), "nginx does not start with 'a;b'"),
        (row(real_ip_header="\ud800"), "lone surrogate"),
        (row(real_ip_recursive="yes"), 'real_ip_recursive takes "on" or "off"'),
        (row(real_ip_recursive=[{}]), "not a list"),
        (row(proxy_header_hex="00"), "proxy_header_hex takes a list of strings"),
        (row(proxy_header_hex=["0"]), "'0' is not hexadecimal"),
        (row(request_headers={}), "[name, value]"),
        (row(request_headers=["ab"]), "[name, value]"),
        (row(request_headers=[["a", 1]]), "[name, value]"),
        (row(request_headers=[["a\r\nb", "c"]]), "is no header name"),
        (row(request_headers=[["", "c"]]), "'' is no header name"),
        (row(request_headers=[["a", "b\nc: d"]]), "line break"),
        (row(request_headers=[["a", "b\0"]]), "NUL"),
        (row(request_headers=[["a", "\ud800"]]), "lone surrogate"),
        (row(request_headers=[["host", "a"]]), "Host"),
        (row(request_headers=[["a", "1.2.3.4, " * 10_000]]), "longer than"),
        (row(request_headers=[["a", "b" * 8000]] * 5), "more than"),
    ],
)
def test_a_line_that_asks_nothing_has_an_error_in_its_place(line: bytes, named: str) -> None:
    before, answer, after = answers(row(), line, row())
    assert before == after
    assert "upstream" in before
    assert list(answer) == ["error"]
    assert answer["error"].startswith("line 2: ")
    assert named in answer["error"]
    assert len(answer["error"]) < 350
    assert answer["error"].isprintable()


def test_such_a_line_is_told_by_the_exit_status(stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    stdin.write(b"nope\n" + row())
    stdin.seek(0)
    assert main(["what-if", "--batch", "-"]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert printed.err.startswith("kongip: 1 line asks nothing that can be answered.")


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\t\r\n", b"\xef\xbb\xbf"])
def test_a_batch_without_a_line_asks_nothing(
    content: bytes, stdin: io.BytesIO, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin.write(content)
    stdin.seek(0)
    (tmp_path / "rows").write_bytes(content)
    advice = "holds no line, and so asks nothing. Give a question as JSON on each line.\n"
    assert said(capsys, "--batch", "-") == (2, f"kongip: Standard input {advice}")
    assert said(capsys, "--batch", str(tmp_path / "rows")) == (2, f"kongip: {str(tmp_path / 'rows')!r} {advice}")


def test_a_header_of_the_longest_kind_is_answered() -> None:
    value = "1.2.3.4".rjust(LONGEST_HEADER - len("X-Forwarded-For") - 4)
    [answer] = answers(row(request_headers=[["X-Forwarded-For", value]]))
    assert answer["client_ip"] == "1.2.3.4"


def test_each_answer_is_there_before_more_is_waited_for() -> None:
    sink = io.StringIO()
    written: list[int] = []

    class Slow:
        """Lines that come in pieces, and not at their ends."""

        chunks = iter([row()[:20], row()[20:] + b"\n" + row()[:5], row()[5:] + b"\n", b""])

        def read1(self, size: int, /) -> bytes:
            written.append(len(sink.getvalue().splitlines()))
            return next(self.chunks)

    assert answer_lines(Slow(), sink) == (2, 0)
    assert written == [0, 0, 1, 2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from(list(ROW)), JSON))
def test_whatever_the_values_are_there_is_one_line(changed: dict[str, Any]) -> None:
    [answer] = answers(row(**changed))
    assert set(answer) in ({"error"}, {*answers(row())[0]})


@given(st.binary(max_size=80).filter(lambda line: line.strip() and b"\n" not in line))
def test_whatever_the_bytes_are_there_is_one_line(line: bytes) -> None:
    assert len(answers(b"\n" + line)) == 1


# For people.

TRUSTING = ("--peer", "10.0.0.5", "--trusted-ips", "10.0.0.0/8")
BY_CHAIN = (*TRUSTING, "--real-ip-header", "X-Forwarded-For")
BY_PROXY = (*TRUSTING, "--real-ip-header", "proxy_protocol", "--listen", "0.0.0.0:8100 proxy_protocol")
STREAM = (*TRUSTING, "--stream-listen", "0.0.0.0:9000 proxy_protocol, 0.0.0.0:9443 ssl proxy_protocol")

GOLDEN = [
    (
        (*BY_CHAIN, "--header", "X-Forwarded-For: 203.0.113.50", "--header", "X-Forwarded-Proto: https"),
        """\
Kong's access log calls the client 203.0.113.50, taken from X-Forwarded-For.
  - 10.0.0.5 is in trusted_ips, so X-Forwarded-For counts, the header that real_ip_header names.
  - real_ip_recursive is off, so the last address is taken: 203.0.113.50.
  - X-Forwarded-For goes on with the TCP peer added, whether that is trusted or not.
  - X-Forwarded-Proto goes on as it came, since 10.0.0.5 is trusted.

Kong passes the request on (200, if a route matches).
The upstream gets:
  X-Real-IP: 203.0.113.50
  X-Forwarded-For: 203.0.113.50, 10.0.0.5
  X-Forwarded-Proto: https
  X-Forwarded-Port: 8000
  X-Forwarded-Host: kong.test
""",
    ),
    (
        BY_PROXY,
        """\
Kong's access log gets no line.
  - Port 8100 wants a PROXY header and got none: Kong closes the connection and logs 'broken header'.

The caller gets no answer: the connection is closed.
Kong's error log gets: broken header
""",
    ),
    (
        (*TRUSTING, "--proxy-v1", "203.0.113.7", "--https"),
        """\
Kong's access log calls the client 10.0.0.5, the TCP peer.
  - Port 8443 takes no PROXY header: Kong reads what came before the request as a broken request.
  - 10.0.0.5 is in trusted_ips, so X-Real-IP counts, the header that real_ip_header names.
  - No header was read, so the address is the TCP peer's.

The caller's TLS handshake fails.
""",
    ),
    (
        (*STREAM, "--https", "--proxy-v2", "2001:db8::7"),
        """\
Kong's access log calls the client 2001:db8::7, taken from the PROXY header.
  - 10.0.0.5 is in trusted_ips, so the PROXY header counts, whatever real_ip_header is.
  - Kong writes 2 lines to the access log for each connection to a TLS port.
  - Kong sends no PROXY header on, so the upstream sees Kong's own address as its TCP peer.

Kong passes the connection on.
""",
    ),
    (
        STREAM,
        """\
Kong's access log calls the client 10.0.0.5, the TCP peer.
  - Port 9000 wants a PROXY header and got none: Kong closes the connection, writes 10.0.0.5 with status 400 to the \
access log and logs 'broken header'.

The caller gets no answer: the connection is closed.
Kong's error log gets: broken header
""",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), GOLDEN, ids=["chain", "no header", "tls", "stream", "stream refused"])
def test_people_are_told(arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *arguments) == text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--peer", "10.0.0.5", "--header", "X-Real-IP: 1.2.3.4"), "trusted_ips is empty, so Kong believes nobody"),
        (("--peer", "10.0.0.5", "--trusted-ips", "10.0.0.6"), "10.0.0.5 is not in trusted_ips, so neither"),
        (TRUSTING, "The request has no X-Real-IP"),
        ((*TRUSTING, "--header", "X-Real-IP: x"), "nginx can read no address at the end of X-Real-IP"),
        ((*TRUSTING, "--header", "X-Forwarded-For: 1.2.3.4"), "X-Forwarded-For is not asked"),
        ((*TRUSTING, "--real-ip-header", "proxy_protocol"), "Port 8000 takes no PROXY header, so the address"),
        ((*TRUSTING, "--proxy-v1", "1.2.3.4"), "Port 8000 takes no PROXY header: Kong reads"),
        ((*TRUSTING, "--port", "8443"), "got a request in clear text"),
        ((*TRUSTING, "--port", "8000", "--https"), "Port 8000 speaks no TLS"),
        ((*TRUSTING, "--proxy-hex", "50", "--proxy-hex", "51"), "adds letters to the method"),
        ((*BY_PROXY, "--proxy-v2", "1.2.3.4"), "The PROXY header names 1.2.3.4."),
        ((*BY_PROXY, "--proxy-local"), "The PROXY header names no address"),
        ((*BY_PROXY, "--proxy-unknown"), "The PROXY header names no address"),
        ((*BY_PROXY, "--proxy-hex", "50524f585920554e4b4e4f574e0d0a" * 2), "takes one PROXY header"),
        ((*BY_PROXY, "--proxy-hex", "50524f585920", "--proxy-hex", "554e4b4e4f574e0d0a"), "in one piece"),
        ((*BY_PROXY, "--proxy-hex", "0d0a0d0a000d0a515549540a31110000"), "of a version that nginx does not know"),
        ((*BY_PROXY, "--proxy-hex", "0d0a0d0a000d0a515549540a2111ffff"), "larger than nginx takes there"),
        ((*BY_PROXY, "--proxy-hex", "0d0a0d0a000d0a515549540a21110000"), "too short"),
        ((*BY_PROXY, "--proxy-hex", "58"), "none that nginx can read"),
        ((*BY_PROXY, "--real-ip-header", "X-Real-IP", "--proxy-v1", "1.2.3.4"), "thrown away"),
        ((*TRUSTING, "--https", "--proxy-hex", "16"), "no start of TLS"),
        ((*BY_CHAIN, "--header", "X-Forwarded-For: 1.2.3.4", "--header", "x-forwarded-for: 1.2.3.5"), "all its lines"),
        ((*BY_CHAIN, "--real-ip-recursive", "--header", "X-Forwarded-For: 1.1.1.1, 10.0.0.9"), "taken: 1.1.1.1."),
        ((*BY_CHAIN, "--real-ip-recursive", "--header", "X-Forwarded-For: 10.0.0.8, 10.0.0.9"), "taken: 10.0.0.8."),
        ((*TRUSTING, "--header", "X-Forwarded-Host:"), "X-Forwarded-Host came empty"),
        (("--peer", "10.0.0.5", "--header", "X-Forwarded-Host: a"), "X-Forwarded-Host is replaced by Kong's own"),
        (
            ("--peer", "::ffff:10.0.0.5", "--trusted-ips", "10.0.0.5", "--header", "X-Forwarded-Proto: https"),
            "nginx looks for ::ffff:10.0.0.5 among the IPv4 entries",
        ),
        (("--peer", "10.0.0.5", "--stream-listen", "0.0.0.0:9000"), "nothing else can name a client"),
        ((*STREAM[:2], *STREAM[4:], "--proxy-v1", "1.2.3.4"), "trusted_ips is empty"),
        ((*STREAM, "--trusted-ips", "10.0.0.6", "--proxy-v1", "1.2.3.4"), "10.0.0.5 is not in trusted_ips"),
        ((*STREAM, "--proxy-unknown"), "names no address"),
    ],
)
def test_people_are_told_why(arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads(told(capsys, *arguments, "--output", "json"))
    assert [sentence for sentence in printed["because"] if reason in sentence], printed["because"]
    assert all(sentence.endswith(".") for sentence in printed["because"])


def test_json_for_one_has_the_keys_of_a_line_and_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads(told(capsys, *BY_CHAIN, "--header", "X-Forwarded-For: 203.0.113.50", "--output", "json"))
    reasons, channel = printed.pop("because"), printed.pop("channel")
    assert [printed] == answers(row())
    assert (len(reasons), channel) == (3, "X-Forwarded-For")


def test_the_host_and_the_version_of_kong_are_heeded(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ("--header", "X-Forwarded-For: 1.2.3.4", "--header", "X-Forwarded-For: 1.2.3.5")
    printed = told(capsys, *TRUSTING, "--header", "HOST: Shop.Test:80", *lines, "--kong-version", "2.8")
    assert "  X-Forwarded-Host: shop.test\n" in printed
    assert "  X-Forwarded-For: 1.2.3.4, 1.2.3.5, 10.0.0.5\n" in printed


def test_nothing_that_was_given_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printed = told(capsys, *BY_CHAIN, "--header", "X-Forwarded-For: \x1b[31m\u202ered")
    assert "\\x1b[31m\\u202ered, 10.0.0.5" in printed
    assert printed.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--peer --batch"),
        (("--peer", "here"), "--peer: 'here' is no IP address"),
        (("--peer", "1.1.1.1", "--batch", "-"), "--batch"),
        (("--batch", "-", "--https"), "--https goes with --peer"),
        (("--batch", "-", "--proxy-hex", "00"), "--proxy-hex goes with --peer"),
        (("--batch", "-", "--output", "text"), "--output text"),
        (("--batch", "/nowhere/rows"), "'/nowhere/rows' cannot be read: No such file"),
        (("--batch", "/"), "'/' cannot be read"),
        (("--batch", "a\0b"), "cannot be read"),
        ((*TRUSTING, "--trusted-ips", "10.0.0"), "Kong does not start with '10.0.0'"),
        ((*TRUSTING, "--listen", "here"), "proxy_listen takes"),
        ((*TRUSTING, "--listen", "\x1b[31m"), r"'\x1b[31m'"),
        ((*TRUSTING, "--listen", "off"), "it has none at all"),
        ((*TRUSTING, "--listen", "0.0.0.0:443 ssl"), "no listener without ssl: it has 443 (ssl)"),
        ((*TRUSTING, "--listen", "0.0.0.0:80", "--https"), "no listener with ssl: it has 80"),
        ((*TRUSTING, "--port", "9"), "no listener on port 9"),
        ((*TRUSTING, "--port", "70000"), "'70000' is not a port"),
        ((*TRUSTING, "--port", "٣"), "is not a port"),
        ((*TRUSTING, "--kong-version", "new"), "--kong-version: 'new'"),
        ((*TRUSTING, "--real-ip-header", "a b"), "nginx does not start with 'a b'"),
        ((*TRUSTING, "--real-ip-header", "\udcff"), "--real-ip-header"),
        ((*TRUSTING, "--header", "a"), "'a' is not of the form"),
        ((*TRUSTING, "--header", "a b: c"), "'a b' is no header name"),
        ((*TRUSTING, "--header", "a: \udcff"), "lone surrogate"),
        ((*TRUSTING, "--header", "Host: a", "--header", "host: b"), "second Host"),
        ((*TRUSTING, "--header", "Host: a/b"), "'a/b' is no host"),
        ((*TRUSTING, "--proxy-v1", "here"), "--proxy-v1: 'here'"),
        ((*TRUSTING, "--proxy-v2", "fe80::1%eth0"), "--proxy-v2"),
        ((*TRUSTING, "--proxy-v1", "1.1.1.1", "--proxy-local"), "--proxy-local"),
        ((*TRUSTING, "--proxy-hex", "0"), "--proxy-hex: '0'"),
        ((*TRUSTING, "--stream-listen", "here"), "stream_listen takes"),
        ((*TRUSTING, "--stream-listen", "0.0.0.0:53 udp"), "UDP"),
        ((*TRUSTING, "--stream-listen", "0.0.0.0:9000", "--listen", "0.0.0.0:80"), "--listen"),
        ((*STREAM, "--header", "a: b"), "--header"),
        ((*STREAM, "--port", "9443"), "add --https"),
        ((*TRUSTING, "--stream-listen", "0.0.0.0:9443 ssl", "--https", "--proxy-local"), "is not known"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = said(capsys, *arguments)
    assert status == 2
    assert named in line
    assert line[:-1].isprintable()


def test_a_standard_input_that_is_closed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert said(capsys, "--batch", "-") == (2, "kongip: Standard input is closed. Give a file, or open it.\n")
