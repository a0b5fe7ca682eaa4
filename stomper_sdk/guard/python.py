"""A file of Python before and after a fix, as syntax trees: only of what changed, where that will do."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from stomper_sdk.guard.base import Edit, Refusal

__all__ = ["is_python", "judged", "parsed", "touched", "trees"]

#: What a rule says of a module before and after a fix.
Judge = Callable[[ast.Module, ast.Module], Iterator[Refusal]]

_TOO_LONG = 2_000_000  # characters: nobody wrote that, and rules look at its lines only
_GOES_ON = re.compile(r"[\s)\]}#]|$|(?:else|elif|except|finally)\b")


def is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def judged(edit: Edit, judge: Judge) -> Sequence[Refusal] | None:
    """What a rule says of the modules; None where one is no valid Python, or nested too deep to look into.

    Most of a long module is as it was. So only the statements that a fix touched are read first, and the
    modules as a whole where these alone look refusable, or cannot be read alone.
    """
    try:
        before, after = touched(edit)
        if before and after and not list(judge(before, after)):
            return ()
        before, after = trees(edit)
        return list(judge(before, after)) if before and after else None
    except RecursionError:
        return None


@lru_cache(maxsize=4)  # several rules ask for the same, one after another
def trees(edit: Edit) -> tuple[ast.Module | None, ast.Module | None]:
    return parsed(edit.old), parsed(edit.new)


@lru_cache(maxsize=4)
def touched(edit: Edit) -> tuple[ast.Module | None, ast.Module | None]:
    """The modules, less the top-level statements that no hunk touches or adjoins."""
    old = _kept(edit.old_lines, [(hunk.old, len(hunk.removed)) for hunk in edit.hunks])
    new = _kept(edit.new_lines, [(hunk.new, len(hunk.added)) for hunk in edit.hunks])
    return parsed(old), parsed(new)


#: CPython counts the depth of trees under construction for all threads together (gh-106905).
_ONE_AT_A_TIME = threading.Lock()


def parsed(text: str) -> ast.Module | None:
    """The tree of a module; None where it is no valid Python."""
    if len(text) > _TOO_LONG:
        return None
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a text's own SyntaxWarnings are no business of ours
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _kept(lines: Sequence[str], places: Sequence[tuple[int, int]]) -> str:
    """The text, with blank lines for the top-level statements that none of the places adjoins.

    A place is a line and how many follow. Decorators, branches and closing brackets go on a statement. A
    text within a statement may look like one: what is left can then not be parsed.
    """
    starts, decorated = [0], False
    for number, line in enumerate(lines):
        if not _GOES_ON.match(line):
            if not decorated and number:
                starts.append(number)
            decorated = line.startswith("@")
    touching = (n for at, count in places for n in range(at - 2, at + count))
    kept = [""] * len(lines)
    for block in {max(bisect_right(starts, n) - 1, 0) for n in touching}:
        start, end = starts[block], starts[block + 1] if block + 1 < len(starts) else len(lines)
        kept[start:end] = lines[start:end]
    return "\n".join(kept)
