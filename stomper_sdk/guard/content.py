"""Rules on what kind of thing a file is: `binary`, `links_out`, `executables`, `secrets`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from stomper_sdk.guard.base import Edit, Refusal, changes
from stomper_sdk.secrets import LOOKS_SECRET

__all__ = ["binary", "executables", "links_out", "secrets"]


def binary(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Content that nobody can review."""
    for edit in edits:
        if edit.after is not None and edit.after.text is None:
            yield Refusal("binary", edit.path, 0, edit.path, "writes binary content")


def links_out(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Symbolic links that lead out of the repository, or into a `.git`."""
    for edit in edits:
        if edit.after is not None and edit.after.is_link and _leads_out(edit.path, edit.new):
            yield Refusal("links_out", edit.path, 0, edit.new, f"links to {edit.new!r}")


def executables(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Files that became executable."""
    for edit in edits:
        was = edit.before is not None and edit.before.mode == "100755"
        if edit.after is not None and edit.after.mode == "100755" and not was:
            yield Refusal("executables", edit.path, 0, edit.path, "makes the file executable")


def secrets(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Keys, tokens and passwords in lines that are new; what they are is not repeated."""
    for edit, hunks in changes(edits):
        known = {
            match[0] for hunk in hunks for _, line in hunk.removed for match in LOOKS_SECRET.finditer(line)
        }
        for hunk in hunks:
            for number, line in hunk.added:
                if any(match[0] not in known for match in LOOKS_SECRET.finditer(line)):
                    said = "adds what looks like a key or a password"
                    yield Refusal("secrets", edit.path, number, edit.path, said)


def _leads_out(path: str, target: str) -> bool:
    parts = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).split("/")
    return target.startswith("/") or parts[0] == ".." or ".git" in [part.lower() for part in parts]
