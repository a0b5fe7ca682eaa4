"""`test_edits` in Python: every test as it was, beside what became of it."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

import attrs

from stomper_sdk.guard.base import Edit, Refusal
from stomper_sdk.guard.claims import Claim, literals
from stomper_sdk.guard.effects import emptied
from stomper_sdk.guard.python import touched, trees
from stomper_sdk.guard.scopes import Function, definitions, dotted, is_text
from stomper_sdk.guard.skips import patches, skips
from stomper_sdk.guard.specs import spec_edits
from stomper_sdk.guard.weakening import claims, weakened

__all__ = ["suite_edits"]

_RULE = "test_edits"
_COLLECTED = ("test_*.py", "*_test.py", "tests.py", "test.py", "test*.py")
_SETS_UP = frozenset({
    "setUp", "setUpClass", "asyncSetUp", "setup_method", "setup_class", "setup_function", "setup_module",
})  # fmt: skip
_HOOKS = ("pytest_collection", "pytest_ignore", "pytest_runtest", "pytest_pyfunc", "pytest_itemcollected")


@attrs.frozen
class Part:
    """A function, class or module of a file of tests, by its dotted name, empty for the module."""

    path: str
    name: str
    node: ast.AST
    is_collected: bool = False

    @cached_property
    def claims(self) -> Sequence[Claim]:
        return claims(self.node) if isinstance(self.node, Function) else ()

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", 0)


Suite = Mapping[tuple[str, str], Part]


def suite_edits(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """What a fix does to tests in Python; by the files as a whole where its hunks alone look refusable.

    Tests that are no valid Python, or nested too deep to look into, are judged by their lines.
    """
    try:
        alone = list(_of_files([(edit, *touched(edit)) for edit in edits]))
        yield from list(_of_files([(edit, *trees(edit)) for edit in edits])) if alone else ()
    except RecursionError:
        yield from spec_edits(edits)


def _of_files(files: Sequence[tuple[Edit, ast.Module | None, ast.Module | None]]) -> Iterator[Refusal]:
    yield from _judged([(edit, before, after) for edit, before, after in files if before and after])
    for edit, before, after in files:
        if before and not after:
            yield Refusal(_RULE, edit.path, 0, edit.path, "leaves tests that are no valid Python")
    yield from spec_edits([edit for edit, before, after in files if not before])


def _judged(files: Sequence[tuple[Edit, ast.Module, ast.Module]]) -> Iterator[Refusal]:
    old = {key: part for edit, tree, _ in files for key, part in _parts(edit.path, tree)}
    new = {key: part for edit, _, tree in files for key, part in _parts(edit.path, tree)}
    elsewhere = frozenset(_came(old, new))
    for key, part in old.items():
        now = new.get(key) or _moved(part, old, new)
        if now is None and part.is_collected:
            yield Refusal(_RULE, part.path, part.line, part.name, f"removes {part.name}")
        elif now is not None:
            name = now.name or now.path
            for said, line in _compared(part, now, elsewhere):
                yield Refusal(_RULE, now.path, line or now.line, name, f"{said} in {name}")
    for key in new.keys() - old.keys():
        yield from _intruding(new[key], any(path == key[0] for path, _ in old))


def _parts(path: str, tree: ast.Module) -> Iterator[tuple[tuple[str, str], Part]]:
    is_file = any(fnmatch.fnmatchcase(PurePosixPath(path).name, glob) for glob in _COLLECTED)
    yield (path, ""), Part(path, "", tree)
    found = definitions(tree)
    for name, each in found.items():
        holder, _, last = name.rpartition(".")
        of = found[holder].node if holder else None
        is_held = not isinstance(of, ast.ClassDef) or of.name.startswith("Test") or bool(of.bases)
        is_test = isinstance(each.node, Function) and last.startswith("test") and is_held and is_file
        yield (path, name), Part(path, name, each.node, is_test)


def _came(old: Suite, new: Suite) -> Iterator[str]:
    """The claims that came to another function than they were in."""
    for key, part in new.items():
        before = {str(claim) for claim in old[key].claims} if key in old else ()
        yield from (str(claim) for claim in part.claims if str(claim) not in before and not claim.conditional)


def _moved(part: Part, old: Suite, new: Suite) -> Part | None:
    """The test as it was renamed or moved, to another class or file: by its name, or by what it does."""
    if not part.is_collected:
        return None
    came = [other for key, other in new.items() if key not in old and other.is_collected]
    return next((other for other in came if _are_same(part, other)), None)


def _are_same(before: Part, after: Part) -> bool:
    if before.name.rpartition(".")[2] == after.name.rpartition(".")[2]:
        return True
    if claimed := {str(claim) for claim in before.claims}:
        return claimed <= {str(claim) for claim in after.claims}
    return _body(before.node) == _body(after.node)


def _body(node: ast.AST) -> str:
    """The text of a body, without docstrings."""
    return "\n".join(ast.unparse(each) for each in getattr(node, "body", ()) if not is_text(each))


def _compared(before: Part, after: Part, elsewhere: frozenset[str]) -> Iterator[tuple[str, int]]:
    """What a part of a suite lost, each with its line."""
    if skipped := skips(before.node, after.node):
        yield skipped
    if not isinstance(before.node, Function) or not isinstance(after.node, Function):
        return
    yield from weakened(before.claims, after.claims, elsewhere)
    if emptied(before.node, after.node):
        yield "leaves nothing", after.line
    if said := _cases(before.node, after.node):
        yield said, after.line
    replaced = patches(after.node)
    if replaced and len(replaced) > len(patches(before.node)):
        yield f"replaces {replaced[-1]}", after.line


def _cases(before: Function, after: Function) -> str:
    """What became of the cases of a parametrized test."""
    for old, new in zip(_parametrized(before), _parametrized(after), strict=False):
        if len(new) < len(old):
            return f"removes {len(old) - len(new)} cases"
        gone, came = (frozenset().union(*map(literals, these.values())) for these in (old, new))
        if gone - came and came - gone:
            return "changes what is expected in the cases"
    return "" if len(_parametrized(after)) >= len(_parametrized(before)) else "removes the cases"


def _parametrized(function: Function) -> Sequence[Mapping[str, ast.expr]]:
    """The cases of each parametrization, by their text: one that is there twice counts once."""
    found = []
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and dotted(call.func).endswith("parametrize"):
            match call.args:
                case [_, ast.List(elts=elts) | ast.Tuple(elts=elts), *_]:
                    found.append({ast.unparse(case): case for case in elts})
    return found


def _intruding(part: Part, is_known: bool) -> Iterator[Refusal]:
    """What a new function does to the tests that are there: hooks of pytest, and replacements for all."""
    if not isinstance(part.node, Function) or not is_known:
        return
    name = part.name.rpartition(".")[2]
    for_all = name in _SETS_UP or any(
        "autouse=True" in ast.unparse(each) for each in part.node.decorator_list
    )
    if name.startswith(_HOOKS):
        yield Refusal(_RULE, part.path, part.line, part.name, f"adds the hook {name}")
    elif for_all and (replaced := patches(part.node)):
        yield Refusal(_RULE, part.path, part.line, part.name, f"replaces {replaced[-1]} in {name}")
    elif for_all and (skipped := skips(ast.Pass(), part.node)):
        yield Refusal(_RULE, part.path, skipped[1], part.name, f"{skipped[0]} in {name}")
