"""Unified diffs, as `diff -u` writes them and as models do, counts and places wrong; aider's `udiff`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from stomper_sdk.edits.base import Edit, EditError, fence_of

__all__ = ["INSTRUCTIONS", "parse"]

INSTRUCTIONS = """\
Answer with a unified diff, as `diff -U3` writes it:

```diff
--- a/path/to/file.py
+++ b/path/to/file.py
@@ -10,3 +10,2 @@
 a line that stays
-a line that goes
+a line that comes
 a line that stays
```

- Lines that stay and lines that go must be in the file as they are: every blank, comment and indentation,
  without the line numbers that they may be shown with.
- Each hunk has enough lines that stay for its place to be the only one; no more than that needs.
- Paths are relative to the top of the repository; `--- /dev/null` makes a new file."""

_HUNK = re.compile(r"@@+ ?(?:-(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))?)? ?(?:@@+.*)?|@@ .*@@.*")
_NOTHING = "/dev/null"


@attrs.frozen
class _Hunk:
    """What a hunk takes away and what it puts there: whole lines, the last perhaps without its end."""

    before: str
    after: str


def parse(text: str, path: str) -> tuple[Edit, ...]:
    """The hunks of an answer; those before any header are of the file that was asked about.

    Raises:
        EditError: a file is to be deleted.
    """
    lines, edits, at, current, fenced = text.split("\n"), list[Edit](), 0, path, False
    while at < len(lines):
        if _is_header(lines, at):
            current, at = _header_path(lines[at], lines[at + 1], path), at + 2
            continue
        if fence_of(lines[at]):
            fenced = not fenced
        match = _HUNK.fullmatch(lines[at].rstrip())
        if match is None:
            at += 1
            continue
        hunk, at = _counted(lines, at + 1, match) or _uncounted(lines, at + 1, fenced=fenced)
        if hunk.before != hunk.after:
            edits.append(Edit(current, hunk.before, hunk.after, _place(match)))
    return tuple(edits)


def _is_header(lines: Sequence[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def _header_path(old: str, new: str, path: str) -> str:
    one, other = (line[4:].partition("\t")[0].strip().strip('"') for line in (old, new))
    if other == _NOTHING:
        raise EditError(f"{one.removeprefix('a/')} is to be deleted: that is not possible here")
    if other == path:
        return path
    return other.removeprefix("b/") if one.startswith("a/") or one == _NOTHING else other.removeprefix("./")


def _place(match: re.Match[str]) -> int | None:
    """Where the hunk begins once those before it are made: what a diff tells behind its `+`."""
    if match[3] is None:
        return None
    return int(match[3]) + (1 if match[4] == "0" else 0)


def _counted(lines: Sequence[str], at: int, match: re.Match[str]) -> tuple[_Hunk, int] | None:
    """The hunk by the counts of its head; None where they do not fit what follows."""
    if match[1] is None:
        return None
    left, right = (1 if count is None else int(count) for count in (match[2], match[4]))
    taken: list[str] = []
    while (left or right) and at < len(lines):
        sign = lines[at][:1]
        if sign not in (" ", "-", "+", "\\"):
            return None
        left -= sign in (" ", "-")
        right -= sign in (" ", "+")
        taken.append(lines[at])
        at += 1
    if left or right:
        return None
    while at < len(lines) and lines[at].startswith("\\"):
        taken.append(lines[at])
        at += 1
    return None if _goes_on(lines, at) else (_hunk(taken), at)


def _goes_on(lines: Sequence[str], at: int) -> bool:
    """Whether what follows looks like more of the hunk, so that its counts cannot be true."""
    while at < len(lines) and not lines[at]:
        at += 1
    return at < len(lines) and lines[at][0] in " -+" and not _is_header(lines, at)


def _uncounted(lines: Sequence[str], at: int, *, fenced: bool) -> tuple[_Hunk, int]:
    """The hunk up to what cannot be a part of it; in a fence, a line without a sign is one that stays."""
    taken: list[str] = []
    while at < len(lines):
        line = lines[at]
        if line.startswith(("@@", "diff --git ", "index ")) or _is_header(lines, at) or fence_of(line):
            break
        if line and line[0] not in " -+\\":
            if not fenced:
                break
            line = f" {line}"
        taken.append(line or " ")
        at += 1
    end = at
    while taken and not lines[end - 1]:
        taken.pop()
        end -= 1
    return _hunk(taken), at


def _hunk(lines: Sequence[str]) -> _Hunk:
    before, after = list[str](), list[str]()
    for number, line in enumerate(lines):
        if line.startswith("\\"):
            continue
        open_ended = number + 1 < len(lines) and lines[number + 1].startswith("\\")
        content = line[1:] + ("" if open_ended else "\n")
        if line[0] in " -":
            before.append(content)
        if line[0] in " +":
            after.append(content)
    return _Hunk("".join(before), "".join(after))
