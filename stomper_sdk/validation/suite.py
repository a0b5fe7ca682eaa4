"""Tests after the fix: does it keep the project's tests as they were?"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import TestsError
from stomper_sdk.model.pipeline import TestValidationSpec
from stomper_sdk.model.present import listed
from stomper_sdk.options import command_words
from stomper_sdk.process import find_program, withheld
from stomper_sdk.sandbox import Sandbox
from stomper_sdk.validation.baseline import Baseline
from stomper_sdk.validation.configuration import pytest_settings
from stomper_sdk.validation.graph import ImportGraph, TestFiles, python_files
from stomper_sdk.validation.judgement import SuiteEvidence, judge
from stomper_sdk.validation.kept import KeptRuns, setting_of
from stomper_sdk.validation.pytest_command import PytestCommand, split_pytest
from stomper_sdk.validation.run import OpaqueCommand, Runner
from stomper_sdk.validation.selection import TestSelection, select_from
from stomper_sdk.validation.verdict import BaseTree, TestFailure, TestVerdict

__all__ = ["NoTests", "TestSuite"]


@attrs.frozen
class NoTests:
    """A project that has no tests which could be run, and why."""

    reason: str


@attrs.define(eq=False)
class TestSuite:
    """A project's tests. One object serves all files of a run, also at the same time.

    `foreign` is the top of the user's checkout, from which the tests of a workspace must not import;
    `kept` are the names of secret variables that the tests do not get.
    """

    __test__ = False

    command: Runner
    foreign: Path
    flaky_reruns: int = 1
    kept: frozenset[str] = frozenset()
    _baseline: Baseline = attrs.field(
        default=attrs.Factory(lambda self: Baseline(self.command), takes_self=True), init=False
    )
    _graphs: dict[str, ImportGraph] = attrs.field(factory=dict, init=False)
    _reading: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    @classmethod
    async def find(
        cls, spec: TestValidationSpec, root: Path, sandbox: Sandbox | None = None
    ) -> TestSuite | NoTests:
        """Find out how a project is tested.

        Args:
            spec: the command, or `auto` for pytest where the project has tests and pytest is there.
            root: the top of the user's checkout.
            sandbox: what the tests are shut in.

        Raises:
            TestsError: a command is given and its program is missing.
        """
        command = await trio.to_thread.run_sync(_resolve, spec, root, sandbox)
        return (
            command
            if isinstance(command, NoTests)
            else cls(command, root, spec.flaky_reruns, withheld(spec.env))
        )

    def remember(self, folder: Path, commit: str, declared: object, secrets: Collection[str] = ()) -> None:
        """Keep what the tests say before any fix beyond this run, and know what was kept; it blocks.

        Args:
            folder: where.
            commit: the base commit, of which it is to be known.
            declared: what the pipeline says of tests, workspaces and the sandbox.
            secrets: values that stand in nothing that is kept.
        """
        setting = setting_of(self.command.words, declared)
        self._baseline.kept = KeptRuns.of(folder, setting, commit, secrets)

    async def validate(
        self, workspace: Path, changed: Sequence[str], *, mode: str, base: BaseTree
    ) -> TestVerdict:
        """Run the tests in a workspace and compare them with those before the fix.

        Args:
            workspace: the top of a checkout of the base commit with the fix in it.
            changed: the repo-relative paths that the fix made, changed or removed.
            mode: `none` runs nothing, `quick` what the change can reach, any other everything.
            base: lends pristine trees, asked only where something fails.

        Raises:
            TestsError: the command cannot be started.
        """
        if mode == "none":
            return TestVerdict("none", "no tests were asked for")
        selection = await self._select(workspace, changed, mode, base.commit)
        if selection.files == ():
            return TestVerdict("unreached", f"no tests ran: {selection.reason}", (), selection)
        run = await self.command.run(workspace, selection.files or ())
        evidence = SuiteEvidence(run, selection)
        if not run.foreign and (run.failures or run.trouble):
            evidence = await self._look_closer(evidence, workspace, base)
        return _with_way_out(judge(evidence), evidence, self.kept)

    async def still_fail(self, tree: Path, failures: Sequence[TestFailure]) -> bool:
        """Whether any of some failures shows in another tree, too; no more is run than can tell, and once.

        Raises:
            TestsError: the command cannot be started.
        """
        files = sorted({failure.nodeid.partition("::")[0] for failure in failures})
        narrow = files if all(file and (tree / file).exists() for file in files) else ()
        run = await self.command.run(tree, narrow)
        names = {name for failure in failures for name in (failure.nodeid, failure.nodeid.partition("::")[0])}
        return bool(run.trouble) or not names.isdisjoint(run.failed())

    async def _select(self, workspace: Path, changed: Sequence[str], mode: str, commit: str) -> TestSelection:
        if mode != "quick":
            return TestSelection(None, "all", f"the mode is {mode}")
        if self.command.narrowed(()) is None:
            return TestSelection(None, "all", "the test command cannot be told what to run")
        async with self._reading:
            if commit not in self._graphs:
                self._graphs = {commit: await trio.to_thread.run_sync(ImportGraph.read, workspace, changed)}
            graph = self._graphs[commit]
        testmon = self.foreign / ".testmondata"
        found = await trio.to_thread.run_sync(_selected, graph, workspace, changed, testmon)
        files = self.command.narrowed(found.files) if found.files else found.files
        if found.files and not files:
            return attrs.evolve(found, files=(), reason="the test command runs none of those that reach it")
        return attrs.evolve(found, files=files)

    async def _look_closer(self, evidence: SuiteEvidence, workspace: Path, base: BaseTree) -> SuiteEvidence:
        """Run again what fails, then ask how it was before the fix about what fails still."""
        evidence = await self._rerun(evidence, workspace)
        run = evidence.run
        if not run.failures and not run.trouble:
            return evidence
        files = {failure.nodeid.partition("::")[0] for failure in run.failures}
        everything = bool(run.trouble) or "" in files
        targets = evidence.selection.files or () if everything else sorted(files)
        return attrs.evolve(evidence, before=await self._baseline.run(base, targets))

    async def _rerun(self, evidence: SuiteEvidence, workspace: Path) -> SuiteEvidence:
        for _ in range(self.flaky_reruns):
            if not evidence.run.failures:
                break
            failed = [failure.nodeid for failure in evidence.run.failures if failure.nodeid]
            again = await self.command.run(workspace, failed or evidence.selection.files or ())
            evidence = evidence.without_flaky(again)
        return evidence


def _with_way_out(verdict: TestVerdict, evidence: SuiteEvidence, kept: Collection[str]) -> TestVerdict:
    """The verdict, with a word on secret variables for want of which tests seem to fail."""
    names = sorted(evidence.words().intersection(kept))
    if not names:
        return verdict
    what = f"{listed(names)} {'is' if len(names) == 1 else 'are'} kept from tests, for being secret"
    way_out = f"test_validation.env: [{', '.join(names)}] passes {'it' if len(names) == 1 else 'them'} on"
    return attrs.evolve(verdict, summary=f"{verdict.summary}; {what}: {way_out}")


def _selected(graph: ImportGraph, workspace: Path, changed: Sequence[str], testmon: Path) -> TestSelection:
    return select_from(graph.with_changed(workspace, changed), workspace, changed, testmon)


def _resolve(spec: TestValidationSpec, root: Path, sandbox: Sandbox | None) -> Runner | NoTests:
    words = command_words(spec.command)
    if words == ("auto",):
        return _automatic(spec, root, sandbox)
    program = words[0] if os.sep in words[0] else find_program(words[0])
    if program is None or (os.sep in program and not os.access(root / program, os.X_OK)):
        raise TestsError(
            f"the test command {words[0]!r} is missing",
            "Install it where stomper-sdk runs, or correct test_validation.command.",
        )
    words = (program, *words[1:])
    if split := split_pytest(words, root):
        return PytestCommand(*split, spec.timeout, root, sandbox, spec.env)
    return OpaqueCommand(words, spec.timeout, sandbox, spec.env)


def _automatic(spec: TestValidationSpec, root: Path, sandbox: Sandbox | None) -> Runner | NoTests:
    tests = TestFiles(pytest_settings(root))
    if not any(map(tests.is_test, python_files(root))):
        return NoTests("the repository has no test files by pytest's patterns")
    program = find_program("pytest")
    if program is None:
        return NoTests("pytest is not installed where stomper-sdk runs")
    return PytestCommand((program,), (), spec.timeout, root, sandbox, spec.env)
