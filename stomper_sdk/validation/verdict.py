"""What the tests say about a fix."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, Protocol

import attrs

from stomper_sdk.validation.selection import TestSelection

__all__ = ["BaseTree", "TestFailure", "TestVerdict"]


class BaseTree(Protocol):
    """Lends what the fix started from, to find out what failed before it."""

    @property
    def commit(self) -> str:
        """The base commit's full hash: what is known of one commit is not found out again."""

    def lend(self) -> AbstractAsyncContextManager[Path]:
        """A fresh workspace of the base commit, gone when the block ends."""


@attrs.frozen
class TestFailure:
    """A test that fails: its node id, why, and what was printed of it.

    The node id of a file that cannot be collected is its path, that of a whole command an empty string.
    """

    __test__ = False

    nodeid: str
    message: str
    text: str = attrs.field(default="", repr=False)


@attrs.frozen
class TestVerdict:
    """Whether the fix keeps the project's tests as they were.

    `passed`: tests ran, some passed, and none fails that did not fail before. `failed`: `failures` are
    those that the fix broke. `unreached`: no test ran that could tell. `blind`: the tests cannot run, or
    do not test the workspace. `none`: no tests were asked for. Only `passed` counts as passed.
    """

    __test__ = False

    state: Literal["passed", "failed", "unreached", "blind", "none"]
    summary: str
    failures: tuple[TestFailure, ...] = ()
    selection: TestSelection | None = None

    @property
    def refuses(self) -> bool:
        """Whether a fix may not stay with it."""
        return self.state in ("failed", "blind")
