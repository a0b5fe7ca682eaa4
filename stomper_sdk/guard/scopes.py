"""What a Python module defines and binds, and which of its statements can be reached."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

__all__ = ["Definition", "Function", "bindings", "bodies", "definitions", "dotted", "is_text", "live"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
_PYTHON_2 = re.compile(r"sys\.version_info(?:\[0\]|\.major)? (?:== 2|< 3|< \(3,(?: 0)?\))")


@attrs.frozen
class Definition:
    """A function or class, by its dotted name within the module."""

    name: str
    node: Function | ast.ClassDef

    @property
    def is_public(self) -> bool:
        parts = self.name.split(".")
        return not any(part.startswith("_") and not part.endswith("__") for part in parts)


def definitions(tree: ast.Module) -> Mapping[str, Definition]:
    """Functions and classes of a module and of its classes, the last of a name; what is local or can
    never come to be is left out."""
    return {found.name: found for found in _defined(tree.body, "")}


def bindings(tree: ast.Module) -> frozenset[str]:
    """Every name that is bound in the module or in one of its classes, however."""
    return frozenset(_bound(tree.body, ""))


def live(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body that can be reached at all, without those that only choose what cannot."""
    for statement in body:
        match statement:
            case ast.If(test=test) | ast.While(test=test) if _is_never(test):
                yield from live(statement.orelse)
            case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated) if _is_empty(iterated):
                yield from live(statement.orelse)
            case ast.Return() | ast.Raise():
                yield statement
                return
            case _:
                yield statement


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a name or an attribute, `b.c` for one of what has no name, or else nothing."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}".lstrip(".")
    return ""


def _defined(body: Sequence[ast.stmt], prefix: str) -> Iterator[Definition]:
    for node in live(body):
        if isinstance(node, Function | ast.ClassDef):
            yield Definition(f"{prefix}{node.name}{_accessor(node)}", node)
        if isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{prefix}{node.name}.")
        elif not isinstance(node, Function):
            for inner in bodies(node):
                yield from _defined(inner, prefix)


def _accessor(node: Function | ast.ClassDef) -> str:
    """`.setter` or `.deleter` of a property, which has a name with others."""
    names = (dotted(decorator) for decorator in node.decorator_list)
    return next(
        (name[len(node.name) :] for name in names if name in (f"{node.name}.setter", f"{node.name}.deleter")),
        "",
    )


def is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def bodies(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """The blocks of a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, ())
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def _bound(body: Sequence[ast.stmt], prefix: str) -> Iterator[str]:
    for node in live(body):
        if isinstance(node, Function | ast.ClassDef):
            yield prefix + node.name
            yield from _bound(node.body, f"{prefix}{node.name}.") if isinstance(node, ast.ClassDef) else ()
            continue
        for inner in bodies(node):
            yield from _bound(inner, prefix)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr | ast.alias | ast.withitem):
                yield from (prefix + name for name in _names(child))


def _names(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        match child:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]


def _is_never(test: ast.expr) -> bool:
    match test:
        case ast.Constant(value=value):
            return not value
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return bool(value)
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_is_never(value) for value in values)
    return dotted(test).rpartition(".")[2] in ("TYPE_CHECKING", "PY2") or bool(
        _PYTHON_2.fullmatch(ast.unparse(test))
    )


def _is_empty(iterated: ast.expr) -> bool:
    match iterated:
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) | ast.Constant(value=""):
            return True
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0)]):
            return True
        case ast.Call(func=ast.Name(id="list" | "tuple" | "set" | "dict"), args=[], keywords=[]):
            return True
    return False
