"""`deletions`: code that is gone has no findings; that is no fix either."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import PurePosixPath

from stomper_sdk.guard.base import Edit, Refusal
from stomper_sdk.guard.effects import emptied
from stomper_sdk.guard.offers import empty, offered
from stomper_sdk.guard.python import is_python, judged, parsed
from stomper_sdk.guard.scopes import Definition, Function, bindings, definitions
from stomper_sdk.guard.tests import is_test

__all__ = ["deletions"]

_RULE = "deletions"
_LITTLE = 2
_OF_PYTHON_2 = frozenset(
    {"__ne__", "__nonzero__", "__unicode__", "__cmp__", "__div__", "__getslice__", "__hex__"}
)
_MADE = frozenset({"__init__", "__repr__", "__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__"})


def deletions(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Files, public functions, classes, methods and fields that are gone, and bodies that are empty now.

    What came to another place of the fix has moved there. Tests that are gone are for `test_edits`.
    """
    kept = frozenset(name for edit in edits for name in _came(edit))
    texts = frozenset(edit.new for edit in edits if edit.before is None)
    for edit in edits:
        if edit.after is None:
            names = offered(edit.path, edit.old)
            if edit.old not in texts and not (names and names <= kept):
                yield Refusal(_RULE, edit.path, 0, edit.path, "removes the file")
        elif edit.old.strip() and not edit.new.strip() and not _held_little(edit):
            yield Refusal(_RULE, edit.path, 0, edit.path, "empties the file")
        elif is_python(edit.path) and (said := judged(edit, partial(_python, edit, kept))) is not None:
            yield from said
        else:
            yield from _others(edit, kept)


def _held_little(edit: Edit) -> bool:
    """Whether nothing is lost where a file is emptied: imports that nobody needed, a line or two of prose."""
    tree = parsed(edit.old) if is_python(edit.path) else None
    if tree is None:
        lines = [line for line in edit.old_lines if line.strip()]
        return len(lines) <= _LITTLE and not is_python(edit.path) and not offered(edit.path, edit.old)
    idle = (ast.Import, ast.ImportFrom, ast.Pass)
    return all(
        isinstance(node, idle) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def _came(edit: Edit) -> frozenset[str]:
    """What a file offers in lines that are new, and did not in those that are gone."""
    removed, added = (
        "\n".join(line for hunk in edit.hunks for _, line in lines(hunk))
        for lines in (attrgetter("removed"), attrgetter("added"))
    )
    return offered(edit.path, added) - offered(edit.path, removed)


def _others(edit: Edit, kept: frozenset[str]) -> Iterator[Refusal]:
    before = offered(edit.path, edit.old)
    for name in sorted(before - offered(edit.path, edit.new) - kept):
        yield Refusal(_RULE, edit.path, 0, name, f"removes {name}")
    emptied_now = empty(edit.path, edit.new) - empty(edit.path, edit.old) if before else frozenset()
    for name in sorted(emptied_now & before):
        yield Refusal(_RULE, edit.path, 0, name, f"leaves nothing of the body of {name}")


def _python(edit: Edit, kept: frozenset[str], before: ast.Module, after: ast.Module) -> Iterator[Refusal]:
    old, new, bound = definitions(before), definitions(after), bindings(after)
    gone = {
        name: found.node.lineno
        for name, found in old.items()
        if found.is_public and name not in bound and name not in new and name.rpartition(".")[2] not in kept
        if not _is_given_anyway(found.node, new.get(name.rpartition(".")[0]))
    }
    if not is_test(edit.path):
        for name, line in gone.items():
            if name.rpartition(".")[0] not in gone:
                yield Refusal(_RULE, edit.path, line, name, f"removes {name}")
        for name in sorted(_unexported(edit, before, after) | _fields(edit, before, after) - gone.keys()):
            yield Refusal(_RULE, edit.path, 0, name, f"removes {name}")
    for name, found in new.items():
        if name in old and (said := emptied(old[name].node, found.node)):
            yield Refusal(_RULE, edit.path, found.node.lineno, name, f"{said} {name}")


def _is_given_anyway(node: Function | ast.ClassDef, holder: Definition | None) -> bool:
    """Whether a method is none of Python 3, is inherited, or is made by a decorator of its class."""
    if node.name in _OF_PYTHON_2 or not holder or not isinstance(node, Function):
        return node.name in _OF_PYTHON_2
    is_made = bool(holder.node.decorator_list) and node.name in _MADE
    return is_made or (len(node.body) == 1 and f"super().{node.name}(" in ast.unparse(node.body[0]))


def _fields(edit: Edit, before: ast.Module, after: ast.Module) -> frozenset[str]:
    """Public names that a class gave and does not give any more, nor its instances."""
    kept, bound = definitions(after), bindings(after)
    gone = {
        name
        for name in bindings(before) - bound - definitions(before).keys()
        if name.rpartition(".")[0] in kept and not name.rpartition(".")[2].startswith("_")
    }
    return frozenset(name for name in gone if f"self.{name.rpartition('.')[2]}" not in edit.new)


def _unexported(edit: Edit, before: ast.Module, after: ast.Module) -> frozenset[str]:
    """Names that are not exported any more: in `__all__`, or of what a package imports from itself."""
    listed, lists = _all(before), _all(after)
    if listed and lists:
        return frozenset(name for name in listed - lists if _is_code(name, edit.old))
    if PurePosixPath(edit.path).name != "__init__.py":
        return frozenset()
    own = PurePosixPath(edit.path).parts[:-1]
    imported = {
        alias.asname or alias.name
        for node in before.body
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] in own)
        for alias in node.names
    }
    return frozenset(name for name in imported - bindings(after) - listed if not name.startswith("_"))


def _is_code(name: str, text: str) -> bool:
    """Whether a name stands in a text, not only in quotes."""
    return re.search(rf"(?<![\w\"']){re.escape(name)}\b(?![\"'])", text) is not None


def _all(tree: ast.Module) -> frozenset[str]:
    """What `__all__` lists, where it is written out."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as value):
                constants = (each.value for each in value.elts if isinstance(each, ast.Constant))
                return frozenset(each for each in constants if isinstance(each, str))
    return frozenset()
