"""What an edit is, why one is refused, and how answers name files and fence what they show."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import attrs

__all__ = ["Edit", "EditError", "fence_of", "left_out", "named_path"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*(.*)")
_DECORATION = re.compile(
    r"^(?:[#>*\s-]*\s)?(?:(?:file ?name|file|path)\s*:\s*|file(?: ?name)?\s+)?", re.IGNORECASE
)
_QUOTED = re.compile(r"`([^`\s]+)`")
_ELLIPSIS = re.compile(r"\s*(?:\.{3}|…)\s*")
_COMMENT = re.compile(r"\s*(?:#|//|--|;|/\*|<!--)+\s*(.*?)\s*(?:\*/|-->)?\s*")
_DOTS = re.compile(r"\.{3}|…")
_ELIDED = re.compile(r"\b(?:existing|rest|remain\w*|unchanged|omitted|same as|as before)\b", re.IGNORECASE)
_REST = re.compile(r"(?:the )?(?:rest|remainder) of (?:the|this|your) .*", re.IGNORECASE)


class EditError(ValueError):
    """An answer's edits cannot be taken; the message tells the model what to do about it."""


@attrs.frozen
class Edit:
    """One change of one file.

    Attributes:
        path: the file, relative to the top of the workspace.
        before: the lines to replace; None for the whole file, whatever it holds.
        after: what comes instead.
        line: where a diff says that `before` begins once the edits before it are made, counted from 1; None
            where nothing says so.
    """

    path: str
    before: str | None
    after: str
    line: int | None = None


def fence_of(line: str) -> tuple[str, str] | None:
    """The fence that a line is, and what is written behind it; None for any other line."""
    match = _FENCE.fullmatch(line.rstrip())
    return (match[1], match[2].strip()) if match and "`" not in match[2] else None


def named_path(line: str, path: str, *, in_sentence: bool = False) -> str | None:
    """The file that a line names, alone or decorated as in `### File: **a.py**:`; None where it names none.

    A word that is no path by its look counts only where it is the file that was asked about.
    """
    text = _DECORATION.sub("", line.strip(), count=1).strip()
    text = text.rstrip(":").strip("*`\"'").rstrip(":").strip().replace("\\_", "_").removeprefix("./")
    if text == path:
        return text
    if re.search(r"\s", text):
        # As in "Now `src/b.py`:"; a dot alone may be that of a module.
        words = _QUOTED.findall(line) if in_sentence else ()
        told = {word for word in words if "/" in word and PurePosixPath(word).suffix}
        return told.pop() if len(told) == 1 else None
    if not text or _ELLIPSIS.fullmatch(text):
        return None
    looks = "/" in text or (PurePosixPath(text).suffix and text[-1].isalnum())
    return text if looks and re.fullmatch(r"[^<>|\"'`*?;={}()\[\],]+", text) else None


def left_out(line: str, *, comment_only: bool = False) -> bool:
    """Whether a line stands for code that is not written: `...`, or a comment as `# ... rest of it ...`."""
    if not comment_only and _ELLIPSIS.fullmatch(line):
        return True
    comment = _COMMENT.fullmatch(line)
    if comment is None:
        return False
    words = _DOTS.sub("", comment[1]).strip(" .([])")
    dots = _DOTS.search(comment[1]) is not None
    return (dots and (not words or _ELIDED.search(words) is not None)) or _REST.fullmatch(words) is not None
