"""A check of one's own that is a function."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import attrs
import trio

from stomper_sdk.checks.base import Evidence, Look, Scope, Tree
from stomper_sdk.errors import CheckError, StomperError
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

    async def version(self) -> str:
        return str(getattr(self.function, "version", "0"))

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Call the function; its findings carry this check's name.

        Raises:
            CheckError: it raised, or returned something else than findings.
        """
        try:
            with trio.fail_after(self.timeout):
                found = await self._call(tree, paths)
            findings = tuple(attrs.evolve(finding, check=self.name) for finding in found)
        except StomperError:
            raise
        # The function is the user's own and may raise anything; it never reads as "no findings".
        except Exception as error:
            raise CheckError(f"check {self.name}: it raised {type(error).__name__}: {error}") from error
        digest = hashlib.sha256(repr(findings).encode()).hexdigest()
        return Look(findings, Evidence(self.name, (), 0, await self.version(), digest))

    async def _call(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
        call: Any = self.function
        if inspect.iscoroutinefunction(call):
            found: Iterable[Finding] = await call(tree, paths)
            return found
        # A generator is run to its end in the thread as well.
        return await trio.to_thread.run_sync(lambda: tuple(call(tree, paths)), abandon_on_cancel=True)
