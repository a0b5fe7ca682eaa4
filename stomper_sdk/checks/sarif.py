"""The check `sarif`: any program that writes SARIF 2.1.0, the format of static analysis results."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import trio

from stomper_sdk.checks.base import Look, Tree
from stomper_sdk.checks.command import CommandCheck
from stomper_sdk.checks.sarif_log import SarifResult, read_log
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import option, optional, text
from stomper_sdk.process import Completed

__all__ = ["SarifCheck"]

_OUTPUT = "{output}"


@attrs.frozen(kw_only=True)
class SarifCheck(CommandCheck):
    """Runs `command` and reads SARIF from its standard output, or from the file named `output`.

    That file is made in a temporary folder; its path takes the place of `{output}` in the command.
    """

    output: str | None = option(
        optional(text), None, "A name for the file that the program writes, as {output} in the command."
    )

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every result that is a problem, is not suppressed, and names a file.

        Raises:
            CheckError: the program is missing, crashed, says that it failed, wrote something else than
                SARIF, or reports a result without a file: nobody could fix it, nor see it gone.
        """
        runs = [await self._run(tree, argv) for argv in self.argvs(paths)]
        return await self.seen(tree, paths, runs, self._findings)

    async def _run(self, tree: Tree, argv: Sequence[str]) -> Completed:
        """Run the program; what it wrote into the file stands in for its standard output."""
        if self.output is None:
            return await self.run(tree, argv, ok=self.ok_exit_codes)
        with tempfile.TemporaryDirectory(prefix="stomper-sarif-") as folder:
            file = Path(folder, Path(self.output).name)
            words = [word.replace(_OUTPUT, str(file)) for word in argv]
            done = await self.run(tree, words, ok=self.ok_exit_codes)
            return attrs.evolve(done, stdout=await trio.to_thread.run_sync(self._written, done, file))

    def _written(self, done: Completed, file: Path) -> bytes:
        if not file.is_file():
            raise self.crash(done, f"it wrote no {self.output}; is {_OUTPUT} in its command?")
        return file.read_bytes()

    def _findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        for result in read_log(done.stdout, tree.root):
            yield self._finding(tree, done, result)

    def _finding(self, tree: Tree, done: Completed, result: SarifResult) -> Finding:
        code = result.rule or self.name
        if result.path is None:
            raise self.crash(done, f"its result {code!r} names no file: {result.message}")
        place = (result.line, result.column)
        return self.finding(tree, result.path, result.message, code, *place, result.severity)
