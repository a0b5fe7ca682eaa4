"""`test_edits`: tests are the judge; a fix may tidy them, not acquit itself by them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from stomper_sdk.guard.base import Edit, Refusal
from stomper_sdk.guard.python import is_python
from stomper_sdk.guard.specs import spec_edits
from stomper_sdk.guard.suites import suite_edits

__all__ = ["is_test", "test_edits"]

_NAMES = (
    "test_*.py", "*_test.py", "tests.py", "test.py", "conftest.py", "*.test.*", "*.spec.*", "*_test.go",
    "*_spec.rb", "*Test.java", "*Tests.java", "*Test.kt", "*Tests.cs", "*Test.php", "*_test.rs",
    "*_test.c*", "*.bats",
)  # fmt: skip
_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "spec", "specs", "e2e"})
_IS_NAMED = re.compile("|".join(map(fnmatch.translate, _NAMES)))
# What tests compare with, written by them.
_RECORDED = re.compile(
    r".*\.(?:snap|ambr|golden|approved\.\w+)|(?:.*/)?(?:__snapshots__|snapshots|golden|__file_snapshots__)/.*"
)


def test_edits(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Tests that are gone or skipped, and assertions that are gone or claim less."""
    tests = [edit for edit in edits if is_test(edit.path)]
    for edit in edits:
        if _RECORDED.fullmatch(edit.path) and edit.before and edit.old.split() != edit.new.split():
            yield Refusal("test_edits", edit.path, 0, edit.path, "changes what tests expect")
    yield from suite_edits([edit for edit in tests if is_python(edit.path)])
    yield from spec_edits([edit for edit in tests if not is_python(edit.path)])


test_edits.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for one


def is_test(path: str) -> bool:
    """Whether a file holds tests, or what they share, by its name or its folder."""
    pure = PurePosixPath(path)
    return _IS_NAMED.fullmatch(pure.name) is not None or not _FOLDERS.isdisjoint(pure.parts[:-1])
