"""A check of one's own that is a function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import attrs
import trio

from stomper_sdk.checks.base import Look, Scope, Tree
from stomper_sdk.checks.files import relative_to
from stomper_sdk.errors import CheckError, StomperError
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding

__all__ = ["FunctionCheck"]

CheckFunction = Callable[[Tree, Sequence[str] | None], Iterable[Finding] | Awaitable[Iterable[Finding]]]


@attrs.frozen
class FunctionCheck:
    """A check from a plain or async function `(tree, paths) -> findings`; a plain one runs in a thread."""

    name: str
    function: CheckFunction
    scope: Scope = "file"
    timeout: float = 300.0

    @classmethod
    def of(cls, name: str, function: CheckFunction) -> FunctionCheck:
        return cls(name, function, getattr(function, "scope", "file"))

    def covers(self, path: str) -> bool:
        return True

    async def version(self, tree: Tree | None = None) -> str:
        return str(getattr(self.function, "version", "0"))

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Call the function; its findings carry this check's name.

        Raises:
            CheckError: it raised, took too long, returned something else than findings, or one of a
                path outside of the tree.
        """
        try:
            with trio.fail_after(self.timeout):
                found = await self._call(tree, paths)
            findings = tuple(self._own(finding, tree) for finding in found)
        except StomperError:
            raise
        except trio.TooSlowError as error:
            text = f"check {self.name}: it was ended at its time limit of {self.timeout:g} s"
            raise CheckError(text) from error
        # The function is the user's own and may raise anything; it never reads as "no findings".
        except (Exception, SystemExit) as error:
            raise CheckError(f"check {self.name}: it raised {type(error).__name__}: {error}") from error
        return Look(findings, Evidence(self.name, (), 0, await self.version()))

    def _own(self, finding: Finding, tree: Tree) -> Finding:
        path = relative_to(tree.root, finding.path)
        if path is None:
            raise CheckError(f"check {self.name}: it reports on {finding.path!r}, outside of the tree")
        return attrs.evolve(finding, check=self.name, path=path)

    async def _call(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
        call: Any = self.function
        if inspect.iscoroutinefunction(call):
            found: Iterable[Finding] = await call(tree, paths)
            return found
        # A generator is run to its end in the thread as well.
        return await trio.to_thread.run_sync(lambda: tuple(call(tree, paths)), abandon_on_cancel=True)
