"""What the checks have in common whose tool prints a report in a format of its own."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import ClassVar

import attrs
import trio

from stomper_sdk.checks.base import Look, ToolCheck, Tree
from stomper_sdk.checks.files import batches, top_level
from stomper_sdk.model.finding import Finding
from stomper_sdk.process import Completed

__all__ = ["LinterCheck"]


@attrs.frozen(kw_only=True)
class LinterCheck(ToolCheck):
    """Runs a tool on files and reads `findings` from what it prints; the rest is data."""

    #: What the tool is always given, before the user's own arguments.
    ARGUMENTS: ClassVar[tuple[str, ...]] = ()
    #: The exit codes after which its report is whole; all but 0 say that there are findings.
    ENDED: ClassVar[Container[int]] = (0, 1)

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every finding of the tool.

        Raises:
            CheckError: the tool is missing, crashed, refused its configuration, or says that there is
                something and not what.
        """
        await self.version(tree)
        argvs = await trio.to_thread.run_sync(self._argvs, tree, paths)
        runs = [await self.run(tree, argv, ok=self.ENDED) for argv in argvs]
        return await self.seen(tree, paths, runs, self._told)

    def arguments(self, tree: Tree) -> Sequence[str]:
        """What the tool is given before the user's own arguments."""
        return self.ARGUMENTS

    def targets(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Sequence[str]]:
        """What the tool is asked to look at, None for everything: the last words of each command line."""
        return batches(top_level(tree.root, self.covers) if paths is None else paths)

    def findings(self, tree: Tree, done: Completed) -> Iterable[Finding | None]:
        """What one run of the tool reports, None where it is no concern of the tree's.

        What cannot be read raises, see `seen`.
        """
        raise NotImplementedError

    def _argvs(self, tree: Tree, paths: Sequence[str] | None) -> list[tuple[str, ...]]:
        words = (*self.words, *self.arguments(tree), *self.args)
        asked = None if self.scope == "project" else paths
        return [(*words, *part) for part in self.targets(tree, asked)]

    def _told(self, tree: Tree, done: Completed) -> list[Finding]:
        found = list(self.findings(tree, done))
        if done.exit_code and not found:
            raise self.crash(done)
        return [attrs.evolve(it, message=" ".join(it.message.split())) for it in found if it is not None]
