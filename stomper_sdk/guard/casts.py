"""`any_casts`: a type checker that is told nothing, or told otherwise, finds nothing."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import attrs

from stomper_sdk.guard.base import Edit, Hunk, Refusal, changes
from stomper_sdk.guard.python import is_python, judged
from stomper_sdk.guard.scopes import Function, dotted

__all__ = ["any_casts"]

_RULE = "any_casts"
_ANY = frozenset({"Any", "Incomplete"})
# What may be written otherwise, or be left out, without a type being lost.
_FORMS = frozenset({"Optional", "Union", "Annotated", "None", "typing", "t", "collections", "abc"})
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
_NO_CODE = re.compile(
    r"\\.|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|//.*|/\*.*?(?:\*/|$)|^\s*\*.*"
)
_WIDE = re.compile(
    r"\bas\s+(?:any|never)\b(?:\[\])?|\bas\s+unknown\s+as\b"
    r"|(?<=[:<,|&=(])\s*any\b(?=\s*(?:\[\]|[>,)|&;={]|$))"
    r"|(?<=[\w)\]])!(?=[.\[;,)])"
)


@attrs.frozen
class Typed:
    """Something that has a type: how it is annotated, None where it is not."""

    line: int
    annotation: ast.expr | None
    is_variable: bool = False


def any_casts(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Annotations that became `Any` or `object` or are gone, and casts that came."""
    for edit, hunks in changes(edits):
        if is_python(edit.path):
            yield from judged(edit, partial(_python, edit)) or ()
        elif edit.path.endswith(_TYPESCRIPT):
            yield from _typescript(edit, hunks)


def _python(edit: Edit, before: ast.Module, after: ast.Module) -> Iterator[Refusal]:
    old, new = _by_name(before), _by_name(after)
    # A variable that is annotated at another of its places has that type at all of them.
    kept = {(name, _shown(typed)) for (name, _), typed in new.items() if typed.is_variable}
    for (name, number), typed in new.items():
        was = old.get((name, number))
        elsewhere = typed.is_variable and typed.annotation is None and (name, _shown(was)) in kept
        if not elsewhere and (said := _widened(name, was, typed)):
            yield Refusal(_RULE, edit.path, typed.line, name, said)
    known = Counter(_casts(before))
    for node in ast.walk(after):
        for kind in _cast(node):
            known[kind] -= 1
            if known[kind] < 0:
                line = getattr(node, "lineno", 0)
                yield Refusal(_RULE, edit.path, line, kind, f"adds `{ast.unparse(node)}`")


def _shown(typed: Typed | None) -> str:
    return ast.unparse(typed.annotation) if typed and typed.annotation else ""


def _by_name(tree: ast.Module) -> Mapping[tuple[str, int], Typed]:
    """What has a type, by its name and how many of that name came before it: there may be overloads."""
    found: dict[tuple[str, int], Typed] = {}
    seen = Counter[str]()
    for name, typed in _typed(tree, ""):
        found[name, seen[name]] = typed
        seen[name] += 1
    return found


def _widened(name: str, before: Typed | None, after: Typed) -> str:
    """What became of a type; empty where it is as narrow as it was, or where nobody knew it."""
    old = before.annotation if before else None
    if after.annotation is None:
        return f"takes the type {ast.unparse(old)} off {name}" if old else ""
    new = _names(after.annotation)
    said = f"widens the type of {name} to {ast.unparse(after.annotation)}"
    if old is None:
        bare = bool(before) and after.is_variable and dotted(after.annotation).rpartition(".")[2] in _ANY
        return said if bare else ""
    lost = {each.lower() for each in _names(old) - _FORMS} - {each.lower() for each in new}
    if _ANY & new and not _ANY & _names(old):
        return said if lost or _ANY & _union(after.annotation) else ""
    is_method = name.rpartition(".")[0].endswith("__")
    return said if "object" in _union(after.annotation) and lost - {"any"} and not is_method else ""


def _typed(node: ast.AST, prefix: str) -> Iterator[tuple[str, Typed]]:
    """Arguments, results, variables and fields by their dotted names; `f()` is the result of `f`."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _signature(child, f"{prefix}{name}")
                yield from _typed(child, f"{prefix}{name}.")
            case ast.ClassDef(name=name):
                yield from _typed(child, f"{prefix}{name}.")
            case ast.AnnAssign(target=target, annotation=annotation):
                yield prefix + ast.unparse(target), Typed(child.lineno, annotation, True)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                is_alias = dotted(value).rpartition(".")[2] in _ANY
                yield prefix + name, Typed(child.lineno, value if is_alias else None, True)
            case ast.Assign(targets=[ast.Attribute() as target]):
                yield prefix + ast.unparse(target), Typed(child.lineno, None, True)
            case ast.expr():
                continue
            case _:
                yield from _typed(child, prefix)


def _signature(function: Function, name: str) -> Iterator[tuple[str, Typed]]:
    args = function.args
    for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
        if arg and arg.arg not in ("self", "cls"):
            yield f"{name}.{arg.arg}", Typed(arg.lineno, arg.annotation)
    yield f"{name}()", Typed(function.lineno, function.returns)


def _names(annotation: ast.expr) -> frozenset[str]:
    """Every name in an annotation, also in quotes, without what it is an attribute of."""
    text = re.sub(r"['\"]", "", ast.unparse(annotation))
    return frozenset(name.rpartition(".")[2] for name in re.findall(r"[\w.]+", text))


def _union(annotation: ast.expr) -> frozenset[str]:
    """The names that stand for all that a thing can be."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            return _union(left) | _union(right)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=elts)) if dotted(value).endswith("Union"):
            return frozenset(name for each in elts for name in _union(each))
        case ast.Subscript(value=value, slice=inner) if dotted(value).endswith(("Optional", "Annotated")):
            return _union(inner)
        case ast.Constant(value=str(text)):
            return frozenset({text.rpartition(".")[2]})
    return frozenset({dotted(annotation).rpartition(".")[2]})


def _casts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        yield from _cast(node)


def _cast(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=func, args=[to, _]) if dotted(func) in ("cast", "typing.cast", "t.cast"):
            yield "cast"
            if _ANY & _names(to):
                yield "cast to Any"


def _typescript(edit: Edit, hunks: Sequence[Hunk]) -> Iterator[Refusal]:
    for hunk in hunks:
        gone = Counter(word for _, line in hunk.removed for word in _wide(line))
        for number, line in hunk.added:
            words = Counter(_wide(line))
            for word in words - gone:
                yield Refusal(_RULE, edit.path, number, word, f"widens a type by `{word}`")
            gone -= words


def _wide(line: str) -> Iterator[str]:
    code = _NO_CODE.sub("''", line)
    yield from (re.sub(r"\s+", " ", match[0].strip()) for match in _WIDE.finditer(code))
