"""Which definition is shown around a finding."""

from __future__ import annotations

import pytest

from stomper_sdk.prompts.enclosing import enclosing

PYTHON = '''\
import os

TEXT = """
def no_function():
"""


class Shop:
    name = "shop"

    @property
    @cached
    def till(
        self,
        limit: int = [],
    ) -> str:
        query = """
select
"""
        return query + self.name


def close(): pass
'''
BRACES = """\
function open(
  door,
) {
  if (door) {
    push(door);
  }
}

function close() {
  pull();
}
"""


def shown(path: str, source: str, line: int) -> tuple[int, int]:
    """The first and the last line, from 1."""
    start, end = enclosing(path, source)(line - 1)
    return start + 1, end


@pytest.mark.parametrize(
    ("line", "lines"),
    [(1, (1, 1)), (4, (4, 4)), (8, (8, 20)), (12, (11, 20)), (15, (11, 20)), (20, (11, 20)), (23, (23, 23))],
)
def test_of_python_it_is_the_innermost_with_its_decorators(line: int, lines: tuple[int, int]) -> None:
    assert shown("a.py", PYTHON, line) == lines


@pytest.mark.parametrize("line", [2, 5, 6, 7])
def test_of_other_languages_it_is_told_by_indentation(line: int) -> None:
    assert shown("a.js", BRACES, line) == (1, 8)


def test_of_a_long_one_it_is_the_head() -> None:
    source = "def f(\n    a,\n    b,\n):\n" + "    a += 1\n" * 100
    assert shown("a.py", source, 50) == (1, 4)
    assert shown("a.js", source.replace("def", "function"), 50) == (1, 1)


def test_python_that_cannot_be_parsed_is_told_by_indentation() -> None:
    assert shown("a.py", "def f(\n    a,\n) -> int:\n    return (\n\n\nx = 1\n", 4) == (1, 6)
