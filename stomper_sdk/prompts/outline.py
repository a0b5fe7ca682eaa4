"""What a Python file defines, imports and calls, told by its text alone."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import attrs

from stomper_sdk.guard.python import parsed

__all__ = ["Definition", "Import", "Outline", "dotted", "outline"]

_KEPT = 256
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@attrs.frozen
class Definition:
    """A function, class or method: its first and last line, from 1, and the spans that tell what it is.

    `heads` are spans of lines: of a function its signature, of a class that with those of its methods.
    """

    start: int
    end: int
    heads: tuple[tuple[int, int], ...]


@attrs.frozen
class Import:
    """What a local name means: a name of a module, or the module itself where `name` is empty."""

    level: int
    module: str
    name: str = ""


@attrs.frozen
class Outline:
    """`definitions` are by qualified name (`f`, `C`, `C.m`), `imports` by local name, a dotted one where a
    module is imported without another name. `calls` are lines by the last name of what is called there.
    """

    definitions: Mapping[str, Definition]
    imports: Mapping[str, Import]
    calls: Mapping[str, Sequence[int]]


@lru_cache(_KEPT)
def outline(text: bytes) -> Outline:
    """The outline of a file; an empty one where it is no valid Python."""
    tree = parsed(text.decode("utf-8", "replace"))
    if tree is None:
        return Outline({}, {}, {})
    imports: dict[str, Import] = {}
    calls: dict[str, list[int]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imported(node))
        elif isinstance(node, ast.Call):
            calls[dotted(node.func).rpartition(".")[2]].append(node.lineno)
    return Outline(dict(_definitions(tree)), imports, calls)


def dotted(node: ast.expr) -> str:
    """A name with its attributes, as `a.b.c`; of anything else what follows it, as `.c`."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.asname or alias.name, Import(0, alias.name)
        else:
            yield alias.asname or alias.name, Import(node.level, node.module or "", alias.name)


def _definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Of the top level, also in its branches, and of its classes."""
    pending: list[tuple[str, ast.stmt]] = [("", statement) for statement in tree.body]
    while pending:
        prefix, node = pending.pop(0)
        if isinstance(node, _Definition):
            yield f"{prefix}{node.name}", _definition(node)
        if isinstance(node, ast.ClassDef):
            pending += [(f"{prefix}{node.name}.", statement) for statement in node.body]
        elif isinstance(node, ast.If | ast.Try):
            inner = (*node.body, *node.orelse, *getattr(node, "finalbody", ()))
            pending += [(prefix, statement) for statement in inner]


def _definition(node: _Definition) -> Definition:
    heads = [_head(node)]
    if isinstance(node, ast.ClassDef):
        heads += [_head(inner) for inner in node.body if isinstance(inner, _Function)]
        heads += [
            (inner.lineno, inner.end_lineno or inner.lineno)
            for inner in node.body
            if isinstance(inner, ast.AnnAssign)
        ]
    return Definition(_first(node), node.end_lineno or node.lineno, tuple(sorted(heads)))


def _head(node: _Definition) -> tuple[int, int]:
    """From the first decorator to the end of the docstring's first line, or to where the body begins."""
    body = node.body[0]
    if isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant):
        return _first(node), body.lineno
    return _first(node), max(body.lineno - 1, node.lineno)


def _first(node: _Definition) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
