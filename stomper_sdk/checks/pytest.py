"""The check `pytest`: each test that fails is a finding on the file that holds it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from stomper_sdk.checks.base import Look, Scope, ToolCheck, Tree
from stomper_sdk.checks.files import relative_to
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import one_of, option
from stomper_sdk.probe import ProbeReport, TestOutcome, probe_arguments, probe_environment, read_probe
from stomper_sdk.process import Completed
from stomper_sdk.validation.configuration import configures_pytest
from stomper_sdk.validation.roots import tree_environment

__all__ = ["PytestCheck"]

_NO_TESTS = 5
_ENDED = frozenset({0, 1, _NO_TESTS})
_UNSTEADY = (
    (re.compile(r"\b0x[0-9a-fA-F]+"), "0x…"),
    (re.compile(r"\b\d+(\.\d+)?(e-?\d+)? ?(s|ms|us|ns|seconds?)\b"), "…s"),
    (re.compile(r"pytest-of-[^/\s]+/pytest-\d+"), "pytest-of-…"),
)


@attrs.frozen(kw_only=True)
class PytestCheck(ToolCheck):
    """Runs the whole suite: `failed` is a test that failed, `error` one that could not even run.

    The tree's own code is what the tests import, and nothing stops the suite early.
    """

    PROGRAM: ClassVar[str] = "pytest"
    INSTALL: ClassVar[str] = "Install it with `pip install pytest`, or give `command`, as in `uv run pytest`."

    scope: Scope = option(one_of("project"), "project", "Tests depend on other files, always.")

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every failing test.

        Raises:
            CheckError: pytest is missing, could not start the suite, or did not end it.
        """
        await self.version(tree)
        with tempfile.TemporaryDirectory(prefix="stomper-pytest-") as folder:
            file = Path(folder, "report.json")
            environment = probe_environment(file, tree_environment(tree.root, tree.environment), ())
            argv = [*self.words, *self._options(tree), *self.args]
            done = await self.run(tree, argv, ok=range(-64, 256), env=environment)
            report = read_probe(file)
        if report is None or done.exit_code not in _ENDED:
            raise self.crash(done, f"{done.text.strip()}\n{done.error_text.strip()}".strip()[-2000:])
        failures = _failures(report)
        if done.exit_code == 1 and not failures:
            raise self.crash(done, f"no test failed: {done.text.strip()[-2000:]}")

        def findings(tree: Tree, _: Completed) -> Iterator[Finding]:
            return (self._finding(tree, test) for test in failures)

        return await self.seen(tree, None, [done], findings)

    def _options(self, tree: Tree) -> Iterator[str]:
        yield from probe_arguments()
        yield from (f"--rootdir={tree.root}", "-o", f"cache_dir={tree.cache / 'pytest'}", "-q")
        yield from ("--continue-on-collection-errors", "--maxfail=0")
        # Pytest climbs to parent folders for its configuration, which are not the tree's.
        if not configures_pytest(tree.root) and any(map(configures_pytest, tree.root.parents)):
            yield from ("-c", os.devnull, f"--confcutdir={tree.root}")

    def _finding(self, tree: Tree, test: TestOutcome) -> Finding:
        file, line = test.file, test.line
        if relative_to(tree.root, file) is None:  # an inherited test, defined in an installed package
            file, line = str(tree.root / test.nodeid.partition("::")[0]), None
        message = _steady(f"{test.nodeid}: {test.message}", tree)
        return self.finding(tree, file, message, test.outcome, line)


def _failures(report: ProbeReport) -> list[TestOutcome]:
    tests = [test for test in report.tests if test.outcome in {"failed", "error"}]
    return [*tests, *report.collection_errors]


def _steady(message: str, tree: Tree) -> str:
    """A message without what differs from run to run, and from tree to tree."""
    for root in (str(tree.root), os.path.realpath(tree.root)):
        message = message.replace(f"{root}{os.sep}", "").replace(root, ".")
    for pattern, instead in _UNSTEADY:
        message = pattern.sub(instead, message)
    return message
