"""An edit that is off in one of the ways that the rules know does what the exact one does."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.edits import Edit, apply

BLANKS = st.sampled_from(["", " ", "\t", "   "])
DOTS = st.sampled_from(["...", "    # ... existing code ...", "# rest of the code", "…"])


@attrs.frozen
class Case:
    """A file in which no line is there twice, its lines from `start` to `end`, and what comes instead."""

    lines: list[str]
    start: int
    end: int
    after: list[str]

    @property
    def before(self) -> list[str]:
        return self.lines[self.start : self.end]

    @property
    def expected(self) -> str:
        return text_of([*self.lines[: self.start], *self.after, *self.lines[self.end :]])

    def applied(self, before: Sequence[str], after: Sequence[str]) -> str:
        return apply([Edit("a.py", text_of(before), text_of(after))], text_of(self.lines))


@st.composite
def cases(draw: st.DrawFn, fewest: int = 1) -> Case:
    indents = draw(st.lists(st.integers(1, 3), min_size=fewest, max_size=12))
    lines = [f"{'    ' * indent}line {number}" for number, indent in enumerate(indents)]
    start = draw(st.integers(0, len(lines) - fewest))
    end = draw(st.integers(start + fewest, len(lines)))
    after = [
        f"{'    ' * indent}new {n}" for n, indent in enumerate(draw(st.lists(st.integers(1, 3), max_size=4)))
    ]
    return Case(lines, start, end, after)


def text_of(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@given(cases(), st.data())
def test_blanks_at_the_ends_of_lines_and_around(case: Case, data: st.DataObject) -> None:
    around = data.draw(st.lists(BLANKS, max_size=2)), data.draw(st.lists(BLANKS, max_size=2))
    loose = [*around[0], *(line + data.draw(BLANKS) for line in case.before), *around[1]]
    assert case.applied(loose, case.after) == case.expected


@given(cases(), st.integers(1, 8))
def test_an_indentation_that_is_too_deep(case: Case, width: int) -> None:
    deeper = [[" " * width + line for line in part] for part in (case.before, case.after)]
    assert case.applied(*deeper) == case.expected


@given(cases(), st.integers(1, 4))
def test_an_indentation_that_is_too_flat(case: Case, width: int) -> None:
    assert (
        case.applied(*[[line[width:] for line in part] for part in (case.before, case.after)])
        == case.expected
    )


@given(cases(), st.integers(1, 5))
def test_the_numbers_that_the_prompt_shows(case: Case, width: int) -> None:
    numbered = [f"{number + 1:{width}} | {line}" for number, line in enumerate(case.lines)]
    assert case.applied(numbered[case.start : case.end], case.after) == case.expected


@given(cases(fewest=3), DOTS, BLANKS)
def test_a_part_that_is_left_out_stays(case: Case, dots: str, blank: str) -> None:
    first, last = case.before[0] + blank, case.before[-1]
    expected = [*case.lines[: case.start], *case.after, *case.lines[case.start + 1 :]]
    assert case.applied([first, dots, last], [*case.after, dots, last]) == text_of(expected)
