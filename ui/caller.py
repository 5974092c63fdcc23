"""Who asks, as far as addresses tell: what is granted to each and not to all together goes by this."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar

PROXIES = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1/128,fc00::/7"
"""Whose X-Forwarded-For is believed (FORWARDED_ALLOW_IPS says otherwise): a platform's proxy has a private address, and
a stranger who comes by himself has a public one."""

asking: ContextVar[str] = ContextVar("asking", default="")
"""The caller of the request that is being answered."""


def caller(host: str | None) -> str:
    """What counts as one caller: a public address, or the network that one household has of IPv6.

    Empty where that cannot be known: everybody behind a proxy that does not tell shares its private address, and
    nobody may be refused for what another one there did.
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return ""
    if not address.is_global:
        return ""
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
