"""Tests that do not run, and code under test that is replaced."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from stomper_sdk.guard.scopes import Function, dotted

__all__ = ["patches", "skips"]

_SKIP = re.compile(
    r"(?:\w+\.)*mark\.(?P<mark>skip|skipif|xfail)"
    r"|(?:pytest|unittest|self|cls|case)\.(?P<call>skip\w*|xfail|importorskip|expectedFailure)"
    r"|(?:\w+\.)*(?P<bare>skipTest|SkipTest|skipIf|skipUnless|expectedFailure|skip|xfail|skipif)"
)
_CONDITIONAL = frozenset({"skipif", "skipIf", "skipUnless", "importorskip"})
_LEFT_OUT = ("collect_ignore", "collect_ignore_glob")
_PATCH = re.compile(
    r"(?:\w+\.)*(?:monkeypatch|mp)\.(?:setattr|setitem|delattr)"
    r"|(?:\w+\.)*patch(?:\.(?:object|multiple|dict))?"
)


def skips(before: ast.AST, after: ast.AST) -> tuple[str, int] | None:
    """What a part of a suite is skipped by that was not, with the line; a condition may become another."""
    old, new = list(_skipping(before)), list(_skipping(after))
    always = [each for each in new if each[2]]
    if len(new) <= len(old) and len(always) <= sum(is_always for _, _, is_always in old):
        return None
    word, line, _ = (always or new)[-1]
    return f"skips by `{word}`", line


def patches(function: Function) -> Sequence[str]:
    """What a function puts in the place of other code, as it names it."""
    return list(_patched(function))


def _skipping(node: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """Each way of skipping in a part, without what is defined in it: the word, the line, whether always."""
    for part in _own(node):
        for child in ast.walk(part):
            match child:
                case ast.Call(func=func, args=[test, *_]) if _word(func) in _CONDITIONAL - {"importorskip"}:
                    if isinstance(test, ast.Constant):
                        yield dotted(func), child.lineno, True
                case ast.Assign(targets=[ast.Name(id="__test__")], value=ast.Constant(value=False)):
                    yield "__test__", child.lineno, True
                case ast.Assign(targets=[ast.Name(id=name)]) if name in _LEFT_OUT:
                    yield name, child.lineno, True
                case ast.Attribute() if word := _word(child):
                    yield dotted(child), child.lineno, word not in _CONDITIONAL
                case ast.Call(func=ast.Name() as name) | ast.Raise(exc=ast.Name() as name) if _word(name):
                    yield name.id, name.lineno, name.id not in _CONDITIONAL
        if isinstance(part, ast.Name) and _word(part):
            yield part.id, part.lineno, True  # a decorator


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The decorators and statements of a part; of a class or module, those that define nothing."""
    yield from getattr(node, "decorator_list", ())
    for statement in getattr(node, "body", ()):
        is_definition = isinstance(statement, Function | ast.ClassDef | ast.Import | ast.ImportFrom)
        if isinstance(node, Function) or not is_definition:
            yield statement


def _word(node: ast.AST) -> str:
    """The last part of a name that skips."""
    match = _SKIP.fullmatch(dotted(node))
    return next(filter(None, match.groups()), "") if match else ""


def _patched(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Call(func=func, args=[target, *_]) if _PATCH.fullmatch(dotted(func)):
                yield ast.unparse(target)
            case ast.Assign(targets=[ast.Attribute() as target], value=value) if _is_fake(value):
                yield ast.unparse(target)


def _is_fake(value: ast.expr) -> bool:
    is_mock = isinstance(value, ast.Call) and dotted(value.func).endswith("Mock")
    return is_mock or isinstance(value, ast.Lambda)
