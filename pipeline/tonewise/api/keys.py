"""Keys: how they come, how they are compared, and which are good enough."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from tonewise.errors import ConfigError
from tonewise.operating import Client
from tonewise.settings import Server

SHORTEST_KEY = 16
"""Characters; with fewer a key can be guessed."""

RESERVED = ("caller", "none", "operator", "other")
"""Words that records and metrics use for those who have no client's key."""

Headers = Mapping[str, str] | Iterable[tuple[bytes, bytes]]
"""Of a request: Starlette's, or ASGI's bare pairs, whose names are lower case."""


def key_in(headers: Headers) -> str:
    """The key that was brought; empty: none. A bearer token wins over `x-api-key`.

    Of several headers of one name the first counts.
    """
    if isinstance(headers, Mapping):
        bearer, key = headers.get("authorization", ""), headers.get("x-api-key", "")
    else:
        found = dict(reversed([*headers]))
        bearer = found.get(b"authorization", b"").decode("latin-1")
        key = found.get(b"x-api-key", b"").decode("latin-1")
    scheme, _, value = bearer.partition(" ")
    brought = value.strip() if scheme.lower() == "bearer" else ""
    return brought or key


def digest(key: str) -> bytes:
    """Of the same length for every key, so that comparing tells nothing of it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def own_token(server: Server, environ: Mapping[str, str]) -> str | None:
    """The server's own token, which operators and callers bring; None: there is none.

    Raises:
        ConfigError: it is not a good one; it is not told.
    """
    token = environ.get(server.token_env)
    if token:
        _check(token, f"the server's own token, the environment variable {server.token_env},")
    return token or None


def digest_of_client(
    client: Client, environ: Mapping[str, str], others: Sequence[tuple[bytes, str]]
) -> bytes:
    """Of the key of a client, which has to be a good one.

    Args:
        client: the `[[clients]]` entry.
        environ: where the key is looked for.
        others: digests that there are already, each with its owner's name.

    Raises:
        ConfigError: name or key will not do; the key is not told.
    """
    if client.name in RESERVED or any(client.name == name for _, name in others):
        why = "has another meaning" if client.name in RESERVED else "is taken"
        raise ConfigError(f"clients: the name {client.name!r} {why}; choose another")
    key, variable = environ.get(client.token_env, ""), client.token_env
    whose = f"clients: the key of {client.name!r}, the environment variable {variable},"
    _check(key, whose)
    if any(digest(key) == other for other, _ in others):
        raise ConfigError(f"{whose} is another's key as well; each needs its own")
    return digest(key)


def _check(key: str, whose: str) -> None:
    if len(key) < SHORTEST_KEY:
        what = f"has fewer than {SHORTEST_KEY} characters" if key else "is not set"
        raise ConfigError(f"{whose} {what}; `openssl rand -hex 24` makes a good one")
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        what = "holds a space at an end, a line break or another character that no header can carry"
        raise ConfigError(f"{whose} {what}")
