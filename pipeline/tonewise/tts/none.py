"""No voice: replies are text."""


def load() -> None:
    """Nothing is spoken, and callers read."""
