from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.model.finding import Delta, Finding, compare, enclose, fingerprints, in_order
from tests.growth import fourfold

PATH = "a.py"
FLAG = "import os"
FLAGS = (FLAG, "import sys", "import re")

# Python-like files: functions of plain lines, some of them flagged, with much that looks alike.
plain = st.sampled_from(["x = 1", "return None", "", "print(x)", "if x:", "# note"])
block = st.lists(plain, min_size=1, max_size=6)
body = st.lists(st.one_of(block, st.sampled_from([[flag] for flag in FLAGS])), max_size=8)
files = st.lists(body, min_size=1, max_size=6)


def written(bodies: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    lines = []
    for number, blocks in enumerate(bodies):
        lines.append(f"def f{number % 3}():")
        lines += [f"    {line}".rstrip() for part in blocks for line in part]
    return lines


def found(lines: Sequence[str]) -> tuple[Finding, ...]:
    at = [number for number, line in enumerate(lines, start=1) if line.strip() in FLAGS]
    findings = [Finding("c", "F401", "unused", PATH, number, 12) for number in at]
    return enclose(findings, {PATH: "\n".join(lines)})


def compared(before: Sequence[str], after: Sequence[str], sources: bool = True) -> Delta:
    texts = ({PATH: "\n".join(before)}, {PATH: "\n".join(after)}) if sources else (None, None)
    delta = compare(found(before), found(after), *texts)
    assert len(found(before)) == len(delta.fixed) + len(delta.kept)
    assert len(found(after)) == len(delta.remaining) + len(delta.introduced)
    return delta


@given(files, st.data(), st.booleans())
def test_inserted_deleted_and_moved_lines_change_no_identity(
    bodies: list[list[list[str]]], data: st.DataObject, sources: bool
) -> None:
    before = written(bodies)
    after = list(before)
    for _ in range(data.draw(st.integers(1, 5), label="edits")):
        unflagged = [at for at, line in enumerate(after) if line.strip() not in FLAGS and line[:1] != "d"]
        at = data.draw(st.integers(0, len(after)), label="at")
        edit = data.draw(st.sampled_from(["insert", "delete", "move"]), label="edit")
        taken = []
        if edit != "insert" and unflagged:
            start = data.draw(st.sampled_from(unflagged), label="line")
            end = next((i for i in range(start, len(after)) if i not in unflagged), len(after))
            taken, after[start:end] = after[start:end], []
        if edit != "delete":
            at = min(at, len(after))
            after[at:at] = taken or [f"    {line}" for line in data.draw(block, label="new")]
    delta = compared(before, after, sources)
    assert (delta.fixed, delta.introduced) == ((), ())
    assert [finding.text for finding in delta.kept] == [finding.text for finding in delta.remaining]


@given(files, st.data())
def test_a_removed_line_is_the_one_that_is_fixed(bodies: list[list[list[str]]], data: st.DataObject) -> None:
    before = written([[["first = 1"], [FLAG], ["last = 1"]], *bodies])
    lines = [finding.line for finding in found(before)]
    gone = data.draw(st.sampled_from(lines), label="line")
    assert gone is not None
    # Its neighbours make the line unlike the others; equal lines side by side cannot be told apart.
    before[gone - 1 : gone] = ["    above = here()", f"    {FLAG}", "    below = here()"]
    delta = compared(before, [*before[:gone], *before[gone + 1 :]])
    assert [finding.line for finding in delta.fixed] == [gone + 1]
    assert delta.introduced == ()


@given(files, files)
def test_every_finding_stands_in_one_place(one: list[list[list[str]]], other: list[list[list[str]]]) -> None:
    before, after = written(one), written(other)
    delta = compared(before, after)
    assert Counter((*delta.fixed, *delta.kept)) == Counter(found(before))
    assert Counter((*delta.introduced, *delta.remaining)) == Counter(found(after))
    assert [f.path for f in delta.kept] == [f.path for f in delta.remaining]


@given(files)
def test_a_tree_compared_with_itself(bodies: list[list[list[str]]]) -> None:
    lines = written(bodies)
    delta = compared(lines, lines)
    assert delta.kept == delta.remaining == found(lines)
    prints = fingerprints(found(lines))
    assert len(set(prints)) == len(prints)
    assert fingerprints(found(["x = 1", "", *lines])) == prints


def test_of_three_equal_findings_the_middle_one_is_fixed() -> None:
    before = ["a = 1", FLAG, "b = 1", FLAG, "c = 1", FLAG]
    delta = compared(before, ["a = 1", FLAG, "b = 1", "changed = 1", "c = 1", FLAG])
    assert [f.line for f in delta.fixed] == [4]
    assert [(b.line, a.line) for b, a in zip(delta.kept, delta.remaining, strict=True)] == [(2, 2), (6, 6)]


def test_equal_findings_may_be_one_object() -> None:
    finding = Finding("c", "F", "m", PATH, 1, 1)
    delta = compare([finding] * 3, [finding] * 5)
    assert (len(delta.kept), len(delta.remaining), len(delta.introduced)) == (3, 3, 2)


@pytest.mark.parametrize(
    ("after", "line"),
    [("f(a.x, b.y)", 1), ("f(b.y)", 1), ("z = 1\nf(q, b.y)", 2)],
)
def test_one_of_two_findings_of_a_line_is_fixed(after: str, line: int) -> None:
    before = [Finding("c", "attr", f"no {name}", PATH, 1, at) for name, at in (("a.x", 3), ("b.y", 8))]
    left = [Finding("c", "attr", "no b.y", PATH, line, after.splitlines()[-1].index("b.y") + 1)]
    texts = {PATH: "f(a.x, b.y)"}, {PATH: after}
    delta = compare(enclose(before, texts[0]), enclose(left, texts[1]), *texts)
    assert [f.message for f in delta.fixed] == ["no a.x"]
    assert [f.message for f in delta.kept] == ["no b.y"]
    assert delta.introduced == ()


def test_a_finding_that_moved_is_not_taken_for_one_on_a_line_that_stayed() -> None:
    texts = {PATH: "g(x)\na = 1\nb = 2\ng(x)"}, {PATH: "a = 1\nb = 2\ng(x)\ng(x)\nz = 3"}

    def seen(*places: tuple[str, int], late: bool) -> tuple[Finding, ...]:
        return enclose([Finding("c", "F", message, PATH, line, 1) for message, line in places], texts[late])

    before = seen(("one", 1), ("other", 4), late=False)
    delta = compare(before, seen(("one", 3), late=True), *texts)
    assert [finding.message for finding in delta.fixed] == ["other"]
    both = compare(before, seen(("one", 3), ("other", 4), late=True), *texts)
    assert [finding.message for finding in both.kept] == ["one", "other"]


def test_messages_that_count_do_not_make_a_finding_new() -> None:
    before = [Finding("c", "E501", "too long (120 > 88)", PATH, 1, 89, text="a" * 120)]
    after = [Finding("c", "E501", "too long (119 > 88)", PATH, 1, 89, text="a" * 119)]
    delta = compare(before, after, {PATH: "a" * 120}, {PATH: "a" * 119})
    assert (delta.fixed, delta.introduced) == ((), ())


def test_findings_of_no_line_are_told_by_their_message() -> None:
    one, other = (Finding("c", "error", text, PATH) for text in ("no module a", "no module named b"))
    assert compare([one], [other]) == Delta(fixed=(one,), introduced=(other,))
    assert compare([one, other], [other]).kept == (other,)


def test_what_is_not_alike_is_never_paired() -> None:
    finding = Finding("c", "F", "m", PATH, 1, 1)
    for change in ({"check": "d"}, {"code": "G"}, {"path": "b.py"}):
        other = attrs.evolve(finding, **change)
        assert compare([finding], [other]).kept == ()


def test_enclosing_lines_and_form_feeds() -> None:
    source = "class A:\r\n    def f(self):\n\n\x0c\n        if x:\r            y = 1\n    z = 2\n"
    lines = (1, 6, 7, 3, 99, None)
    findings = enclose([Finding("c", "F", "m", PATH, line) for line in lines], {PATH: source})
    assert [(f.scope, f.text) for f in findings] == [
        ("", "class A:"),
        ("class A:\ndef f(self):\nif x:", "y = 1"),
        ("class A:", "z = 2"),
        ("", ""),
        ("", ""),
        ("", ""),
    ]
    unknown = Finding("c", "F", "m", "b.py", 1)
    assert enclose([unknown], {PATH: source}) == (unknown,)


def test_occurrences_count_from_the_top_whatever_the_order() -> None:
    findings = [Finding("c", "F", "m", PATH, line, text=FLAG) for line in (9, 1, 5)]
    assert [p.occurrence for p in fingerprints(findings)] == [2, 0, 1]
    assert [f.line for f in in_order(findings)] == [1, 5, 9]


@pytest.mark.parametrize("edit", ["inserted", "removed", "reversed", "alike"])
def test_thousands_of_findings_in_one_file_are_fast(edit: str) -> None:
    fixed: list[int] = []

    def comparison(findings: int) -> Callable[[], None]:
        numbers = range(findings)
        before = [
            text for n in numbers for text in ("", f"def f{n % 50}():", f"    {FLAG}", "    return None")
        ]
        after = {
            "inserted": [
                text for n, line in enumerate(before) for text in ([line, "pass"] if n % 3 else [line])
            ],
            "removed": [line for n, line in enumerate(before) if n % 8 != 2],
            "reversed": before[::-1],
            "alike": [FLAG] * findings,
        }[edit]
        return lambda: fixed.append(len(compared(before, after).fixed))

    assert fourfold(comparison, 1250) < 9
    assert fixed[:2] == ([625, 2500] if edit == "removed" else [0, 0])
