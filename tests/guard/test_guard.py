"""The corners of the guard: any text, any bytes, long files, what is allowed and what is said."""

from __future__ import annotations

import ast
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stomper_sdk.guard import Edit, Refusal, Side, refused, told
from stomper_sdk.guard.base import changes
from stomper_sdk.guard.rules import RULES
from tests.growth import fourfold

LIBRARY = Path(ast.__file__).parent
MODULES = sorted(
    path
    for path in (*LIBRARY.glob("*.py"), *(LIBRARY / "unittest").glob("*.py"))
    if path.stat().st_size < 60_000
)
PATHS = (
    "src/a.py",
    "tests/test_a.py",
    "src/a.ts",
    "src/a.test.js",
    "a.go",
    "pyproject.toml",
    "setup.cfg",
    "a.md",
    ".flake8",
)


def edit(old: str | None, new: str | None, path: str = "src/a.py") -> Edit:
    before, after = (None if text is None else Side("100644", text) for text in (old, new))
    return Edit(path, before, after)


#: Lines of which some mean something to a rule.
LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            [
                *(
                    "import os  # noqa",
                    "def f(x):",
                    "    return x",
                    "    assert f(1) == 2",
                    "class A:",
                    "    pass",
                ),
                *(
                    "@pytest.mark.skip",
                    "def test_f():",
                    "x: Any = 1",
                    '"""',
                    "# type: ignore",
                    "expect(f(1)).toBe(2)",
                ),
                *(
                    "it('f', () => {",
                    "}",
                    "[tool.ruff]",
                    'ignore = ["E501"]',
                    "if False:",
                    "\f",
                    "__all__ = ['f']",
                ),
            ]
        ),
    ),
    max_size=30,
).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(LINES, LINES, st.sampled_from(PATHS))
@example("", "[0]\n0\n 0", "setup.cfg")
def test_no_text_is_too_strange(old: str, new: str, path: str) -> None:
    told(refused([edit(old, new, path)], RULES))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(PATHS))
def test_no_bytes_are_too_strange(old: bytes, new: bytes, path: str) -> None:
    told(
        refused(
            [edit(old.decode(errors="surrogateescape"), new.decode(errors="surrogateescape"), path)], RULES
        )
    )


@settings(max_examples=200, deadline=None)
@given(LINES, LINES)
def test_hunks_make_the_new_text_of_the_old(old: str, new: str) -> None:
    change = edit(old, new)
    lines, shift = list(change.old_lines), 0
    for hunk in change.hunks:
        start = hunk.old - 1 + shift
        assert [
            (hunk.old + n, line) for n, line in enumerate(lines[start : start + len(hunk.removed)])
        ] == list(hunk.removed)
        assert [hunk.new + n for n in range(len(hunk.added))] == [number for number, _ in hunk.added]
        lines[start : start + len(hunk.removed)] = [line for _, line in hunk.added]
        shift += len(hunk.added) - len(hunk.removed)
    assert lines == change.new_lines


@settings(max_examples=100, deadline=None)
@given(LINES, st.sampled_from(PATHS))
def test_what_changes_nothing_is_not_refused(text: str, path: str) -> None:
    assert refused([edit(text, text, path)], RULES) == ()


@pytest.mark.parametrize("path", random.Random(3).sample(MODULES, 25), ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["src/a.py", "tests/test_a.py"])
def test_a_module_that_is_laid_out_otherwise_is_as_it_was(path: Path, name: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert (
        refused([edit(text, ast.unparse(ast.parse(text)), name)], ["deletions", "test_edits", "any_casts"])
        == ()
    )


def test_lines_that_moved_between_files_are_not_new() -> None:
    line = "import os  # noqa: F401\n"
    assert refused([edit(line, "", "a.txt"), edit("", line, "src/b.py")], ["suppressions"]) == ()


def test_a_line_that_moved_once_is_new_the_second_time() -> None:
    line = "import os  # noqa: F401\n"
    [(_, hunks)] = changes([edit(line + "x = 1\n", "x = 1\n" + line + line)])
    assert sum(len(hunk.added) for hunk in hunks) == 1


def long_module(functions: int) -> str:
    return "".join(
        f"def work_{n}(text, size):\n"
        f'    """What {n} does."""\n'
        f"    words = [word for word in text.split() if len(word) > {n}]\n"
        f"    if not words:\n"
        f'        raise ValueError(f"nothing in {{text}} past {n}")\n'
        f"    total = sum(len(word) for word in words)\n"
        f'    return {{"words": words, "total": total + size, "number": {n}}}\n\n\n'
        for n in range(functions)
    )


def scattered(text: str, count: int) -> str:
    lines = text.split("\n")
    step = len(lines) // count
    for number in range(step // 2, len(lines), step):
        lines[number] += "  # seen"
    return "\n".join(lines)


@pytest.mark.parametrize("path", ["src/a.py", "tests/test_a.py"])
def test_a_long_module_is_judged_at_once(path: str) -> None:
    text = long_module(560)
    assert len(text.splitlines()) >= 5000
    judged, parsed = [], []
    for _ in range(5):
        change = edit(text, scattered(text, 20), path)
        start = time.process_time()
        assert refused([change], RULES) == ()
        between = time.process_time()
        ast.parse(text)
        judged.append(between - start)
        parsed.append(time.process_time() - between)
    assert min(judged) < 1.5 * min(parsed)  # a half, where nothing else runs


HOSTILE_PATHS = [
    *("src/a.py", "tests/test_a.py", "tests/a.test.ts", "tests/A.java", "tests/a.rs", "a.sh"),
    *("pyproject.toml", "README.md"),
]
HOSTILE = {
    "spaces": " " * 100_000,
    "slashes": "/" * 100_000,
    "hashes": "#" * 100_000,
    "dotted": "a." * 50_000,
    "escapes": '\\"' * 50_000,
    "quotes": "'\"" * 50_000,
    "stars": "/*" * 50_000,
    "open comments": "/* " * 33_000,
    "hashed spaces": "# " * 50_000,
    "brackets": "a(" * 50_000,
    "words": "export " * 15_000,
    "public": "public a " * 11_000,
    "generic": "public " + "<a " * 33_000,
    "keys": "token = " * 12_000,
    "addresses": "a://b:" * 16_000,
    "certificates": "-----BEGIN " + "A " * 50_000,
    "formats": "%(" * 50_000,
    "dashes": "-" * 100_000,
    "marks": "# noqa:" + " a" * 50_000,
    "eslint": "/* eslint " * 10_000,
    "calls": "f() " * 25_000,
    "it": "it(" * 33_000,
    "braces": "f(){ " * 20_000,
    "templates": "`" * 100_000,
    "blank lines": "\n" * 20_000,
    "lines of spaces": "    \n" * 10_000,
    "tests": "it(\n" * 10_000,
    "open lists": "export {\n" * 12_000,
    "functions": "func f(\n" * 12_000,
    "rust tests": "#[test]\n" * 12_000,
    "visibility": "pub(\n" * 20_000,
    "sums": "x = 1" + " + 1" * 2_000,
    "attributes": "x = a" + ".a" * 2_000,
    "asserted sums": "assert f() == 1" + " + 1" * 700,
    "negations": "assert " + "not " * 700 + "x",
}


@pytest.mark.parametrize("path", HOSTILE_PATHS)
@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_no_line_makes_a_rule_hang(path: str, line: str) -> None:
    def judged(eighths: int) -> Callable[[], None]:
        part = line[: len(line) * eighths // 8]

        def judge() -> None:
            refused([edit("x = 1\n", f"x = 1\n{part}\n", path)], RULES)
            refused([edit(f"{part}\n", f"{part} \n", path)], RULES)

        return judge

    assert fourfold(judged, 1) < 9


@pytest.mark.parametrize("path", ["src/a.py", "src/a.ts", "a.bin"])
def test_a_file_of_megabytes_does_not_hang(path: str) -> None:
    def judged(lines: int) -> Callable[[], object]:
        text = "".join(f"value_{n % 5000} = compute({n})\n" for n in range(lines))
        return partial(refused, [edit(text, scattered(text, 50), path)], RULES)

    assert fourfold(judged, 50_000) < 9


@pytest.mark.parametrize("path", ["src/a.py", "src/a.ts"])
def test_lines_that_are_all_alike_do_not_hang(path: str) -> None:
    def judged(count: int) -> Callable[[], object]:
        lines = [f"x = {n % 97}" for n in range(count)]
        return partial(refused, [edit("\n".join(lines), "\n".join(reversed(lines)), path)], RULES)

    assert fourfold(judged, 2_500) < 9


SILENCED = edit(
    "import os\nimport re\n", "import os  # noqa: F401\nimport re  # type: ignore[x]\n", "legacy/a.py"
)


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ([], ["noqa: F401", "type: ignore: x"]),
        (["noqa: F401"], ["type: ignore: x"]),
        (["noqa: F*"], ["type: ignore: x"]),
        (["noqa"], ["type: ignore: x"]),
        (["type: ignore"], ["noqa: F401"]),
        (["noqa: E501"], ["noqa: F401", "type: ignore: x"]),
        (["legacy/**"], []),
        (["legacy/"], []),
        (["*.py"], []),
        (["other/**"], ["noqa: F401", "type: ignore: x"]),
    ],
)
def test_what_is_allowed_is_not_refused(entries: list[str], left: list[str]) -> None:
    assert [each.what for each in refused([SILENCED], ["suppressions"], {"suppressions": entries})] == left


def test_what_is_allowed_to_one_rule_is_not_to_another() -> None:
    assert refused([SILENCED], ["suppressions"], {"deletions": ["legacy/**"]}) != ()


def test_a_definition_is_allowed_by_its_name() -> None:
    change = edit(
        "def f():\n    g()\n\n\nclass A:\n    def h(self):\n        g()\n\n    x = 1\n",
        "class A:\n    x = 1\n",
    )
    assert [each.what for each in refused([change], ["deletions"])] == ["f", "A.h"]
    assert [each.what for each in refused([change], ["deletions"], {"deletions": ["A.*"]})] == ["f"]


def test_only_the_rules_that_are_asked_for_are_applied() -> None:
    assert refused([SILENCED], ["deletions"]) == ()


def test_what_is_said_names_the_place_and_what_is_wanted() -> None:
    assert told(refused([SILENCED], ["suppressions"])) == (
        "guard.suppressions: it adds `noqa: F401` (legacy/a.py:1), adds `type: ignore: x` (legacy/a.py:2); "
        "fix what was found instead",
    )


def test_five_places_are_named_and_the_others_counted() -> None:
    said = [Refusal("suppressions", "a.py", n, "noqa", "adds `noqa`") for n in range(1, 9)]
    [sentence] = told(said)
    assert sentence.count("a.py:") == 5
    assert "(a.py:5) and 3 more; fix" in sentence


def test_a_form_feed_does_not_hide_a_suppression() -> None:
    change = edit("x = 1\n\f\nimport os\n", "x = 1\n\f\nimport os  # noqa\n")
    assert [each.line for each in refused([change], ["suppressions"])] == [3]


def test_code_within_a_text_is_no_code() -> None:
    old = 'TEMPLATE = """\ndef f():\n    g()\n"""\n'
    assert refused([edit(old, old.replace("def f():\n    g()\n", "x = 1\n"))], ["deletions"]) == ()


def test_a_name_that_is_no_pattern_is_looked_for_as_it_is() -> None:
    change = edit('__all__ = ["f", "(a+)+("]\n', '__all__ = ["f"]\n')
    assert refused([change], ["deletions"]) == ()


def test_what_is_nested_too_deep_does_not_hide_a_test_that_is_gone() -> None:
    deep = "x = 1" + " + 1" * 2_000 + "\n"
    change = edit("def test_f():\n    assert f()\n\n\n" + deep, deep, "tests/test_a.py")
    assert "test_edits" in {each.rule for each in refused([change], ["test_edits"])}


def test_what_is_broken_is_judged_by_its_lines() -> None:
    change = edit("def f(:\n    g()\ndef h():\n    g()\n", "def f(:\n    g()\n")
    assert [each.what for each in refused([change], ["deletions"])] == ["h"]


def test_a_test_that_cannot_be_read_any_more_is_refused() -> None:
    change = edit("def test_f():\n    assert f()\n", "def test_f(:\n    assert f()\n", "tests/test_a.py")
    assert [each.rule for each in refused([change], ["test_edits"])] == ["test_edits"]
