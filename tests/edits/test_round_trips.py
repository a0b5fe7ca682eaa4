"""Two texts of any kind: the edits between them, written in each format, make the one of the other."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stomper_sdk.edits import Source, apply, parse

PATH = "src/a.py"
WORDS = (
    "",
    " ",
    "x",
    "x = 1",
    "    x = 1",
    "\ty",
    "- a",
    "-- a",
    "++ b",
    "+ c",
    "@@ d",
    "--- a",
    "+++ b",
    "e ",
)
LINES = st.lists(st.one_of(st.sampled_from(WORDS), st.text("ab ü\t\f", max_size=6)), max_size=12)


def text_of(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def as_search_replace(old: Sequence[str], new: Sequence[str]) -> str:
    """One block of all lines: the format has no other way to tell equal places apart."""
    return f"{PATH}\n```\n<<<<<<< SEARCH\n{text_of(old)}=======\n{text_of(new)}>>>>>>> REPLACE\n```\n"


def as_whole_file(old: Sequence[str], new: Sequence[str]) -> str:
    return f"{PATH}\n````python\n{text_of(new)}````\n"


def as_unified_diff(old: Sequence[str], new: Sequence[str]) -> str:
    lines = list(difflib.unified_diff(old, new, f"a/{PATH}", f"b/{PATH}", n=1, lineterm=""))
    return "```diff\n" + text_of(lines) + "```\n"


FORMATS: dict[str, Callable[[Sequence[str], Sequence[str]], str]] = {
    "search-replace": as_search_replace,
    "whole-file": as_whole_file,
    "unified-diff": as_unified_diff,
}


@pytest.mark.parametrize("kind", FORMATS)
@given(old=LINES, new=LINES, end=st.sampled_from(["\n", "\r\n"]), around=st.sampled_from(["", "Well.\n\n"]))
@example(old=["-- a"], new=["++ b", ""], end="\n", around="")
@example(old=["x", "x"], new=["x"], end="\r\n", around="")
def test_the_edits_between_two_texts_make_one_of_the_other(
    kind: str, old: list[str], new: list[str], end: str, around: str
) -> None:
    assume(old != new)
    answer = around + FORMATS[kind](old, new) + around
    edits = parse(kind, answer, PATH)
    assert {edit.path for edit in edits} == {PATH}
    source = text_of(old).replace("\n", end)
    expected = text_of(new).replace("\n", end) if source else text_of(new)
    assert apply(edits, source) == expected


@given(old=LINES.filter(bool), new=LINES.filter(bool), opened=st.booleans(), closed=st.booleans())
def test_a_diff_says_how_the_last_line_ends(
    old: list[str], new: list[str], opened: bool, closed: bool
) -> None:
    before, after = text_of(old), text_of(new)
    before, after = before[: None if opened else -1], after[: None if closed else -1]
    assume(before and after and before != after)

    assert apply(parse("unified-diff", _marked(before, after), "a.py"), before) == after


def _marked(before: str, after: str) -> str:
    head = ["--- a/a.py", "+++ b/a.py", "@@ -1 +1 @@"]
    body = [*_signed("-", before), *_signed("+", after)]
    counts = f"@@ -1,{_count(before)} +1,{_count(after)} @@"
    return "\n".join([*head[:2], counts, *body]) + "\n"


def _count(text: str) -> int:
    return len(text.removesuffix("\n").split("\n"))


def _signed(sign: str, text: str) -> list[str]:
    lines = [sign + line for line in text.removesuffix("\n").split("\n")]
    return lines if text.endswith("\n") else [*lines, "\\ No newline at end of file"]


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=9).map(b"\xff\xfe".__add__)), st.booleans())
@example(b"# coding: shift_jis\n\x81\n", True)
@example(b"# coding: nothing\n\xfc\n", True)
def test_bytes_come_back_as_they_were(data: bytes, python: bool) -> None:
    source = Source.decode(data, python=python)
    assert source.encode(source.text) == data
    source.shown.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfimport os\r\nx = '\xc3\xbc'\r\n",
        b"# -*- coding: latin-1 -*-\nimport os\nx = '\xfc'\n",
        b"import os\nx = '\xff'\n",
        "import os\nx = 'ü'\n".encode("utf-16"),
    ],
)
def test_an_edit_leaves_encoding_and_line_ends_alone(data: bytes) -> None:
    source = Source.decode(data, python=True)
    answer = "<<<<<<< SEARCH\nimport os\n=======\nimport re\n>>>>>>> REPLACE\n"
    text = apply(parse("search-replace", answer, "a.py"), source.text)
    assert source.encode(text) == data.replace(b"os", b"re").replace(b"o\0s\0", b"r\0e\0")
