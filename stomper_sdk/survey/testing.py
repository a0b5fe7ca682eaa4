"""How a repository is tested, as its files tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs

from stomper_sdk.process import find_program
from stomper_sdk.survey.package import package_scripts, runner_of
from stomper_sdk.survey.tools import own_program
from stomper_sdk.validation.configuration import pytest_settings
from stomper_sdk.validation.graph import TestFiles

__all__ = ["TestsFound", "find_tests"]

_SCRIPTS = ("test", "test:run", "test:ci", "test:unit")
_NO_SCRIPT = "no test specified"
# A command that never ends; CI=true, with which scripts are run, turns off what is not spelled out.
_WATCHING = re.compile(r"--watch(?:All)?(?!=false)\b|\bvitest (?:watch|dev)\b|\bnodemon\b")


@attrs.frozen
class TestsFound:
    """`command` is what the pipeline says, empty for no tests; `notes` tell what is not run, and why."""

    __test__ = False

    kind: Literal["none", "pytest", "script"] = "none"
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_tests(root: Path, files: Sequence[str]) -> TestsFound:
    """How to test what git tracks; a pipeline has one command, and pytest comes first."""
    by_pytest, by_script = _pytest(root, files), _script(root)
    if by_pytest.kind == "none":
        return attrs.evolve(by_script, notes=(*by_pytest.notes, *by_script.notes))
    left_out = f"not run: {' '.join(by_script.command[2:])}, since a pipeline has one test command"
    return attrs.evolve(by_pytest, notes=(left_out,) if by_script.command else ())


def _pytest(root: Path, files: Sequence[str]) -> TestsFound:
    tests = TestFiles(pytest_settings(root))
    if not any(tests.is_test(path) for path in files if path.endswith(".py")):
        return TestsFound()
    program = own_program("pytest", root)
    if program is None:
        return TestsFound(notes=("there are tests, but pytest is missing: pip install pytest",))
    return TestsFound("pytest", ("auto",) if program == "pytest" else (program,))


def _script(root: Path) -> TestsFound:
    scripts, runner = package_scripts(root), runner_of(root)
    real = [name for name in _SCRIPTS if name in scripts and _NO_SCRIPT not in scripts[name]]
    ending = [name for name in real if not _WATCHING.search(scripts[name])]
    if not real:
        return TestsFound()
    if not ending:
        return TestsFound(notes=(f"the script {real[0]!r} of package.json watches and never ends",))
    if find_program(runner) is None:
        return TestsFound(notes=(f"package.json has the script {ending[0]!r}, but {runner} is missing",))
    return TestsFound("script", ("env", "CI=true", runner, "run", ending[0]))
