"""Addresses of hosts: which are on the public internet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async._core.address import is_internal
from seeclickfix_async._core.validation import is_http_url


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1.", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("127.1", "0", "2130706433", "0x7f.1", "0x7F000001", "0177.0.0.1", "017700000001"),
        *("[::1]", "[::]", "[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "[fec0::1]"),
        *("[ff02::1]", "[2001:db8::1]", "[2001:0:1::]"),
        *("[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[2002:7f00:1::]"),
        *("[64:ff9b::7f00:1]", "someone:secret@127.0.0.1", "8.8.8.8@127.0.0.1"),
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "metadata"),
        *("metadata.google.internal", "router.home.arpa"),
        *("\uff11\uff12\uff17.0.0.1", "127\u30020\uff0e0\uff611", "\u24dbocalhost"),
    ],
)
def test_a_host_that_is_not_public(host: str) -> None:
    assert is_internal(f"http://{host}/photo.jpg")
    assert is_internal(f"https://{host}:8443")


@pytest.mark.parametrize(
    "host",
    [
        *("seeclickfix.com", "seeclickfix.com.", "bucket.s3.amazonaws.com", "b\xfccher.example"),
        *("internal.example", "localhost.example", "10.example", "127.0.0.1.example"),
        *("8.8.8.8", "134744072", "[2600::1]", "127.0.0.1@8.8.8.8", "172.32.0.1", "100.128.0.1"),
    ],
)
def test_a_public_host(host: str) -> None:
    assert not is_internal(f"https://{host}/127.0.0.1?localhost")


@pytest.mark.parametrize("host", ["a\0b.example", "127.0.0.1\0", "\udc80.example"])
def test_a_host_that_no_resolver_accepts_is_a_name(host: str) -> None:
    assert not is_internal(f"http://{host}/")


@given(st.text() | st.text("0123456789abcdefx.:[]%@/\0\u3002"))
def test_any_valid_url_is_internal_or_not(rest: str) -> None:
    url = f"http://{rest}"

    assert not is_http_url(url) or isinstance(is_internal(url), bool)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_every_private_address_is_internal(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)

    assert is_internal(f"http://{host}/")
