"""A finding that is gone because of a mark is told from one that is gone because it was fixed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stomper_sdk.guard import Edit, Side
from stomper_sdk.guard.suppressed import suppressed_by
from stomper_sdk.model.finding import Finding

Places = Sequence[tuple[int, str]]
IMPORTS = "import os\nimport re\n"
LONG = 'x = """\nlong\nlong\n"""'
LETS = "let a = 1\nlet b = 1\n"


def silenced(old: str, new: str, gone: Places, path: str = "a.py") -> Places:
    edit = Edit(path, Side("100644", old), Side("100644", new))
    findings = [Finding("check", code, "message", path, line) for line, code in gone]
    return [(found.line or 0, found.code) for found in suppressed_by([edit], findings)]


@pytest.mark.parametrize(
    ("old", "new", "gone", "expected"),
    [
        ("import os\n", "import os  # noqa: F401\n", [(1, "F401")], [(1, "F401")]),
        ("import os\n", "import os  # noqa\n", [(1, "F401"), (1, "assignment")], [(1, "F401")]),
        ("import os  # noqa: E501\n", "import os  # noqa: E501, F401\n", [(1, "F401")], [(1, "F401")]),
        (IMPORTS, "import re  # noqa: F401\n", [(1, "F401"), (2, "F401")], [(2, "F401")]),
        (IMPORTS, f"# ruff: noqa: F401\n{IMPORTS}", [(1, "F401"), (2, "E741")], [(1, "F401")]),
        (
            "x: int = ''\n",
            "x: int = ''  # type: ignore[assignment]\n",
            [(1, "assignment")],
            [(1, "assignment")],
        ),
        (
            "x: int = ''\n",
            "# type: ignore\nx: int = ''\n",
            [(1, "assignment"), (1, "F401")],
            [(1, "assignment")],
        ),
        ("x: int = ''\n", "# mypy: ignore-errors\nx: int = ''\n", [(1, "assignment")], [(1, "assignment")]),
        (f"{LONG}\n", f"{LONG}  # noqa: E501\n", [(2, "E501"), (3, "E501")], [(2, "E501"), (3, "E501")]),
        ("import os\n", "import os  # pylint: disable=unused-import\n", [(1, "W0611")], [(1, "W0611")]),
        ("import os\n", "print(1)  # noqa: E501\n", [(1, "F401")], []),
        ("import os\nx = 1\n", "import os\nx = 1  # noqa\nprint(os)\n", [(1, "F401")], []),
        ("import os\n", "x = 1  # pragma: no cover\n", [(1, "F401")], []),
        ("import os  # noqa: F401\n", "# noqa: F401\n", [(1, "E741")], []),
        ("x: int = ''\n", "x: str = ''  # type: ignore[misc]\n", [(1, "assignment")], []),
    ],
)
def test_by_the_mark_its_code_and_its_place(old: str, new: str, gone: Places, expected: Places) -> None:
    assert silenced(old, new, gone) == expected


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("// eslint-disable-next-line no-unused-vars", [(1, "no-unused-vars")]),
        ("/* eslint-disable no-unused-vars */", [(1, "no-unused-vars"), (2, "no-unused-vars")]),
        ("/* eslint-disable */", [(1, "no-unused-vars"), (2, "no-unused-vars"), (2, "semi")]),
        ("// @ts-expect-error", [(1, "no-unused-vars")]),
        ("// prettier-ignore", []),
    ],
)
def test_above_a_line_or_for_a_block(mark: str, expected: Places) -> None:
    gone = [(1, "no-unused-vars"), (2, "no-unused-vars"), (2, "semi")]
    assert silenced(LETS, f"{mark}\n{LETS}", gone, "a.js") == expected


def test_settings_silence_in_every_file() -> None:
    edit = Edit("ruff.toml", Side("100644", ""), Side("100644", '[lint]\nignore = ["F401"]\n'))
    gone = [Finding("ruff", code, "m", "pkg/a.py", 1) for code in ("F401", "E741")]
    assert suppressed_by([edit], gone) == (gone[0],)
