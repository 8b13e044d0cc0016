"""Small changes of a module's source, such as a hurried author would make, one at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Change", "applied", "changes"]

T = TypeVar("T")

_OTHER_EDGE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COPIES = {"dict", "list", "tuple", "sorted", "copied", "set"}
_OTHER_NAME = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SMALL = 64  # a larger number is a declared bound, and one more or less is another bound
_TELLS_NOTHING = {"hint"}  # arguments that are for people


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One node in place of another: ``owner.field``, or its item ``index``."""

    line: int
    what: str
    owner: ast.AST
    field: str
    index: int | None
    new: object

    def swap(self, node: object) -> object:
        """Put ``node`` there and return what was there."""
        if self.index is None:
            old = getattr(self.owner, self.field)
            setattr(self.owner, self.field, node)
            return old
        items: list[object] = getattr(self.owner, self.field)
        old, items[self.index] = items[self.index], node
        return old


@contextmanager
def applied(change: Change) -> Iterator[None]:
    """The tree with the change in it, for a while."""
    old = change.swap(change.new)
    try:
        yield
    finally:
        change.swap(old)


def changes(tree: ast.Module) -> list[Change]:
    """All changes of what the module does, in the order of its lines.

    Annotations, docstrings, decorators and what errors say are left alone.
    """
    found: list[Change] = []
    for owner, field, index, node in _places(tree):
        at = getattr(node, "lineno", getattr(owner, "lineno", 0))
        found += [Change(at, what, owner, field, index, new) for what, new in _instead(node)]
    return sorted(found, key=lambda one: one.line)


def _places(owner: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node that may be changed, and where it hangs."""
    for field, value in ast.iter_fields(owner):
        if field in ("annotation", "returns", "decorator_list", "bases", "ctx"):
            continue
        if isinstance(owner, ast.Raise) or field in ("targets", "target"):
            continue
        if isinstance(owner, ast.BinOp) and isinstance(owner.op, ast.LShift):
            continue
        items = value if isinstance(value, list) else [value]
        for number, node in enumerate(items):
            if not isinstance(node, ast.AST) or _says_nothing(node):
                continue
            yield owner, field, number if isinstance(value, list) else None, node
            yield from _places(node)


def _says_nothing(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.keyword(arg=str(name)):
            return name in _TELLS_NOTHING
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


def _instead(node: ast.AST) -> Iterator[tuple[str, object]]:
    """What may stand in place of a node."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right):
            other = _OTHER_EDGE[type(op)]()
            yield (
                f"{type(op).__name__} -> {type(other).__name__}",
                ast.Compare(left, [other], right),
            )
        case ast.BoolOp(op=op, values=values):
            turned = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and <-> or", ast.BoolOp(turned, values)
            for number in range(len(values)):
                yield f"part {number} dropped", _joined(op, _without(values, number))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield "not dropped", inner
        case ast.IfExp(body=body, orelse=orelse):
            yield "always the first", body
            yield "always the other", orelse
        case ast.Constant(value=bool(value)):
            yield f"{value} -> {not value}", ast.Constant(not value)
        case ast.Constant(value=int(number) | float(number)) if abs(number) <= _SMALL:
            yield "constant + 1", ast.Constant(number + 1)
            yield "constant - 1", ast.Constant(number - 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield "+ -> -", ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield "- -> +", ast.BinOp(left, ast.Add(), right)
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield "slice from the beginning", ast.Slice(None, upper)
            if upper is not None:
                yield "slice to the end", ast.Slice(lower, None)
        case ast.comprehension(target=target, iter=source, ifs=ifs, is_async=is_async):
            for number in range(len(ifs)):
                kept = _without(ifs, number)
                yield "filter dropped", ast.comprehension(target, source, kept, is_async)
        case ast.Call():
            yield from _calls(node)


def _statements(node: ast.stmt) -> Iterator[tuple[str, object]]:
    match node:
        case ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Expr():
            yield "statement removed", ast.Pass()
        case ast.Break() | ast.Continue():
            yield "statement removed", ast.Pass()
        case ast.Return(value=value) if value is not None:
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield "returns None", ast.Return(ast.Constant(None))
        case ast.If(body=body, orelse=orelse):
            yield "if always", _always(body)
            yield "if never", _always(orelse or [ast.Pass()])
        case ast.With(body=body) | ast.AsyncWith(body=body):
            yield "with removed", _always(body)
        case ast.For(target=target, iter=source, body=body):
            yield "only the first turn", ast.For(target, source, [*body, ast.Break()], [])
            for what, part in (("last", ast.Slice(None, ast.Constant(-1))), ("first", _from(1))):
                short = ast.Subscript(ast.Call(ast.Name("list"), [source], []), part, ast.Load())
                yield f"without the {what} turn", ast.For(target, short, body, [])
        case ast.While(test=test, body=body):
            yield "only one turn", ast.If(test, body, [])


def _calls(node: ast.Call) -> Iterator[tuple[str, object]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    given, named = node.args, node.keywords
    if name in _OTHER_NAME:
        yield f"{name} -> {_OTHER_NAME[name]}", ast.Call(ast.Name(_OTHER_NAME[name]), given, named)
    if name in _COPIES and len(given) == 1:
        yield f"{name} dropped", given[0]
    if name == "sorted" and all(one.arg != "reverse" for one in named):
        turned = [*named, ast.keyword("reverse", ast.Constant(value=True))]
        yield "reversed", ast.Call(node.func, given, turned)
    for number, one in enumerate(named):
        if one.arg not in _TELLS_NOTHING:
            kept = _without(named, number)
            yield f"argument {one.arg} dropped", ast.Call(node.func, given, kept)
    for number in range(len(given) - 1):
        swapped = [*given]
        swapped[number : number + 2] = given[number + 1], given[number]
        yield f"arguments {number} and {number + 1} swapped", ast.Call(node.func, swapped, named)
    for number in range(len(named) - 1):
        one, two = named[number : number + 2]
        crossed = [*named]
        crossed[number : number + 2] = (
            ast.keyword(one.arg, two.value),
            ast.keyword(two.arg, one.value),
        )
        yield f"{one.arg} and {two.arg} swapped", ast.Call(node.func, given, crossed)


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(op, values)


def _without(items: Sequence[T], number: int) -> list[T]:
    return [*items[:number], *items[number + 1 :]]


def _always(body: list[ast.stmt]) -> ast.If:
    return ast.If(ast.Constant(value=True), body, [])


def _from(number: int) -> ast.Slice:
    return ast.Slice(ast.Constant(number), None)
