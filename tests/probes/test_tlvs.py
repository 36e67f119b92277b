"""TLVs in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import tlvs


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (tlvs.AUTHORITY, b"kong.test", "AUTHORITY kong.test"),
        (tlvs.NOOP, bytes(3), "NOOP (3 bytes)"),
        (tlvs.AWS, b"\x01vpce-08d2", "AWS endpoint vpce-08d2"),
        (tlvs.AZURE, b"\x01\x04\x03\x02\x01", "AZURE link 16909060"),
        (tlvs.GCP, bytes(7) + b"\x09", "GCP connection 9"),
        (tlvs.SSL, b"\x01\0\0\0\0\x21\0\x07TLSv1.3", "SSL (TLS, SSL_VERSION TLSv1.3)"),
        (tlvs.SSL, b"\x03\0\0\0\x01", "SSL (TLS, certificate on this connection, not verified (1))"),
        (tlvs.SSL, b"\x01\0\0\0\0\x21\0", "SSL (TLS, and more that is cut short)"),
        (tlvs.AWS, b"\x02x", "AWS 0278"),
        (0xF0, b"\x01", "0xF0 01"),
    ],
)
def test_a_tlv_is_told_by_its_name_and_value(kind: int, value: bytes, said: str) -> None:
    assert tlvs.told(kind, value) == said


@given(st.integers(0, 255), st.binary(max_size=60))
def test_every_value_can_be_told(kind: int, value: bytes) -> None:
    assert tlvs.told(kind, value)
