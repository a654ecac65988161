"""JSON sent to somebody's URL, and requests to a provider's API: careful whom it talks to.

Whoever can choose a URL that a server fetches can make it talk to its own network: to a database
without a password, or to the address where a cloud hands out its keys. So a name is resolved once,
every address must be a public one, the connection goes to that very address, and no redirect is
followed.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import httpx2

from tonewise.errors import ConfigError
from tonewise.wire.telephone import ApiRequest

TIMEOUT_S = 10.0


class PostError(Exception):
    """It was not sent, or not taken."""


def check_url(url: str, *, private: bool = False) -> None:
    """Could JSON be posted there?

    Raises:
        ConfigError: it is no URL, or not https, or an address of one's own network.
    """
    parts = urlsplit(url)
    if parts.scheme not in (("http", "https") if private else ("https",)) or not parts.hostname:
        raise ConfigError(f"{_shown(url)}: write an https URL")
    if parts.username or parts.password:
        raise ConfigError(f"{_shown(url)}: a URL is no place for a password")
    if not private and _is_address(parts.hostname) and not is_public(parts.hostname):
        raise ConfigError(f"{_shown(url)}: this is a private address")


def is_public(address: str) -> bool:
    """Is it an address of the open internet, also when it stands inside an IPv6 address?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [found for found in (ip.ipv4_mapped, ip.sixtofour) if found]
        inner += list(ip.teredo or ())
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            inner.append(ipaddress.ip_address(int(ip) & 0xFFFFFFFF))
    return all(each.is_global and not each.is_multicast for each in inner)


async def post_json(url: str, body: bytes, token: str = "", *, private: bool = False) -> None:
    """Post JSON to a URL.

    Args:
        url: `https://…`.
        body: the JSON.
        token: sent as a bearer token; empty: none.
        private: the URL may be a private address, or `http`.

    Raises:
        PostError: it leads into a private network, or it did not answer 2xx in time.
    """
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            address = await _resolved(parts, private=private)
            await _send("POST", parts, address, headers, body)
    except TimeoutError:
        raise PostError(f"{_shown(url)} did not answer in {TIMEOUT_S:g} s") from None


async def ask_provider(asked: ApiRequest, secret: str) -> None:
    """Send a request to a provider's API.

    Raises:
        PostError: it did not take it.
    """
    headers = {"content-type": asked.content_type}
    auth = (asked.user, secret) if asked.auth == "basic" else None
    if asked.auth == "bearer":
        headers["authorization"] = f"Bearer {secret}"
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.request(
                asked.method, asked.url, content=asked.body, headers=headers, auth=auth
            )
    except httpx2.HTTPError as error:
        raise PostError(f"the provider's API: {type(error).__name__}") from None
    if not answer.is_success:
        raise PostError(f"the provider's API answered {answer.status_code}")


async def _send(
    method: str, parts: SplitResult, address: str, headers: Mapping[str, str], body: bytes
) -> None:
    """To that very address, but under its name: in the Host header, and in TLS."""
    place = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    pinned = parts._replace(netloc=f"{place}{port}", fragment="").geturl()
    named = {**headers, "host": parts.netloc}
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.request(
                method,
                pinned,
                content=body,
                headers=named,
                extensions={"sni_hostname": parts.hostname},
                follow_redirects=False,
            )
    except httpx2.HTTPError as error:
        raise PostError(f"{parts.hostname}: {type(error).__name__}") from None
    if not answer.is_success:
        raise PostError(f"{parts.hostname} answered {answer.status_code}")


async def _resolved(parts: SplitResult, *, private: bool) -> str:
    """The first address of a name; all of them must be allowed."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PostError(f"there is no host {host}") from error
    addresses = [str(each[4][0]) for each in found]
    if not private and not all(is_public(each) for each in addresses):
        raise PostError(f"{host} is an address of a private network")
    return addresses[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
