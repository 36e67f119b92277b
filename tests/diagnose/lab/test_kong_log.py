"""The lines of the lab's log are Kong's own: the reader of a real Kong's log understands them."""

from __future__ import annotations

from diagnose.cluster.log_lines import Complaints, Wanted, parse_access, parse_refused_preamble
from diagnose.lab.kong_log import Access, Refusal
from diagnose.site import PREAMBLE_AS_REQUEST, Complaint

WANTED = Wanted({"0123456789abcdef": "/kongip-x/0123456789abcdef"})


def test_an_access_line_is_read_as_one() -> None:
    line = Access("127.20.0.10", "GET /kongip-x/0123456789abcdef HTTP/1.1", 200, 12, "kongip", "ab" * 16, 1700000000.0)
    assert str(line) == (
        '127.20.0.10 - - [14/Nov/2023:22:13:20 +0000] "GET /kongip-x/0123456789abcdef HTTP/1.1" 200 12 "-" "kongip" '
        f'kong_request_id: "{"ab" * 16}"'
    )
    nonce, read = parse_access("kong/kong-a", str(line), WANTED) or ("", None)
    assert nonce == "0123456789abcdef"
    assert read is not None
    assert (read.address, read.status) == ("127.20.0.10", 200)


def test_quotes_and_backslashes_of_a_client_do_not_end_a_field() -> None:
    line = Access("127.20.0.10", 'GET /"\\\xe9 HTTP/1.1', 404, 12, '"', None, 1700000000.0)
    assert str(line) == (
        '127.20.0.10 - - [14/Nov/2023:22:13:20 +0000] "GET /\\x22\\x5C\\xE9 HTTP/1.1" 404 12 "-" "\\x22"'
    )


def test_a_version_2_header_that_was_taken_for_a_request_is_read_as_such() -> None:
    line = Access("127.20.0.10", "\x00", 400, 12, "", None, 1700000000.0)
    read = parse_refused_preamble("kong/kong-a", str(line), None)
    assert read == Complaint("kong/kong-a", PREAMBLE_AS_REQUEST, "127.20.0.10", "\\x00", None)


def test_complaints_of_each_kind_are_read_as_such() -> None:
    complaints = Complaints("kong/kong-a", WANTED)
    quoted = "GET /kongip-x/0123456789abcdef HTTP/1.1"
    for kind, detail, text in (
        ("broken header", "", quoted),
        ("header is too large", "", None),
        ("unknown PROXY protocol version", ": 3", None),
    ):
        complaints.take(str(Refusal(kind, detail, text, "127.20.0.10", "127.40.1.5:8000")), None)
    assert [(one.kind, one.client, one.excerpt) for one in complaints.found] == [
        ("broken header", "127.20.0.10", quoted),
        ("header is too large", "127.20.0.10", ""),
        ("unknown PROXY protocol version", "127.20.0.10", ""),
    ]
