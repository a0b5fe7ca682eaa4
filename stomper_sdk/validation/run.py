"""One run of a test command in one tree, whatever the command is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import attrs

from stomper_sdk.errors import CommandError, TestsError
from stomper_sdk.process import CommandLimit, Completed, Confinement, clean_environment, run_command
from stomper_sdk.sandbox import Sandbox
from stomper_sdk.validation.roots import tree_environment
from stomper_sdk.validation.verdict import TestFailure

__all__ = ["OpaqueCommand", "Runner", "SuiteRun", "error_line", "run_in_tree"]

# The node id of all tests together.
_WHOLE = ""
# From what tells most to what tells least: pytest's own marking, an exception, a tool's complaint.
_ERRORS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^E\s+(\S.*)$",
        r"^((?:\w+\.)*\w+(?:Error|Exception|Exit)\b.*)$",
        r"^(.*\berror: .*)$",
        r"^(.*\b(?:ERROR|fatal)\b.*)$",
    )
)


@attrs.frozen
class SuiteRun:
    """What one run showed.

    `trouble` says why it did not come to an end of its own, empty where it did; `foreign` are modules
    that were imported from the user's checkout instead of the tree.
    """

    passed: frozenset[str] = frozenset()
    failures: tuple[TestFailure, ...] = ()
    skipped: int = 0
    foreign: tuple[str, ...] = ()
    trouble: str = ""
    timed_out: bool = False

    def failed(self) -> frozenset[str]:
        return frozenset(failure.nodeid for failure in self.failures)


class Runner(Protocol):
    """Runs a project's tests in a tree."""

    @property
    def words(self) -> tuple[str, ...]:
        """The command, its program first."""

    def narrowed(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Which of some test files the command would run; None where it cannot be told which to run."""

    async def run(self, tree: Path, targets: Sequence[str]) -> SuiteRun:
        """Run the tests.

        Args:
            tree: the top of the workspace, also the working directory.
            targets: test files or node ids; none means all that the command runs by itself.

        Raises:
            TestsError: the command cannot be started.
        """


@attrs.frozen
class OpaqueCommand:
    """Any command: it passes where it exits with 0, and nothing else is known of it."""

    words: tuple[str, ...]
    timeout: float
    sandbox: Sandbox | None = None
    env: tuple[str, ...] = ()

    def narrowed(self, files: Sequence[str]) -> tuple[str, ...] | None:
        return None

    async def run(self, tree: Path, targets: Sequence[str]) -> SuiteRun:
        try:
            confinement = self.sandbox.around(tree) if self.sandbox else None
            environment = tree_environment(tree, clean_environment(dict.fromkeys(self.env)))
            done = await run_in_tree(self.words, tree, self.timeout, environment, confinement)
        except CommandLimit as error:
            return SuiteRun(trouble=error.message, timed_out=True)
        if done.exit_code == 0:
            return SuiteRun(passed=frozenset({_WHOLE}))
        message = f"{shlex.join(self.words)} {done.ending}: {error_line(done)}"
        return SuiteRun(failures=(TestFailure(_WHOLE, message, f"{done.text}\n{done.error_text}".strip()),))


async def run_in_tree(
    words: Sequence[str],
    tree: Path,
    timeout: float,
    environment: Mapping[str, str],
    confinement: Confinement | None = None,
) -> Completed:
    """Run a command of tests at the top of a tree.

    Args:
        words: program and arguments.
        tree: where.
        timeout: seconds.
        environment: the whole environment.
        confinement: what it is shut in.

    Raises:
        CommandLimit: its time was up, or it took more than the sandbox allows.
        TestsError: it cannot be started.
    """
    try:
        return await run_command(words, cwd=tree, timeout=timeout, env=environment, confinement=confinement)
    except CommandLimit:
        raise
    except CommandError as error:
        raise TestsError(f"the tests cannot be run: {error.message}", error.hint) from error


def error_line(done: Completed) -> str:
    """The line that tells best why a command failed: the first that names an error, else its last."""
    text = f"{done.text}\n{done.error_text}".strip()
    for pattern in _ERRORS:
        if match := pattern.search(text):
            return match[1].strip()[:300]
    lines = text.splitlines()
    return lines[-1].strip()[:300] if lines else "it printed nothing"
