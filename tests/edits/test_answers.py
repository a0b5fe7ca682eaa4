"""Answers in the shapes that models give them: what is taken, what is refused, and with which words."""

from __future__ import annotations

import pytest

from stomper_sdk.edits import FORMATS, Edit, EditError, apply, instructions, parse

SOURCE = """\
import os
import sys


class Greeter:
    def greet(self, name):
        print("Hey", name)
        return os.getcwd()

    def leave(self, name):
        print("Bye", name)
        return None
"""
BLOCK = "<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n"
WITHOUT_SYS = SOURCE.replace("import sys\n", "")


def taken(kind: str, answer: str, source: str = SOURCE) -> str:
    return apply(parse(kind, answer, "src/a.py"), source)


def block(before: str, after: str) -> str:
    return BLOCK.format(before, after)


@pytest.mark.parametrize(
    "answer",
    [
        block("import sys\n", ""),
        "Sure! I removed the unused import.\n\nsrc/a.py\n```python\n"
        + block("import sys\n", "")
        + "```\nDone.",
        "```python\nsrc/a.py\n" + block("import sys\n", "") + "```\n",
        "```src/a.py\n" + block("import sys\n", "") + "```\n",
        "```python:src/a.py\n" + block("import sys\n", "") + "```\n",
        "### File: **`src/a.py`**:\n\n" + block("import sys\n", ""),
        "src/a.py\n~~~~\n" + block("import sys\n", ""),
        "`src/a.py`\n```\n" + block("import sys\n", "").replace("\n", "\r\n") + "```",
        block("import sys\n", "").replace("<<<<<<< SEARCH", "<<<<<<< SEARCH src/a.py"),
        block("import sys\n", "").replace("<<<<<<<", "<<<<<<<<").replace(">>>>>>>", ">>>>>>"),
        block("import sys\n", "").replace("SEARCH", "ORIGINAL").replace("REPLACE", "UPDATED"),
        "<think>\nPerhaps:\n" + block("import os\n", "") + "</think>\n" + block("import sys\n", ""),
        block("import sys   \n", ""),
        block("import os\nimport sys  \n", "import os\n"),
        block("\nimport sys\n\n\n\n", ""),
        block("  import sys\n", ""),
        block(" 2 | import sys\n", ""),
        block("1 | import os\n2 | import sys\n3 | \n", "1 | import os\n2 | \n"),
        block("import sys\n", "") * 2,
        block("import os\nimport sys\n...\nclass Greeter:\n", "import os\n...\nclass Greeter:\n"),
    ],
)
def test_blocks_in_many_shapes(answer: str) -> None:
    assert taken("search-replace", answer) == WITHOUT_SYS


@pytest.mark.parametrize(
    "answer",
    [
        # Not indented at all, indented too far, and with the tail of a line missing.
        block(
            'def leave(self, name):\n    print("Bye", name)\n', "def leave(self, name):\n    print(name)\n"
        ),
        block(
            '        def leave(self, name):\n            print("Bye", name)\n',
            "        def leave(self, name):\n            print(name)\n",
        ),
        block('print("Bye", name)\n', "print(name)\n"),
        # A part left out, in a comment's words, between lines that are each at one place.
        block(
            'class Greeter:\n    # ... existing code ...\n        print("Bye", name)\n',
            "class Greeter:\n    # ... existing code ...\n        print(name)\n",
        ),
        block(
            'def leave(self, name):\n    print("Bye", name)\n    ...\n',
            "def leave(self, name):\n    print(name)\n    ...\n",
        ),
    ],
)
def test_indentation_that_is_off_and_parts_that_are_left_out(answer: str) -> None:
    assert taken("search-replace", answer) == SOURCE.replace('"Bye", ', "")


def test_what_an_edit_does_not_change_stays_as_the_file_has_it() -> None:
    source = "import os  \r\nimport sys\t\r\nx = 1\r\nlast"
    answer = block("import os\nimport sys\nx = 1\n", "import os\nx = 2\n")
    assert taken("search-replace", answer, source) == "import os  \r\nx = 2\r\nlast"
    assert taken("search-replace", block("last\n", "more\nlast\n"), source).endswith("x = 1\r\nmore\r\nlast")
    assert taken("search-replace", block("last\n", "last\nmore\n"), source).endswith("last\r\nmore")


def test_equal_blocks_have_a_place_each_where_there_are_as_many() -> None:
    source = "x = 1\ny\nx = 1\n"
    assert taken("search-replace", block("x = 1\n", "x = 2\n") * 2, source) == "x = 2\ny\nx = 2\n"
    with pytest.raises(EditError, match="there 2 times, at the lines 1, 3"):
        taken("search-replace", block("x = 1\n", "x = 2\n") * 3, source)


def test_a_block_sees_what_those_before_it_have_done() -> None:
    answer = block("import sys\n", "import re\n") + block("import os\nimport re\n", "import re\n")
    assert taken("search-replace", answer).startswith("import re\n\n\nclass")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_blocks_with_lines_around_that_others_change(order: tuple[int, ...]) -> None:
    """Each is written for the file as it was; what they change themselves does not overlap."""
    source = "import os\nimport re\nimport sys\nx = 1\n"
    blocks = [
        block("import os\nimport re\n", "import re\n"),
        block("import os\nimport re\nimport sys\n", "import os\nimport sys\n"),
        block("import re\nimport sys\nx = 1\n", "import re\nimport sys\nx = 1\ny = 2\n"),
    ]
    answer = "".join(blocks[number] for number in order)
    assert taken("search-replace", answer, source) == "import sys\nx = 1\ny = 2\n"


def test_blocks_that_change_the_same_lines_are_refused() -> None:
    answer = block("import os\nimport sys\n", "import sys\n") + block("import os\n\n", "import re\n\n")
    with pytest.raises(EditError, match="are not in"):
        taken("search-replace", answer)
    answer = block("import os\n", "import re\n") + block(
        "import os\nimport sys\n", "import json\nimport sys\n"
    )
    with pytest.raises(EditError, match="are not in"):
        taken("search-replace", answer)


def test_blocks_may_be_of_other_files_and_make_new_ones() -> None:
    answer = "src/b.py\n" + block("x\n", "y\n") + block("z\n", "") + "lib/c.py\n" + block("", "new\n")
    assert parse("search-replace", answer, "src/a.py") == (
        Edit("src/b.py", "x\n", "y\n"),
        Edit("src/b.py", "z\n", ""),
        Edit("lib/c.py", "", "new\n"),
    )
    assert apply([Edit("lib/c.py", "", "new\n")], None) == "new\n"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("Now the other file, `lib/b.py`:", "lib/b.py"),
        ("### File: `lib/b.py`", "lib/b.py"),
        ("filename: b.py", "b.py"),
        ("I took out `os.path` and `and/or`:", "src/a.py"),
        ("Both `lib/b.py` and `lib/c.py`:", "src/a.py"),
        ("Done:", "src/a.py"),
    ],
)
def test_a_line_above_may_name_the_file(line: str, path: str) -> None:
    (edit,) = parse("search-replace", f"{line}\n\n```\n{block('', '')}", "src/a.py")
    assert edit.path == path


def test_rules_of_equal_signs_are_no_dividers_where_they_are_longer() -> None:
    source = "Title\n========\n\ntext\n"
    answer = block("Title\n========\n", "Other\n========\n")
    assert taken("search-replace", answer, source) == "Other\n========\n\ntext\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "holds no edit in the format that was asked for (search-replace); it said: nothing"),
        ("I'm sorry, but I can't help with that.", "it said: I'm sorry, but I can't help"),
        ("No change is needed.\n```python\nimport os\n```", "holds no edit"),
        ("<<<<<<< SEARCH\nimport os\n", "does not end with >>>>>>> REPLACE"),
        ("<<<<<<< SEARCH\na\n=======\n<<<<<<< SEARCH\n", "does not end with >>>>>>> REPLACE"),
        ("<<<<<<< SEARCH\nimport os\n>>>>>>> REPLACE\n", "has no line ======="),
        (block("        return nothing\n", ""), "The nearest lines that are there:\n          return None"),
        (block("wholly other\n", ""), "the lines to replace are not in src/a.py:\n  wholly other"),
        (block("import json\n", "import sys\n"), "What should come instead is there already."),
        (block("name\n", ""), "are not in src/a.py"),
        (block("\n", ""), "are there 3 times, at the lines 3, 4, 9"),
        (block("", "x = 1\n"), "names no lines to replace"),
        (block("import sys\n", "# ... existing code ...\n"), "leaves code out at '# ... existing code ...'"),
        (block("import sys\n...\n", ""), "the lines to replace are not in"),
        (block('def leave(self, name):\n  print("Bye", name)\n', ""), "are not in src/a.py"),
    ],
)
def test_blocks_that_are_refused(answer: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        taken("search-replace", answer)
    assert said in str(caught.value)


def test_an_ellipsis_that_fits_in_two_ways_is_refused() -> None:
    source = "a\nx\nb\nx\nc\n"
    assert taken("search-replace", block("b\n...\nx\n", "b\n...\ny\n"), source) == "a\nx\nb\ny\nc\n"
    with pytest.raises(EditError, match="2 times"):
        taken("search-replace", block("a\n...\nx\n", "a\n...\ny\n"), source)


def test_an_ellipsis_that_the_file_itself_has_is_a_line_like_others() -> None:
    source = "class A:\n    ...\n\n\nclass B:\n    ...\n"
    answer = block("class B:\n    ...\n", "class B:\n    x = 1\n")
    assert taken("search-replace", answer, source) == "class A:\n    ...\n\n\nclass B:\n    x = 1\n"


@pytest.mark.parametrize(
    "answer",
    [
        f"src/a.py\n```python\n{WITHOUT_SYS}```\n",
        f"Here you are:\n\n**src/a.py**\n\n```\n{WITHOUT_SYS}```\n\nI removed `sys`.\n",
        f"```python\n{WITHOUT_SYS}```\n",
        f"```python\n# src/a.py\n{WITHOUT_SYS}```\n",
        f"```python src/a.py\n{WITHOUT_SYS}```\n",
        f'```python title="src/a.py"\n{WITHOUT_SYS}```\n',
        f"src/a.py\n~~~~~\n{WITHOUT_SYS}~~~~~\n",
        f"src/a.py\n```python\n{WITHOUT_SYS}",
        f"src/a.py\r\n```\r\n{WITHOUT_SYS}```".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"src/a.py\n```\n{WITHOUT_SYS}```\n" * 2,
        f"src/a.py\n```\n{WITHOUT_SYS}```\nNow run `bin/check.sh`:\n```bash\nruff check\n```\n",
    ],
)
def test_whole_files_in_many_shapes(answer: str) -> None:
    assert taken("whole-file", answer) == WITHOUT_SYS


def test_a_whole_file_has_the_line_ends_of_the_one_before_and_may_hold_fences() -> None:
    content = 'def f():\n    """Do it.\n\n    ```python\n    f()\n    ```\n    """\n'
    answer = f"a.md\n```\n{content}```\n"
    assert apply(parse("whole-file", answer, "a.md"), "x\r\ny\r\n") == content.replace("\n", "\r\n")
    fenced = "````\ntext\n```\ncode\n```\n````\n"
    assert apply(parse("whole-file", fenced, "a.md"), "") == "text\n```\ncode\n```\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I cannot do that.", "holds no edit in the format that was asked for (whole-file)"),
        ("import os\n", "holds no edit"),
        ("```\na\n```\n```\nb\n```\n", "several fenced blocks and no path"),
        ("src/a.py\n```\na\n```\nsrc/a.py\n```\nb\n```\n", "src/a.py is written twice, and not alike"),
        (
            "src/a.py\n```\nimport os\n# ... rest of the code ...\n```\n",
            "'# ... rest of the code ...' leaves",
        ),
        ("src/a.py\n```\nimport os\n# rest of the file\n```\n", "leaves a part of it out"),
    ],
)
def test_whole_files_that_are_refused(answer: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        taken("whole-file", answer)
    assert said in str(caught.value)


DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,4 +1,3 @@\n import os\n-import sys\n \n \n"


@pytest.mark.parametrize(
    "answer",
    [
        DIFF,
        f"I fixed it:\n```diff\n{DIFF}```\nThat is all.\n",
        DIFF.replace("@@ -1,4 +1,3 @@", "@@ ... @@"),
        DIFF.replace("@@ -1,4 +1,3 @@", "@@"),
        DIFF.replace("@@ -1,4 +1,3 @@", "@@ -10,2 +70,9 @@ class Greeter:"),
        DIFF.replace("a/src", "src").replace("b/src", "src"),
        DIFF.replace("\n \n \n", "\n\n\n"),
        DIFF.replace("\n", "\r\n"),
        DIFF.partition("+++ b/src/a.py\n")[2],
        f"diff --git a/src/a.py b/src/a.py\nindex 1..2 100644\n{DIFF}",
        f"```diff\n{DIFF.replace(' import os', 'import os')}```\n",
        "@@ -2 +1,0 @@\n-import sys\n",
    ],
)
def test_diffs_in_many_shapes(answer: str) -> None:
    assert taken("unified-diff", answer) == WITHOUT_SYS


def test_a_diff_says_which_of_several_places_it_means() -> None:
    source = "x\ny\nx\ny\nx\n"
    assert taken("unified-diff", "@@ -3 +3 @@\n-x\n+z\n", source) == "x\ny\nz\ny\nx\n"
    with pytest.raises(EditError, match="there 3 times"):
        taken("unified-diff", "@@ @@\n-x\n+z\n", source)


def test_a_diff_makes_new_files_and_inserts_where_it_says() -> None:
    new = parse("unified-diff", "--- /dev/null\n+++ b/lib/c.py\n@@ -0,0 +1,2 @@\n+a\n+b\n", "src/a.py")
    assert (new[0].path, apply(new, None)) == ("lib/c.py", "a\nb\n")
    assert taken("unified-diff", "@@ -1,0 +2 @@\n+new\n", "a\nb\n") == "a\nnew\nb\n"


def test_a_hunk_whose_counts_are_too_small_is_read_to_its_end() -> None:
    answer = DIFF.replace("-1,4 +1,3", "-1,2 +1,1")
    assert taken("unified-diff", answer + "-class Greeter:\n+class Polite:\n").endswith(
        WITHOUT_SYS.partition("class Greeter")[2]
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Nothing to do.", "holds no edit in the format that was asked for (unified-diff)"),
        ("@@ -1 +1 @@\n import os\n", "holds no edit"),
        ("--- a/src/a.py\n+++ /dev/null\n@@ -1,12 +0,0 @@\n-import os\n", "src/a.py is to be deleted"),
        ("@@ @@\n+import re\n", "names no lines to replace"),
        ("@@ @@\n-import json\n", "the lines to replace are not in src/a.py"),
    ],
)
def test_diffs_that_are_refused(answer: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        taken("unified-diff", answer)
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_instructions_hold_an_example_that_can_be_read(kind: str) -> None:
    (edit,) = parse(kind, instructions(kind), "path/to/file.py")
    assert edit.path == "path/to/file.py"


@pytest.mark.parametrize(
    ("before", "after"),
    [("x\n...\n" * 1500 + "y\n", "x\n...\n" * 1500 + "z\n"), ("x\n" * 900, "z\n" * 900)],
)
@pytest.mark.timeout(20)
def test_hostile_answers_are_refused_in_time(before: str, after: str) -> None:
    with pytest.raises(EditError):
        taken("search-replace", block(before, after), "x\n" * 3000)
