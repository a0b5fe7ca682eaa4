"""Whatever a model writes, it is edits or it is refused; and what was refused has changed nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.edits import FORMATS, EditError, apply, parse

PIECES = (
    *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "```", "````python", "~~~", "```diff a.py", "a.py"),
    *(
        "--- a/a.py",
        "+++ b/a.py",
        "+++ /dev/null",
        "@@ -1,2 +1,3 @@",
        "@@",
        "@@ -9,0 +9 @@",
        "-x",
        "+y",
        " x",
    ),
    *(
        "\\ No newline at end of file",
        "...",
        "# ... rest of the code",
        "x",
        "y",
        "",
        "  x",
        "1 | x",
        "<think>",
    ),
    *(
        "</think>",
        "diff --git a/a.py b/a.py",
        "--- ",
        "+++ ",
        "-",
        "+",
        " ",
        "\t",
        "#",
        "\r",
        "\x00",
        "\udc80",
    ),
)
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=25).map("\n".join)


@pytest.mark.parametrize("kind", FORMATS)
@given(answer=TEXTS, source=st.one_of(st.none(), TEXTS))
def test_an_answer_is_edits_or_it_is_refused(kind: str, answer: str, source: str | None) -> None:
    try:
        edits = parse(kind, answer, "a.py")
        text = apply([edit for edit in edits if edit.path == "a.py"], source)
    except EditError as error:
        assert str(error)
    else:
        assert isinstance(text, str)
        assert edits


@given(source=TEXTS, end=st.sampled_from(["\n", "\r\n"]))
def test_an_edit_of_one_line_leaves_all_others_alone(source: str, end: str) -> None:
    lines = [line.replace("\r", "") for line in source.split("\n")]
    whole = end.join([*lines, "the one line", *lines])
    answer = "<<<<<<< SEARCH\nthe one line\n=======\nanother\nand one more\n>>>>>>> REPLACE\n"
    expected = end.join([*lines, "another", "and one more", *lines])
    # What most lines end with is what new ones end with; a file of one line has none.
    assert apply(parse("search-replace", answer, "a.py"), whole) == expected
