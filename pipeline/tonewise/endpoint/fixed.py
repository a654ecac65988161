"""A timer: every silence ends the turn after the same time. For comparison, and for demos."""

from tonewise.errors import ConfigError
from tonewise.facts import Patience
from tonewise.stages import Lull

_LEAST_S, _MOST_S = 0.05, 5.0


class Fixed:
    """Engine and stream in one: it remembers nothing."""

    def __init__(self, seconds: float) -> None:
        self.name = f"fixed {seconds:g} s"
        self._answer = Patience(seconds, done=0.5, reason="a timer, whatever was said")

    def open(self, language: str | None = None) -> "Fixed":
        """Endpointing for one call, in any language."""
        del language
        return self

    def patience(self, lull: Lull) -> Patience:
        """Always the same."""
        del lull
        return self._answer


def load(seconds: float = 0.7) -> Fixed:
    """A timer.

    Args:
        seconds: of silence that end a turn, 0.05 to 5.

    Raises:
        ConfigError: an option out of range.
    """
    if not _LEAST_S <= seconds <= _MOST_S:
        msg = f"endpoint fixed: seconds is {_LEAST_S} to {_MOST_S}, not {seconds}"
        raise ConfigError(msg)
    return Fixed(seconds)
