"""What a rule of the guard looks at, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import attrs

from stomper_sdk.guard.diff import Hunk, hunks

__all__ = ["Edit", "Hunk", "Refusal", "Rule", "Side", "changes"]


@attrs.frozen
class Side:
    """A path before or after a fix: its mode as git writes it, `text` None for what is binary.

    Of a symbolic link, the text is where it leads.
    """

    mode: str
    text: str | None

    @property
    def is_link(self) -> bool:
        return self.mode == "120000"


@attrs.frozen
class Edit:
    """One path that a fix changed; a side is None where the path is not there."""

    path: str
    before: Side | None
    after: Side | None

    @cached_property
    def old(self) -> str:
        """The text before, empty where there is none; lines end with `\\n`."""
        return _text(self.before)

    @cached_property
    def new(self) -> str:
        return _text(self.after)

    @cached_property
    def old_lines(self) -> Sequence[str]:
        """As Python counts them: a form feed ends no line."""
        return self.old.split("\n")

    @cached_property
    def new_lines(self) -> Sequence[str]:
        return self.new.split("\n")

    @cached_property
    def hunks(self) -> Sequence[Hunk]:
        """Where the two texts differ, line by line."""
        return tuple(hunks(self.old_lines, self.new_lines))


@attrs.frozen
class Refusal:
    """One thing that a rule has against a fix.

    `said` goes on after "it"; `what` is the thing by its name, for `guard.allow`; `line` is one of the new
    text, or of the old where the thing is gone, and 0 where it is about the whole path.
    """

    rule: str
    path: str
    line: int
    what: str
    said: str

    def __str__(self) -> str:
        return f"guard.{self.rule}: it {self.said} ({self.place})"

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


#: What a fix changed, all of it; what the rule has against it.
Rule = Callable[[Sequence[Edit]], Iterator[Refusal]]


def changes(edits: Sequence[Edit]) -> Iterator[tuple[Edit, Sequence[Hunk]]]:
    """Each edit with its hunks, less the lines that only moved, within a file or between two.

    A line moved that came as often as it was taken away, whatever its spaces and quotes.
    """
    every = [hunk for edit in edits for hunk in edit.hunks]
    gone = Counter(_bare(line) for hunk in every for _, line in hunk.removed)
    gone &= Counter(_bare(line) for hunk in every for _, line in hunk.added)
    came = gone.copy()
    for edit in edits:
        yield (
            edit,
            [
                attrs.evolve(hunk, removed=_staying(hunk.removed, gone), added=_staying(hunk.added, came))
                for hunk in edit.hunks
            ],
        )


def _staying(lines: Sequence[tuple[int, str]], moved: Counter[str]) -> tuple[tuple[int, str], ...]:
    kept = []
    for number, line in lines:
        if moved[_bare(line)] > 0:
            moved[_bare(line)] -= 1
        else:
            kept.append((number, line))
    return tuple(kept)


def _bare(line: str) -> str:
    return "".join(line.split()).replace("'", '"')


def _text(side: Side | None) -> str:
    text = (side.text or "") if side else ""
    return text.replace("\r\n", "\n").replace("\r", "\n")
