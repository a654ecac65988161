"""CEL, the Common Expression Language, as `common-expression-language` computes it in Rust.

A room of its own, so that a router without rules needs no library for them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cel


class _Cel:
    name = "cel"

    def compile(self, text: str) -> cel.Program:
        """The program of an expression.

        Raises:
            ValueError: it is none.
        """
        return cel.compile(text)

    def context(
        self, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
    ) -> cel.Context:
        """What programs read, and may call."""
        return cel.Context(dict(values), dict(functions))

    def evaluate(self, text: str) -> Any:  # noqa: ANN401 - whatever it comes to
        """The value of an expression that reads nothing.

        Raises:
            RuntimeError, ValueError: it has none.
        """
        return cel.evaluate(text)


def load() -> _Cel:
    """CEL."""
    return _Cel()
