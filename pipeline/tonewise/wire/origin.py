"""Whose web pages may open a call. Pure: it reads two headers.

A WebSocket knows no CORS: any page in the user's browser may connect to any host, its own
machine included, and DNS rebinding lets a foreign page call that machine by a foreign name. So
the server looks at `Origin` (who asks; programs other than browsers send none) and, while it
listens on loopback, at `Host` (by which name it was asked).
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Is `host` a name or an address of this machine that no other machine can reach?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_is_ours(host: str, origins: Iterable[str] = ()) -> bool:
    """Does a `Host` header name this machine's loopback, or the host of an allowed origin?"""
    name, _ = _name_and_port(host)
    return is_loopback(name) or name in {_name_and_port(_rest(origin))[0] for origin in origins}


def origin_is_welcome(origin: str | None, host: str, origins: Iterable[str] = ()) -> bool:
    """May a page of `origin` open a call at `host`?

    Args:
        origin: the `Origin` header; None where there is none, so that no browser asks.
        host: the `Host` header.
        origins: welcome besides our own pages, as in `https://example.org`.
    """
    if origin is None or origin.rstrip("/") in {one.rstrip("/") for one in origins}:
        return True
    if not origin.startswith(("http://", "https://")):
        return False
    theirs, their_port = _name_and_port(_rest(origin))
    ours, our_port = _name_and_port(host)
    default = 443 if origin.startswith("https:") else 80
    same_name = theirs == ours or (is_loopback(theirs) and is_loopback(ours))
    return bool(theirs) and same_name and (their_port or default) == (our_port or default)


def _rest(origin: str) -> str:
    return origin.partition("://")[2]


def _name_and_port(place: str) -> tuple[str, int | None]:
    """Name and port of `name`, `name:port` or `[::1]:port`; an empty name where it is neither."""
    try:
        parts = urlsplit(f"//{place}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
