"""The definition around a line: of Python by its syntax tree, of other languages by indentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from stomper_sdk.guard.python import parsed
from stomper_sdk.model.alignment import split_lines

__all__ = ["enclosing"]

_LONG = 60
_DEFINITION = re.compile(
    r"\s*(@|async def|def|class|function|fn|func|impl|pub|public|private|static|export)\b"
)
_CLOSING = re.compile(r"\s*[)\]}]")
_Scope = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def enclosing(path: str, source: str) -> Callable[[int], tuple[int, int]]:
    """What tells the innermost definition around a line; of one that is long, its head.

    Args:
        path: the file; its suffix tells whether it is Python.
        source: its text. Python that cannot be parsed is taken by its indentation.

    Returns:
        A function from a line to the first line that is shown and the one after the last, all counted
        from 0. Outside of definitions that is the line alone.
    """
    tree = parsed(source) if path.endswith((".py", ".pyi")) else None
    if tree is None:
        return partial(_by_indentation, split_lines(source))
    return partial(_by_tree, tuple(_definitions(tree)))


def _definitions(tree: ast.Module) -> Iterator[tuple[int, int, int]]:
    """Of each definition, with its decorators: where it begins, where its head ends, where it ends."""
    for node in ast.walk(tree):
        if isinstance(node, _Scope):
            start = min(part.lineno for part in (node, *node.decorator_list)) - 1
            yield start, max(start + 1, node.body[0].lineno - 1), node.end_lineno or node.lineno


def _by_tree(definitions: Sequence[tuple[int, int, int]], index: int) -> tuple[int, int]:
    around = [each for each in definitions if each[0] <= index < each[2]]
    start, head, end = max(around, default=(index, index + 1, index + 1))
    return (start, end) if end - start <= _LONG else (start, head)


def _by_indentation(lines: Sequence[str], index: int) -> tuple[int, int]:
    """Brackets that close go with the line that opened them."""
    start = _start(lines, index)
    if start is None:
        return index, index + 1
    inside = _indent(lines[start])
    below = range(index + 1, len(lines))
    outside = (n for n in below if _begins(lines[n]) and _indent(lines[n]) <= inside)
    end = next(outside, len(lines))
    return (start, end) if end - start <= _LONG else (start, start + 1)


def _start(lines: Sequence[str], index: int) -> int | None:
    if _DEFINITION.match(lines[index]):
        return index
    indent = _indent(lines[index]) + bool(_CLOSING.match(lines[index]))
    for number in range(index - 1, -1, -1):
        if _begins(lines[number]) and _indent(lines[number]) < indent:
            indent = _indent(lines[number])
            if _DEFINITION.match(lines[number]):
                return number
    return None


def _begins(line: str) -> bool:
    return bool(line.strip()) and not _CLOSING.match(line)


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())
