"""Addresses of the internet: which of them are public."""

from __future__ import annotations

import ipaddress
import socket

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses, translated
ASSIGNMENTS = ipaddress.ip_network("192.0.0.0/24")  # of protocols; half of it is public to older Pythons
UNICAST = ipaddress.ip_network("2000::/3")  # all that the public internet has of IPv6


class Private(Exception):
    """A host has an address that is not public."""


def looked_up(host: str, port: int) -> str:
    """The numeric address of a host, if all that it has are public.

    Raises:
        Private: one of them is not.
        OSError: it has none.
    """
    found = [str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(map(public, found)):
        raise Private(host)
    return found[0]


def public(address: str) -> bool:
    """Whether a numeric address is one of the public internet, and not of this machine or its network.

    >>> [public(a) for a in ("93.184.215.14", "127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False, False]
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        inside = ip.ipv4_mapped or ip.sixtofour or translated
        if inside is None and ip not in UNICAST:
            return False
        ip = inside or ip
    return ip.is_global and not ip.is_multicast and ip not in ASSIGNMENTS
