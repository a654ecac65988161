"""Rules in CEL: compiled and checked once, asked of every turn; the first that is true wins.

A rule that reads what is absent, or that cannot be computed, does not match; which one and why is
recorded. As CEL has it, `a || b` is true when either is, whatever the other one is up to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tonewise import plugins
from tonewise.errors import ConfigError
from tonewise.plan import Skipped
from tonewise.routes import Rule
from tonewise.routing import cel_syntax, cel_types, feelings
from tonewise.routing.cel_syntax import SyntaxProblem
from tonewise.routing.cel_types import Use
from tonewise.routing.cel_vocabulary import ANY, Type
from tonewise.routing.variables import VARIABLES

_FUNCTIONS = {"lower": str.lower, "size_chars": len}


class Program(Protocol):
    """A condition, ready to be asked."""

    def execute(self, context: Any) -> Any:  # noqa: ANN401 - the language's own, and any value
        """Its value in a context that its language made."""
        ...


class Language(Protocol):
    """What conditions are written in; see `conditions/`."""

    def compile(self, text: str) -> Program:
        """A program; ValueError where the text is none."""
        ...

    def context(
        self, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
    ) -> Any:  # noqa: ANN401 - the language's own
        """What programs read, and may call."""
        ...

    def evaluate(self, text: str) -> Any:  # noqa: ANN401 - any value
        """The value of a text that reads nothing; RuntimeError or ValueError where it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule, ready to be asked.

    Attributes:
        reads: the variables that it reads, and of groups their fields in full (`turn.words`).
    """

    rule: Rule
    program: Program
    reads: frozenset[str]
    language: Language

    @property
    def hears(self) -> bool:
        """Does it read the voice, or frustration? Then it may only raise a turn."""
        return not self.reads.isdisjoint(("voice", "turn.frustration"))

    @property
    def why(self) -> str:
        """One sentence for a person."""
        return self.rule.reason or f"rule {self.rule.name!r} is true: {self.rule.when.strip()}"


def compiled(rules: Sequence[Rule], metadata: Sequence[str] = ()) -> tuple[Compiled, ...]:
    """Every rule, checked.

    Args:
        rules: in the order in which they are asked.
        metadata: keys of the caller that rules may read at top level; `*`: any.

    Raises:
        ConfigError: names the rule, the place in it, what is wrong and what is known.
        PluginError: the package for CEL is not installed.
    """
    # A key of ours wins over a caller's of the same name: that one is still under `caller`.
    known: dict[str, Type] = VARIABLES | {name: ANY for name in metadata if name not in VARIABLES}
    if not rules:
        return ()
    language: Language = plugins.load("conditions", "cel")
    anything = "*" in metadata
    return tuple(
        _compiled(rule, at, language, known, anything=anything) for at, rule in enumerate(rules)
    )


def read_by(rules: Sequence[Compiled]) -> frozenset[str]:
    """The variables that any of the rules reads."""
    return frozenset[str]().union(*(rule.reads for rule in rules))


class Asked:
    """One turn, of which rules are asked one after the other.

    Args:
        values: the turn's variables.
        language: that the rules are written in.
    """

    def __init__(self, values: dict[str, Any], language: Language) -> None:
        self._context = language.context(values, _FUNCTIONS)
        self.skipped: list[Skipped] = []

    def matches(self, rule: Compiled) -> bool:
        """Is the rule true of the turn? One that cannot tell is not, and stands in `skipped`."""
        try:
            answer = rule.program.execute(self._context)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            self.skipped.append(Skipped(rule.rule.name, _told(error)))
            return False
        if not isinstance(answer, bool):
            why = f"it gives {type(answer).__name__}, not true or false"
            self.skipped.append(Skipped(rule.rule.name, why))
        return answer is True


def _compiled(
    rule: Rule, at: int, language: Language, known: dict[str, Type], *, anything: bool
) -> Compiled:
    where = f"rules[{at}] {rule.name!r}"
    try:
        # Before the library reads it: only this reader is safe from a thousand brackets.
        tree = cel_syntax.read(rule.when)
        program = language.compile(rule.when)
        use = cel_types.check(tree, known, anything=anything)
        feelings.check(tree)
        _check_patterns(use, language)
    except SyntaxProblem as problem:
        msg = f"{where}: when, character {problem.at}: {problem}"
        raise ConfigError(msg) from problem
    except ValueError as error:
        msg = f"{where}: when: {' '.join(str(error).split())}"
        raise ConfigError(msg) from error
    return Compiled(rule, program, frozenset(use.names), language)


def _check_patterns(use: Use, language: Language) -> None:
    for pattern in use.patterns:
        try:
            language.evaluate(f'"".matches({pattern.source})')
        except (RuntimeError, ValueError) as error:
            msg = f"{pattern.source} is no regular expression: {' '.join(str(error).split())}"
            raise SyntaxProblem(msg, pattern.at) from error


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is absent"
    text = str(error).partition(". ")[0]
    if text.startswith("Undefined variable"):
        return f"{text.rpartition(': ')[2]} is absent"
    return f"it cannot be computed: {text}"
