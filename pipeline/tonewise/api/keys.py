"""Keys: how they come, how they are compared, and which are good enough."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from tonewise.errors import ConfigError
from tonewise.operating import Client

SHORTEST_KEY = 16
"""Characters; with fewer a key can be guessed."""

RESERVED = ("caller", "none", "operator", "other")
"""Words that records and metrics use for those who have no client's key."""

Headers = Mapping[str, str] | Iterable[tuple[bytes, bytes]]
"""Of a request: Starlette's, or ASGI's bare pairs, whose names are lower case."""


def key_in(headers: Headers) -> str:
    """The key that was brought; empty: none. A bearer token wins over `x-api-key`."""
    if isinstance(headers, Mapping):
        bearer, key = headers.get("authorization", ""), headers.get("x-api-key", "")
    else:
        found = dict(headers)
        bearer = found.get(b"authorization", b"").decode("latin-1")
        key = found.get(b"x-api-key", b"").decode("latin-1")
    scheme, _, value = bearer.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else key


def digest(key: str) -> bytes:
    """Of the same length for every key, so that comparing tells nothing of it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


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
    if len(key) < SHORTEST_KEY:
        what = f"has fewer than {SHORTEST_KEY} characters" if key else "is not set"
        raise ConfigError(f"{whose} {what}; `openssl rand -hex 24` makes a good one")
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        what = "holds a space at an end, a line break or another character that no header can carry"
        raise ConfigError(f"{whose} {what}")
    if any(digest(key) == other for other, _ in others):
        raise ConfigError(f"{whose} is another's key as well; each needs its own")
    return digest(key)
