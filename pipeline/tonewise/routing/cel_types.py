"""Rules checked before they are asked: unknown names, types that do not fit, loops in loops."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tonewise.plugins import did_you_mean
from tonewise.routing.cel_syntax import Call, Listing, Literal, Name, Node, Select, SyntaxProblem
from tonewise.routing.cel_vocabulary import (
    ANY,
    FUNCTIONS,
    HAS,
    MACROS,
    METHODS,
    NUMBERS,
    ORDERED,
    SIZE,
    SUMS,
    Many,
    RecordType,
    Type,
    either,
    has_size,
    told,
)

KEYS = ("string", "int", "uint", "bool")
"""What a map's key may be (CEL specification, "Values")."""

MOST_LOOPS = 2
"""Macros in macros: three over twenty items each are 8,000 steps."""


@dataclass(slots=True)
class Use:
    """What a rule reads: variables, and of groups their fields in full (`turn.words`)."""

    names: set[str] = field(default_factory=set)
    patterns: list[Literal] = field(default_factory=list)


def check(node: Node, known: Mapping[str, Type], *, anything: bool = False) -> Use:
    """What a rule reads, once it is known to be sound.

    Args:
        node: the rule.
        known: every variable and its type.
        anything: a name that is not known is the caller's; it has no fields.

    Raises:
        SyntaxProblem: what is wrong, where, and the choices.
    """
    checker = _Checker(known, anything=anything)
    checker.want(node, ("bool",), "a rule", {})
    return checker.use


class _Checker:
    def __init__(self, known: Mapping[str, Type], *, anything: bool) -> None:
        self._known = known
        self._anything = anything
        self._loops = 0
        self.use = Use()

    def want(
        self, node: Node, kinds: tuple[str, ...], where: str, bound: Mapping[str, Type]
    ) -> Type:
        found = self.type_of(node, bound)
        if found != ANY and found not in kinds:
            msg = f"{where} needs {either(kinds)}, not {told(found)}"
            raise SyntaxProblem(msg, node.at)
        return found

    def type_of(self, node: Node, bound: Mapping[str, Type]) -> Type:
        match node:
            case Literal(kind):
                return kind
            case Name(name):
                return self._variable(node, name, bound, anything=self._anything)
            case Select(Name(group) as inner, name):
                return self._field(node, self._variable(inner, group, bound), name)
            case Select(operand, name):
                return self._field(node, self.type_of(operand, bound), name)
            case Listing():
                return self._listing(node, bound)
            case Call():
                return self._call(node, bound)

    def _variable(
        self, node: Name, name: str, bound: Mapping[str, Type], *, anything: bool = False
    ) -> Type:
        if name in bound:
            return bound[name]
        if name in self._known:
            self.use.names.add(name)
            return self._known[name]
        if anything:
            self.use.names.add(name)
            return ANY
        msg = f"unknown variable {name!r}{did_you_mean(name, _paths(self._known))}"
        hint = f"what the transport tells of the caller is under caller, as in caller.{name}"
        msg += f"; known are {', '.join(self._known)}; {hint}, or is listed in router option"
        raise SyntaxProblem(f"{msg} 'metadata'", node.at)

    def _field(self, node: Node, of: Type, name: str) -> Type:
        if isinstance(of, RecordType):
            if name in of.fields:
                self.use.names.add(f"{of.name}.{name}")
                return of.fields[name]
            choices = list(of.fields)
            msg = f"unknown variable '{of.name}.{name}'{did_you_mean(name, choices)}"
            raise SyntaxProblem(f"{msg}; {of.name} has {', '.join(choices)}", node.at)
        if isinstance(of, Many) and of.is_map:
            return of.item
        if of == ANY:
            return ANY
        msg = f"{told(of)} has no field {name!r}"
        raise SyntaxProblem(msg, node.at)

    def _listing(self, node: Listing, bound: Mapping[str, Type]) -> Type:
        kinds = [self.type_of(item, bound) for item in node.items]
        values = kinds[1::2] if node.is_map else kinds
        for key in node.items[::2] if node.is_map else ():
            self.want(key, KEYS, "a map's key", bound)
        one = values[0] if values and all(kind == values[0] for kind in values) else ANY
        return Many(one, node.is_map)

    # ------------------------------------------------------------ calls

    def _call(self, node: Call, bound: Mapping[str, Type]) -> Type:
        name = node.function
        if not name[0].isalpha() or name == "in":
            return self._operator(node, bound)
        if name == HAS and node.target is None:
            return self._presence(node, bound)
        if name in MACROS and node.target is not None:
            return self._macro(node, node.target, bound)
        given = (*([node.target] if node.target else []), *node.arguments)
        if name == SIZE:
            if len(given) != 1 or not has_size(self.type_of(given[0], bound)):
                msg = "size() needs one string, list or map"
                raise SyntaxProblem(msg, node.at)
            return "int"
        return self._function(node, given, bound)

    def _presence(self, node: Call, bound: Mapping[str, Type]) -> Type:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Select):
            msg = "has() asks for a field, as in has(voice.frustration)"
            raise SyntaxProblem(msg, node.at)
        self.type_of(node.arguments[0], bound)
        return "bool"

    def _function(self, node: Call, given: tuple[Node, ...], bound: Mapping[str, Type]) -> Type:
        name = node.function
        table = METHODS if node.target else FUNCTIONS
        if name not in table:
            choices = [*table, SIZE, *(MACROS if node.target else (HAS,))]
            msg = f"unknown function {name!r}{did_you_mean(name, choices)}"
            raise SyntaxProblem(f"{msg}; here may stand {', '.join(choices)}", node.at)
        wanted, gives = table[name]
        if len(given) != len(wanted):
            msg = f"{name}() takes {len(wanted) - bool(node.target)} values"
            raise SyntaxProblem(msg, node.at)
        for value, kinds in zip(given, wanted, strict=True):
            self.want(value, kinds, f"{name}()", bound)
        if name == "matches" and isinstance(given[1], Literal):
            self.use.patterns.append(given[1])
        return gives

    def _macro(self, node: Call, over: Node, bound: Mapping[str, Type]) -> Type:
        name = node.function
        items = self.type_of(over, bound)
        if isinstance(items, Many):
            item: Type = "string" if items.is_map else items.item
        elif items == ANY:
            item = ANY
        else:
            msg = f"{name}() needs a list or a map, not {told(items)}"
            raise SyntaxProblem(msg, node.at)
        variable, *inner = node.arguments or (None,)
        if not isinstance(variable, Name) or len(inner) != 1:
            msg = f"{name}() takes a name and an expression, as in list.{name}(x, x > 1)"
            raise SyntaxProblem(msg, node.at)
        self._loops += 1
        if self._loops > MOST_LOOPS:
            msg = f"more than {MOST_LOOPS} macros stand in each other"
            raise SyntaxProblem(msg, node.at)
        within = {**bound, variable.name: item}
        if name == "map":
            gives: Type = Many(self.type_of(inner[0], within))
        else:
            self.want(inner[0], ("bool",), f"{name}()", within)
            gives = Many(item) if name == "filter" else "bool"
        self._loops -= 1
        return gives

    # ------------------------------------------------------------ operators

    def _operator(self, node: Call, bound: Mapping[str, Type]) -> Type:
        sign, values = node.function, node.arguments
        if sign in ("&&", "||", "!_"):
            for value in values:
                self.want(value, ("bool",), sign.rstrip("_"), bound)
            return "bool"
        if sign == "?:":
            self.want(values[0], ("bool",), "?:", bound)
            yes, no = (self.type_of(value, bound) for value in values[1:])
            if yes != no and ANY not in (yes, no):
                msg = f"?: gives either {told(yes)} or {told(no)}; both must be of one type"
                raise SyntaxProblem(msg, node.at)
            return no if yes == ANY else yes
        if sign == "-_":
            return self.want(values[0], ("int", "double", "duration"), "-", bound)
        left, right = (self.type_of(value, bound) for value in values)
        if sign == "[]":
            return self._index(node, left, right)
        if sign == "in":
            return self._membership(node, right, bound)
        return _compared_or_summed(node, left, right)

    def _membership(self, node: Call, of: Type, bound: Mapping[str, Type]) -> Type:
        if not isinstance(of, Many | RecordType) and of != ANY:
            msg = f"in needs a list or a map, not {told(of)}"
            raise SyntaxProblem(msg, node.at)
        if isinstance(of, RecordType) or (isinstance(of, Many) and of.is_map):
            self.want(node.arguments[0], KEYS, "in a map", bound)
        if isinstance(of, RecordType):
            self.use.names.update(f"{of.name}.{field}" for field in of.fields)
        return "bool"

    def _index(self, node: Call, of: Type, by: Type) -> Type:
        key = node.arguments[1]
        if isinstance(of, RecordType):
            if not isinstance(key, Literal) or key.kind != "string":
                msg = f"{of.name}[…] needs a name, as in {of.name}.{next(iter(of.fields))}"
                raise SyntaxProblem(msg, node.at)
            return self._field(node, of, str(key.value))
        if isinstance(of, Many):
            needed = ("string",) if of.is_map else ("int",)
            if by != ANY and by not in needed:
                msg = f"[…] needs {either(needed)}, not {told(by)}"
                raise SyntaxProblem(msg, node.at)
            return of.item
        if of == ANY:
            return ANY
        msg = f"{told(of)} has no members"
        raise SyntaxProblem(msg, node.at)


def _compared_or_summed(node: Call, left: Type, right: Type) -> Type:
    sign = node.function
    numbers = left in NUMBERS and right in NUMBERS
    fits = left == right or ANY in (left, right)
    if sign in ("==", "!="):
        if not (fits or numbers or "null" in (left, right)):
            msg = f"{sign} compares {told(left)} with {told(right)}: they are never equal"
            raise SyntaxProblem(msg, node.at)
        return "bool"
    if sign in ("<", "<=", ">", ">="):
        if not (numbers or (fits and all(kind in (*ORDERED, ANY) for kind in (left, right)))):
            msg = f"{sign} cannot compare {told(left)} with {told(right)}"
            raise SyntaxProblem(msg, node.at)
        return "bool"
    if not fits or not all(
        kind in (*SUMS, ANY) or (sign == "+" and isinstance(kind, Many)) for kind in (left, right)
    ):
        msg = f"{sign} cannot take {told(left)} and {told(right)}"
        if numbers:
            msg += "; write 2.0 for 2, or double(…)"
        raise SyntaxProblem(msg, node.at)
    return right if left == ANY else left


# ---------------------------------------------------------------- words


def _paths(known: Mapping[str, Type]) -> list[str]:
    """Every variable in full, for suggestions."""
    inner = [
        f"{name}.{part}"
        for name, kind in known.items()
        if isinstance(kind, RecordType)
        for part in kind.fields
    ]
    return [*known, *inner]
