"""Who somebody is, told so that records of theirs belong together and yet name nobody."""

from collections.abc import Callable
from hashlib import blake2b


def pseudonyms(key: bytes) -> Callable[[str], str]:
    """A function from who somebody is to a pseudonym: the same one as long as the key is the same.

    Args:
        key: secret, at most 64 bytes; who has it can find a telephone number by trying all.

    Returns:
        "" for "", else `u_` and 20 hexadecimal digits: 80 bits, so that two among a million callers
        share one with a chance of one in two million million.
    """

    def pseudonym(who: str) -> str:
        plain = "".join(who.split()).casefold()
        if not plain:
            return ""
        return f"u_{blake2b(plain.encode(errors='replace'), digest_size=10, key=key).hexdigest()}"

    return pseudonym
