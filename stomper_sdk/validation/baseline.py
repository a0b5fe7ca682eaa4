"""What the tests said before the fix: found out only where something fails, and once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from stomper_sdk.validation.kept import KeptRuns
from stomper_sdk.validation.run import Runner, SuiteRun
from stomper_sdk.validation.verdict import BaseTree

__all__ = ["Baseline"]


@attrs.define(eq=False)
class Baseline:
    """Runs tests in pristine trees and remembers the runs, by base commit and by what ran.

    `kept` remembers them beyond this run of ours, but for those that say nothing or say something else when
    they are asked again.

    Whole files run rather than single tests: pytest refuses all of a command line of which one node id
    does not exist, as when the fix came with a test of its own.
    """

    command: Runner
    kept: KeptRuns | None = None
    _runs: dict[tuple[str, frozenset[str]], SuiteRun] = attrs.field(factory=dict, init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def run(self, base: BaseTree, files: Sequence[str]) -> SuiteRun:
        """The run of some test files, or of everything, as it was before the fix.

        Args:
            base: lends the pristine tree. Callers that come while it runs wait and share the result.
            files: test files; none means all tests.

        Raises:
            TestsError: the command cannot be started.
        """
        key = (base.commit, frozenset(files))
        async with self._lock:
            if key not in self._runs:
                known = self.kept.get(*key) if self.kept else None
                self._runs[key] = known or await self._look(base, files)
            return self._runs[key]

    async def _look(self, base: BaseTree, files: Sequence[str]) -> SuiteRun:
        async with base.lend() as tree:
            present = _present(tree, files)
            if files and not present:
                return SuiteRun()
            run = await self.command.run(tree, present)
            if self.kept is not None and await self._is_steady(run, tree):
                await trio.to_thread.run_sync(self.kept.keep, base.commit, frozenset(files), run)
            return run

    async def _is_steady(self, run: SuiteRun, tree: Path) -> bool:
        """Whether a run came to its end, some tests passed, and those that fail do so again."""
        if run.trouble or run.foreign or not run.passed:
            return False
        failed = sorted(run.failed())
        if not failed:
            return True
        again = await self.command.run(tree, [] if "" in failed else failed)
        return not again.trouble and run.failed() <= again.failed()


def _present(tree: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(file for file in files if (tree / file).exists())
