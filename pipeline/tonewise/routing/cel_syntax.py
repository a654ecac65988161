"""CEL read into a tree, so that a rule can be checked before it is asked of any caller.

The library that evaluates rules has the last word on their syntax; this reader exists for what the
library does not tell: what a name stands for, where in the rule it stands, how deep things nest.
Grammar: github.com/google/cel-spec, doc/langdef.md; messages and optional fields are left out, as
the library leaves them out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal as OneOf

LONGEST = 2000
"""Characters of a rule."""
DEEPEST = 24
"""Levels of nesting of a rule."""

Kind = OneOf["int", "uint", "double", "string", "bytes", "bool", "null"]


class SyntaxProblem(Exception):  # noqa: N818 - it is told as a ConfigError
    """What is wrong, and at which character, from 1."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written out; of a string its escapes are left as they stand in `source`."""

    kind: Kind
    value: object
    at: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`."""

    operand: "Node"
    field: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a macro or an operator (`&&`, `[]`, `?:`, `-_` …) and what it is given."""

    function: str
    arguments: tuple["Node", ...]
    at: int
    target: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Listing:
    """`[a, b]`, or the keys and values of `{a: b}` in turn."""

    items: tuple["Node", ...]
    is_map: bool
    at: int


Node = Literal | Name | Select | Call | Listing

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
    |(?P<string>[rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+
        |\.\d+(?:[eE][+-]?\d+)?|\d+[uU]?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>&&|\|\||==|!=|<=|>=|[-<>!+*/%?:.,()\[\]{}])
    |(?P<end>\Z)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_WORDS: dict[str, tuple[Kind, object]] = {
    "true": ("bool", True),
    "false": ("bool", False),
    "null": ("null", None),
}
_LEVELS = (("+", "-"), ("*", "/", "%"))
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=", "in")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def read(source: str) -> Node:
    """The tree of an expression.

    Raises:
        SyntaxProblem: it is too long, nests too deeply or is no CEL.
    """
    if len(source) > LONGEST:
        msg = f"it has {len(source)} characters; {LONGEST} are allowed"
        raise SyntaxProblem(msg, LONGEST)
    reader = _Reader(_tokens(source))
    node = reader.ternary()
    reader.expect("")
    return node


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while True:
        match = _TOKEN.match(source, at)
        if match is None:
            msg = f"{source[at]!r} begins nothing that CEL knows"
            raise SyntaxProblem(msg, at + 1)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, match.group(), at + 1))
        if kind == "end":
            return tokens
        at = match.end()


class _Reader:
    """Recursive descent, a method per level of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def expect(self, text: str) -> int:
        token = self._tokens[self._next]
        if token.text != text or token.kind == "string":
            found = repr(token.text) if token.text else "the end"
            msg = f"{repr(text) if text else 'the end'} is expected, not {found}"
            raise SyntaxProblem(msg, token.at)
        self._next += 1
        return token.at

    def ternary(self) -> Node:
        self._deeper()
        node = self._logical("||", lambda: self._logical("&&", self._relation))
        if self._is("?"):
            at = self.expect("?")
            yes = self._logical("||", lambda: self._logical("&&", self._relation))
            self.expect(":")
            node = Call("?:", (node, yes, self.ternary()), at)
        self._depth -= 1
        return node

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            msg = f"it nests more than {DEEPEST} levels deep"
            raise SyntaxProblem(msg, self._tokens[self._next].at)

    def _is(self, *texts: str) -> bool:
        token = self._tokens[self._next]
        return token.text in texts and token.kind in ("mark", "name")

    def _logical(self, operator: str, inner: Callable[[], Node]) -> Node:
        first = inner()
        parts = [first]
        at = self._tokens[self._next].at
        while self._is(operator):
            self._next += 1
            parts.append(inner())
        return Call(operator, tuple(parts), at) if len(parts) > 1 else first

    def _relation(self) -> Node:
        return self._chain(_RELATIONS, lambda: self._arithmetic(0))

    def _arithmetic(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        return self._chain(_LEVELS[level], lambda: self._arithmetic(level + 1))

    def _chain(self, operators: tuple[str, ...], inner: Callable[[], Node]) -> Node:
        node, links = inner(), 0
        while self._is(*operators):
            token = self._tokens[self._next]
            self._next += 1
            links += 1
            if links > DEEPEST:
                msg = f"more than {DEEPEST} operators stand in a row"
                raise SyntaxProblem(msg, token.at)
            node = Call(token.text, (node, inner()), token.at)
        return node

    def _unary(self) -> Node:
        token = self._tokens[self._next]
        if not self._is("!", "-"):
            return self._member()
        self._next += 1
        self._deeper()
        node = self._unary()
        self._depth -= 1
        if token.text == "-" and isinstance(node, Literal) and node.kind in ("int", "double"):
            return node
        return Call(f"{token.text}_", (node,), token.at)

    def _member(self) -> Node:
        node, links = self._primary(), 0
        while self._is(".", "["):
            links += 1
            token = self._tokens[self._next]
            if links > DEEPEST:
                msg = f"more than {DEEPEST} members stand in a row"
                raise SyntaxProblem(msg, token.at)
            self._next += 1
            if token.text == "[":
                node = Call("[]", (node, self.ternary()), token.at)
                self.expect("]")
                continue
            name = self._name()
            if self._is("("):
                node = Call(name.text, self._listed("(", ")"), name.at, node)
            else:
                node = Select(node, name.text, name.at)
        return node

    def _name(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "name":
            msg = "a name is expected"
            raise SyntaxProblem(msg, token.at)
        self._next += 1
        return token

    def _primary(self) -> Node:
        token = self._tokens[self._next]
        if self._is("("):
            return self._bracketed()
        if self._is("[", "{"):
            close = "]" if token.text == "[" else "}"
            return Listing(self._listed(token.text, close), token.text == "{", token.at)
        if token.kind not in ("string", "number", "name"):
            msg = f"a value is expected, not {token.text!r}" if token.text else "it ends too early"
            raise SyntaxProblem(msg, token.at)
        self._next += 1
        if token.kind != "name":
            return _text(token) if token.kind == "string" else _number(token)
        if token.text in _WORDS:
            return Literal(*_WORDS[token.text], token.at)
        if self._is("("):
            return Call(token.text, self._listed("(", ")"), token.at)
        return Name(token.text, token.at)

    def _bracketed(self) -> Node:
        self.expect("(")
        node = self.ternary()
        self.expect(")")
        return node

    def _listed(self, opening: str, closing: str) -> tuple[Node, ...]:
        self.expect(opening)
        items: list[Node] = []
        while not self._is(closing):
            items.append(self.ternary())
            if opening == "{":
                self.expect(":")
                items.append(self.ternary())
            if self._is(closing):
                break
            self.expect(",")
        self.expect(closing)
        return tuple(items)


def _text(token: _Token) -> Literal:
    quoted = token.text.lstrip("rRbB")
    prefix = token.text.removesuffix(quoted).lower()
    kind: Kind = "bytes" if "b" in prefix else "string"
    return Literal(kind, quoted.strip(quoted[0]), token.at, token.text)


def _number(token: _Token) -> Literal:
    text = token.text.lower()
    if text.endswith("u"):
        return Literal("uint", int(text[:-1], 0), token.at)
    if text.startswith("0x"):
        return Literal("int", int(text, 16), token.at)
    if text.isdigit():
        return Literal("int", int(text), token.at)
    return Literal("double", float(text), token.at)
