"""How fixes would be tested, and whether the tests can be collected at all."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import attrs

from stomper_sdk.doctor.remark import Remark, remark_of
from stomper_sdk.errors import TestsError
from stomper_sdk.model.pipeline import TestValidationSpec
from stomper_sdk.model.present import counted
from stomper_sdk.validation import NoTests, TestSuite
from stomper_sdk.validation.pytest_command import PytestCommand
from stomper_sdk.validation.run import OpaqueCommand, SuiteRun

__all__ = ["tests_remark"]

_SECONDS = 60.0
_NO_TESTS = "Name a command in test_validation.command, or say test_validation.mode: none."
_UNLIKE = "A workspace may need more of your tree: workspace.include, workspace.link or workspace.setup."


async def tests_remark(spec: TestValidationSpec, root: Path, tree: Path | None) -> Remark:
    """What a run would do about tests.

    Args:
        spec: the pipeline's.
        root: the top of the user's checkout.
        tree: a tree as a workspace has it, None where there is none to try it in.
    """
    if spec.mode == "none":
        return Remark("ok", "tests", "the pipeline wants none (test_validation.mode: none)")
    try:
        suite = await TestSuite.find(spec, root)
    except TestsError as error:
        return remark_of(error, "tests")
    if isinstance(suite, NoTests):
        return Remark("warning", "tests", f"fixes are not tested: {suite.reason}", _NO_TESTS)
    command = suite.command
    if isinstance(command, PytestCommand) and tree is not None:
        return await _collected(command, tree)
    words = command.words if isinstance(command, PytestCommand | OpaqueCommand) else ()
    return Remark("ok", "tests", f"{shlex.join(words)}, not tried")


async def _collected(command: PytestCommand, tree: Path) -> Remark:
    """Let pytest import every test file of a fresh checkout, and run none."""
    words = (*command.words, "--collect-only")
    seen = await attrs.evolve(command, words=words, timeout=_SECONDS).run(tree, ())
    wrong = _wrong(seen)
    if wrong:
        return Remark("warning", "tests", f"in a fresh checkout, {wrong}", _UNLIKE)
    return Remark("ok", "tests", f"{shlex.join(command.words)} collects them in a fresh checkout")


def _wrong(seen: SuiteRun) -> str:
    if seen.trouble:
        return seen.trouble
    if seen.foreign:
        return f"they import from your checkout: {_some(seen.foreign)}"
    if seen.failures:
        first = seen.failures[0]
        number = counted(len(seen.failures), "test file")
        return f"{number} cannot be collected, the first {first.nodeid}: {first.message}"
    return ""


def _some(names: Iterable[str]) -> str:
    first, *others = names
    return f"{first} and {len(others)} more" if others else first
