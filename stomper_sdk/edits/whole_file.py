"""Whole files, each in a fence under its path; aider's format `whole`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from stomper_sdk.edits.base import Edit, EditError, fence_of, named_path

__all__ = ["INSTRUCTIONS", "parse"]

INSTRUCTIONS = """\
Answer with every file that you change, whole, in a fence under a line with its path:

path/to/file.py
```
all lines of the file, also those that stay as they are
```

- Write every line, without the line numbers that it may be shown with. Never write `...` or a comment in the
  place of code.
- Where the file itself has a line of three backticks, take four for the fence."""

_ABOVE = 2


@attrs.frozen
class _Block:
    """A fenced block: the path that it is under, empty for none, and what it holds."""

    path: str
    lines: tuple[str, ...]


def parse(text: str, path: str) -> tuple[Edit, ...]:
    """The files of an answer; one block without a path is the file that was asked about.

    Raises:
        EditError: there are several blocks and none has a path.
    """
    blocks = list(_blocks(text.split("\n"), path))
    named = [block for block in blocks if block.path]
    if not named and len(blocks) > 1:
        raise EditError("the answer has several fenced blocks and no path: write the path above the file's")
    chosen = named or blocks
    return tuple(dict.fromkeys(Edit(block.path or path, None, _joined(block.lines)) for block in chosen))


def _blocks(lines: Sequence[str], path: str) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        fence = fence_of(lines[at])
        if fence is None:
            at += 1
            continue
        end = _end(lines, at, fence[0])
        content = lines[at + 1 : end]
        named = _named(lines[:at], fence[1], path)
        # `# src/a.py` as the first line is the way of some models to name the file.
        if not named and content and content[0].lstrip("#/ ") == path:
            named, content = path, content[1:]
        yield _Block(named or "", tuple(content))
        at = end + 1


def _end(lines: Sequence[str], start: int, mark: str) -> int:
    """Where a block ends; a fence inside it that says what it holds is closed first."""
    opened = 0
    for at in range(start + 1, len(lines)):
        fence = fence_of(lines[at])
        if fence is None or not fence[0].startswith(mark):
            continue
        if fence[1]:
            opened += 1
        elif opened:
            opened -= 1
        else:
            return at
    return len(lines) - 1 if not lines[-1] else len(lines)


def _named(above: Sequence[str], info: str, path: str) -> str | None:
    """The path in the line above a fence, or in the fence itself: ```python a.py, ```python:a.py."""
    for word in reversed(info.replace(":", " ").split()):
        if named := named_path(word.removeprefix("file=").removeprefix("title=").strip("\"'"), path):
            return named
    for line in [*above[: -_ABOVE - 1 : -1]]:
        if line.strip():
            return named_path(line, path)
    return None


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
