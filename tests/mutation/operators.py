"""What is changed in a function: one place, one change; the tests must see each.

Asserts stay as they are: they state for the type checker what the state machine guarantees.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Pow: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
ENUMS: Final = ("Audio", "CallEnd", "ConversationState", "LogEvent", "Next", "RecordingState", "Then")
LEFT_OUT_OF: Final = ("replace", "telemetry")
"""Calls whose keyword arguments are left out one by one; elsewhere that is mostly a TypeError."""


@dataclass(frozen=True)
class Change:
    """`place.name` (or its item `index`) becomes `value`; a reader is shown `node` and what it becomes."""

    node: ast.AST
    place: ast.AST
    name: str
    value: Any
    index: int | None = None
    after: str = ""

    @contextmanager
    def made(self) -> Iterator[None]:
        """The tree with the change in it, and as it was again."""
        before = self._held()
        self._set(self.value)
        yield
        self._set(before)

    def description(self) -> str:
        before, removed = ast.unparse(self.node), self._held() is self.node
        with self.made():
            after = self.after or ast.unparse(self.value if removed else self.node)
        return f"{_short(before)}  →  {_short(after)}"

    def _held(self) -> Any:
        holder = getattr(self.place, self.name)
        return holder if self.index is None else holder[self.index]

    def _set(self, value: Any) -> None:
        if self.index is None:
            setattr(self.place, self.name, value)
        else:
            getattr(self.place, self.name)[self.index] = value


def changes(function: ast.FunctionDef, members: dict[str, list[str]]) -> Iterator[Change]:
    """Every change in a function's body; `members` are the names of each enum's members, in order."""
    for statement in _without_docstring(function):
        yield from _within(statement, members)
    yield from _of_statements(function)


def _within(node: ast.AST, members: dict[str, list[str]]) -> Iterator[Change]:
    if isinstance(node, ast.Assert):
        return
    for kind, operator in _OPERATORS:
        if isinstance(node, kind):
            yield from operator(node)
    if isinstance(node, ast.Attribute):
        yield from _enum_member(node, members)
    yield from _of_statements(node)
    for name, child in _children(node):
        if name not in ("annotation", "returns", "decorator_list"):
            yield from _within(child, members)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _without_docstring(function: ast.FunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) else function.body


# --- expressions -------------------------------------------------------------------------------------


def _comparison(node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        yield Change(node, node, "ops", COMPARISONS[type(operator)](), index)


def _connective(node: ast.BoolOp) -> Iterator[Change]:
    yield Change(node, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[Change]:
    if type(node.op) in ARITHMETIC:
        yield Change(node, node, "op", ARITHMETIC[type(node.op)]())


def _constant(node: ast.Constant) -> Iterator[Change]:
    match node.value:
        case bool():
            yield Change(node, node, "value", not node.value)
        case int() | float():
            yield Change(node, node, "value", node.value + 1)
        case str():
            yield Change(node, node, "value", f"XX{node.value}")


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[Change]:
    yield Change(node, node, "test", ast.UnaryOp(ast.Not(), node.test))


def _filter(node: ast.comprehension) -> Iterator[Change]:
    for index, test in enumerate(node.ifs):
        yield Change(node, node, "ifs", ast.UnaryOp(ast.Not(), test), index)


def _negation(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield Change(node, node, "operand", ast.UnaryOp(ast.Not(), node.operand))


def _left_out(node: ast.Call) -> Iterator[Change]:
    if ast.unparse(node.func).rpartition(".")[2] in LEFT_OUT_OF:
        for index in range(len(node.keywords)):
            rest = [keyword for at, keyword in enumerate(node.keywords) if at != index]
            yield Change(node.keywords[index], node, "keywords", rest, after="left out")


def _enum_member(node: ast.Attribute, members: dict[str, list[str]]) -> Iterator[Change]:
    if isinstance(node.value, ast.Name) and node.attr in (names := members.get(node.value.id, [])):
        yield Change(node, node, "attr", names[(names.index(node.attr) + 1) % len(names)])


# --- statements --------------------------------------------------------------------------------------


def _value(node: ast.Return | ast.Assign) -> Iterator[Change]:
    if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield Change(node, node, "value", ast.Constant(None))


def _case(node: ast.match_case) -> Iterator[Change]:
    if not _is_never(node.body[0]):
        yield Change(node, node, "guard", ast.Constant(False))


def _is_never(statement: ast.stmt) -> bool:
    """It stands there for the type checker, which has proved that nothing comes to it."""
    return ast.unparse(statement).startswith("assert_never(")


def _of_statements(node: ast.AST) -> Iterator[Change]:
    """Calls and raises that are left out, loops that end or go on."""
    for name in ("body", "orelse", "finalbody"):
        listed = getattr(node, name, [])
        for index, statement in enumerate(listed if isinstance(listed, list) else []):
            if (instead := _instead_of(statement)) is not None:
                yield Change(statement, node, name, instead, index)


def _instead_of(statement: ast.stmt) -> ast.stmt | None:
    if _is_never(statement):
        return None
    match statement:
        case ast.Expr(value=ast.Call()) | ast.Raise():
            return ast.Pass()
        case ast.Continue():
            return ast.Break()
        case ast.Break():
            return ast.Continue()
    return None


_OPERATORS: Final[tuple[tuple[Any, Callable[[Any], Iterator[Change]]], ...]] = (
    (ast.Compare, _comparison),
    (ast.BoolOp, _connective),
    (ast.BinOp | ast.AugAssign, _arithmetic),
    (ast.Constant, _constant),
    (ast.If | ast.While | ast.IfExp, _condition),
    (ast.comprehension, _filter),
    (ast.UnaryOp, _negation),
    (ast.Call, _left_out),
    (ast.Return | ast.Assign, _value),
    (ast.match_case, _case),
)


def _short(text: str) -> str:
    return " ".join(text.split())[:160]
