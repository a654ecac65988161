"""Feelings may only ever help: what a rule may ask of a caller's distress.

At least so much of it, joined by `&&` and `||`, and nothing else; so the more frustrated, angry or
hesitant a caller is, the more rules are true. `policy.py` does the other half: a rule that hears
the voice, or asks for frustration, may raise a turn to its route, and never lowers it.
"""

from tonewise.routing.cel_syntax import Call, Listing, Literal, Name, Node, Select, SyntaxProblem

DISTRESS = {
    "voice": ("frustration", "anger", "hesitation", "trend"),
    "turn": ("frustration",),
}
"""Signals, by group, that may only be asked for a least amount."""


def check(node: Node) -> None:
    """Refuse a rule that asks for anything but a least amount of what a caller suffers.

    Raises:
        SyntaxProblem: what may be asked instead.
    """
    match node:
        case Call("&&" | "||", parts):
            for part in parts:
                check(part)
        case Call(">" | ">=", (left, right)) if _is_distress(left):
            _no_distress(right)
        case Call("<" | "<=", (left, right)) if _is_distress(right):
            _no_distress(left)
        case Call("has", (Select(),)):
            pass
        case _:
            _no_distress(node)


def _is_distress(node: Node) -> bool:
    match node:
        case Select(Name(group), name):
            return name in DISTRESS.get(group, ())
        case Call("[]", (Name(group), Literal("string", name))):
            return name in DISTRESS.get(group, ())
    return False


def _no_distress(node: Node) -> None:
    if _is_distress(node) or _is_group(node):
        *others, last = DISTRESS["voice"]
        msg = (
            f"{', '.join(others)} and {last} of the voice may only help a caller: "
            "ask for a least amount, as in voice.frustration > 0.5, joined by && and ||"
        )
        raise SyntaxProblem(msg, node.at)
    for inner in _parts(node):
        if not (isinstance(node, Select) and _is_group(inner)):
            _no_distress(inner)


def _is_group(node: Node) -> bool:
    """A whole group of variables, out of which anything might be read."""
    return isinstance(node, Name) and node.name in DISTRESS


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Select(operand):
            return (operand,)
        case Call("[]", (Name(group), Literal())) if group in DISTRESS:
            return ()
        case Call(_, arguments, _, target):
            return (*arguments, *([target] if target else []))
        case Listing(items):
            return items
    return ()
