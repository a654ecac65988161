"""Options of a policy, checked by their types, with errors that name the option and the choices."""

from typing import Any

import msgspec

from tonewise.errors import ConfigError
from tonewise.plugins import did_you_mean


def read_option(kind: Any, given: object, option: str) -> Any:  # noqa: ANN401 - it is of `kind`
    """An option of a policy, checked.

    Args:
        kind: its type.
        given: as the settings write it.
        option: its name.

    Raises:
        ConfigError: names the option, what is wrong, and the choices.
    """
    if isinstance(given, dict) and (known := getattr(kind, "__struct_fields__", None)):
        for key in given:
            if key not in known:
                msg = f"router option {option!r} has no key {key!r}{did_you_mean(key, list(known))}"
                raise ConfigError(f"{msg}; here are: {', '.join(known)}")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        inner = f"{option}{where.rstrip('`')}"
        msg = f"router option {inner!r}: {what[:1].lower()}{what[1:]}"
        raise ConfigError(msg) from error
