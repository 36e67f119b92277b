"""What an answer on the wire points to."""

from __future__ import annotations

import pytest

from diagnose.providers.hints import hints_in


def keys(*args: object, **more: object) -> dict[str, str]:
    return {provider.key: told for provider, told in hints_in(*args, **more)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "provider", "told"),
    [
        ([("CF-RAY", "8f0a-FRA")], "cloudflare", "answer header CF-RAY: 8f0a-FRA"),
        ([("Server", "awselb/2.0")], "aws-alb", "answer header Server: awselb/2.0"),
        ([("Via", "1.1 0a1b.cloudfront.net (CloudFront)")], "cloudfront", "answer header Via: 1.1 0a1b.cloudfront.net"),
        ([("Via", "1.1 google")], "google-application", "answer header Via: 1.1 google"),
    ],
)
def test_a_header_in_any_case_points_to_its_provider(headers: list[tuple[str, str]], provider: str, told: str) -> None:
    assert keys(headers)[provider].startswith(told)


def test_a_value_of_another_says_nothing() -> None:
    assert keys([("Server", "kong/3.9"), ("Via", "1.1 kong/3.9"), ("X-Served-By", "me")], "no Route matched") == {}


def test_the_body_of_an_error_is_told_by_what_was_looked_for_and_never_whole() -> None:
    body = (
        "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>"
    )
    assert keys((), body) == {"haproxy": "answer body: No server is available to handle this request."}


def test_a_long_value_is_cut() -> None:
    assert len(keys([("cf-ray", "x" * 10_000)])["cloudflare"]) < 120


def test_names_and_headers_of_requests_point_to_edges_too() -> None:
    assert set(keys(host="d1.cloudfront.net.")) == {"cloudfront"}
    assert set(keys(request=[("X-Amzn-Trace-Id", "Root=1")])) == {"aws-alb"}
    assert keys([("X-Amzn-Trace-Id", "Root=1")]) == {}, "in an answer it may be anybody's"


def test_what_callers_write_into_a_pattern_is_no_pattern() -> None:
    assert keys([("server", "awselb*[")]) == {}
    assert keys([("server", "[a]wselb/2")]) == {}
