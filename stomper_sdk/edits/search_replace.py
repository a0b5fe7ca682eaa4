"""Blocks of lines to search, and of lines to put in their place; aider's format `diff`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stomper_sdk.edits.base import Edit, EditError, fence_of, named_path

__all__ = ["INSTRUCTIONS", "parse"]

INSTRUCTIONS = """\
Answer with one or more blocks of this form, each under a line with the path of its file:

path/to/file.py
```
<<<<<<< SEARCH
lines that are in the file
=======
lines to put in their place
>>>>>>> REPLACE
```

- The SEARCH part must be whole lines of the file as they are: every blank, comment and indentation, without
  the line numbers that they may be shown with. It must be found at exactly one place: take in a line or two
  around where it is not, and no more than that needs.
- Change several places with several blocks, in the order of the file.
- An empty SEARCH part makes a new file; an empty REPLACE part deletes the lines.
- Never write `...` or a comment in the place of code."""

_HEAD = re.compile(r"\s{0,3}(<{5,9}) ?(?:SEARCH|ORIGINAL)\b[:>]?\s*(.*)")
_DIVIDER = re.compile(r"\s{0,3}={5,9}\s*")
_TAIL = re.compile(r"\s{0,3}>{5,9} ?(?:REPLACE|UPDATED)\b.*")
_ABOVE = 3


def parse(text: str, path: str) -> tuple[Edit, ...]:
    """The blocks of an answer; one without a path is of the file of the block before it.

    Raises:
        EditError: a block has no end or no middle.
    """
    lines, edits, at, current = text.split("\n"), list[Edit](), 0, path
    while at < len(lines):
        head = _HEAD.fullmatch(lines[at])
        if head is None:
            at += 1
            continue
        end = _tail(lines, at + 1)
        current = named_path(head[2], path) or _path_above(lines[:at], path) or current
        before, after = _halves(lines[at + 1 : end], len(head[1]))
        edits.append(Edit(current, before, after))
        at = end + 1
    return tuple(edits)


def _tail(lines: Sequence[str], start: int) -> int:
    for at in range(start, len(lines)):
        if _TAIL.fullmatch(lines[at]):
            return at
        if _HEAD.fullmatch(lines[at]):
            break
    raise EditError("a block begins with <<<<<<< SEARCH and does not end with >>>>>>> REPLACE")


def _halves(lines: Sequence[str], width: int) -> tuple[str, str]:
    """What stands before and after the divider: one as wide as the head where there is one."""
    dividers = [at for at, line in enumerate(lines) if _DIVIDER.fullmatch(line)]
    fitting = [at for at in dividers if len(lines[at].strip()) == width]
    if not dividers:
        raise EditError("a block has no line ======= between what it searches and what it puts there")
    at = (fitting or dividers)[0]
    return _joined(lines[:at]), _joined(lines[at + 1 :])


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _path_above(above: Sequence[str], path: str) -> str | None:
    """The path in the lines above a block, or in its fence; fences and empty lines may stand between."""
    for line in [*above[: -_ABOVE - 1 : -1]]:
        fence = fence_of(line)
        told = fence[1].rpartition(" ")[2].rpartition(":")[2] if fence else line
        named = named_path(told, path, in_sentence=True)
        if named or (line.strip() and not fence):
            return named
    return None
