"""Addresses of hosts, and whether they are on the public internet."""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from contextlib import suppress
from urllib.parse import urlsplit

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # all public addresses of IPv6 so far
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")  # separate labels as well (UTS 46)

# RFC 6761, RFC 6762, RFC 8375; ICANN has reserved "internal".
_LOCAL_DOMAINS = (".localhost", ".local", ".localdomain", ".internal", ".home.arpa")


def is_internal(url: str) -> bool:
    """Check whether a URL names a host that is not on the public internet.

    These are loopback, private, link-local, shared (RFC 6598), multicast, unspecified and reserved
    addresses, in every spelling that a resolver accepts; IPv6 addresses that contain an IPv4
    address; names without a dot; and names below the domains for local use.

    Other names are not resolved. A proxy resolves names by itself; in private networks and VPNs,
    public names have private addresses on purpose; and a name may have another address a moment
    later.
    """
    host = unicodedata.normalize("NFKC", urlsplit(url).hostname or "").translate(_DOTS).rstrip(".")
    address = _parse_address(host)
    if address is None:
        return "." not in host or host.endswith(_LOCAL_DOMAINS)
    if isinstance(address, ipaddress.IPv6Address):
        is_public = address in _GLOBAL_UNICAST and address.sixtofour is None
    else:
        is_public = not address.is_multicast
    return not (is_public and address.is_global)


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address in any spelling, such as `127.1`, `0x7f000001` and `fe80::1%eth0`."""
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    with suppress(OSError, ValueError):  # a character that no address has, such as a null
        return ipaddress.IPv4Address(socket.inet_aton(host))
    return None
