"""What the body of a Python function does, beside being there."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence

from stomper_sdk.guard.scopes import Function, bodies, dotted, live

__all__ = ["emptied"]

_ACTS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom)
_BUILTIN = frozenset(dir(builtins))


def emptied(before: ast.AST, after: ast.AST) -> str:
    """What a fix did to a body that did something: left nothing, or a constant in place of work."""
    if not isinstance(before, Function) or not isinstance(after, Function):
        return ""
    old, new = _effects(before), _effects(after)
    if old and not new:
        return "leaves nothing of the body of"
    match new:
        case [ast.Return(value=value)] if _is_constant(value) and _reads(old):
            return "puts a constant in place of the body of"
        case [ast.Return(value=ast.Name(id=name))] if len(old) > 1 and name in _arguments(after):
            return "only hands back what is given to"
    text = ast.unparse(after)
    lost = [value for value in _given(before) if ast.unparse(value) not in text]
    return "gives nothing back from" if lost and not any(True for _ in _given(after)) else ""


def _given(function: Function) -> Iterator[ast.expr]:
    """What is returned or yielded, but None."""
    waiting: list[ast.AST] = list(live(function.body))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.Yield() | ast.YieldFrom():
                yield node
            case ast.Return(value=ast.expr() as value) if not (
                isinstance(value, ast.Constant) and value.value is None
            ):
                yield value
        waiting.extend(ast.iter_child_nodes(node))


def _arguments(function: Function) -> frozenset[str]:
    args = function.args
    return frozenset(arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs))


def _effects(function: Function) -> Sequence[ast.stmt]:
    """The statements that do more than bind a local name to what has no effect."""
    return [statement for statement in live(function.body) if not _is_idle(statement)]


def _is_idle(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None) | ast.Return(value=ast.Constant(value=None)):
            return True
        case ast.Raise(exc=ast.expr() as error):
            return dotted(error.func if isinstance(error, ast.Call) else error) == "NotImplementedError"
        case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=value):
            return value is None or not any(isinstance(node, _ACTS) for node in ast.walk(value))
        case ast.If() | ast.For() | ast.While():
            return all(_is_idle(inner) for body in bodies(statement) for inner in body)
    return False


def _is_constant(value: ast.expr | None) -> bool:
    match value:
        case ast.Constant() | ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
    return False


def _reads(body: Sequence[ast.stmt]) -> bool:
    """Whether a body reads anything but what Python itself has."""
    names = (node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name))
    return any(name not in _BUILTIN for name in names)
