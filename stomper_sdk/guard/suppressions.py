"""`suppressions`: a finding that is told to be silent is not fixed.

One counts as added where its hunk takes no like one away and its line was not moved there. What silences
everything (`# noqa`) may become what silences something (`# noqa: F401`); the other way round is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from stomper_sdk.guard.base import Edit, Hunk, Refusal, changes
from stomper_sdk.guard.configs import silenced
from stomper_sdk.guard.marks import EVERYTHING, Mark, marks

__all__ = ["added_marks", "suppressions"]


def suppressions(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Each suppression that is new, in code or in a configuration."""
    for edit, hunks in changes(edits):
        for entry in silenced(edit):
            yield Refusal("suppressions", edit.path, 0, entry, f"silences {entry}")
        for _, number, mark in added_marks(edit, hunks):
            yield Refusal("suppressions", edit.path, number, str(mark), f"adds `{mark}`")


def added_marks(edit: Edit, hunks: Sequence[Hunk]) -> Iterator[tuple[Hunk, int, Mark]]:
    """Each mark that came with an edit: where, on which line of the new text, and what it silences."""
    after = marks(edit.path, edit.new_lines, (number for hunk in hunks for number, _ in hunk.added))
    if not after:
        return
    before = marks(edit.path, edit.old_lines, (number for hunk in hunks for number, _ in hunk.removed))
    for hunk in hunks:
        gone = Counter(mark for number, _ in hunk.removed for mark in before.get(number, ()))
        for number, _ in hunk.added:
            for mark in _uncovered(after.get(number, ()), gone):
                yield hunk, number, mark


def _uncovered(line: Sequence[Mark], gone: Counter[Mark]) -> Iterator[Mark]:
    """The marks of a line in whose place nothing like them stood; `gone` loses what it covers."""
    for kind in dict.fromkeys(mark.kind for mark in line):
        ours = [mark for mark in line if mark.kind == kind]
        left = [mark for mark in ours if gone[mark] <= 0]
        everything = Mark(kind, EVERYTHING)
        if left and gone[everything] > 0:
            gone[everything] -= 1
            left = []
        gone.subtract(mark for mark in ours if gone[mark] > 0)
        yield from left
