"""Ruff's own fixes: no key, no network, deterministic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import attrs

from stomper_sdk.agents.base import TIMEOUT, AgentReply, AgentTask, run_program
from stomper_sdk.errors import AgentError
from stomper_sdk.options import flag, option, optional, seconds, strings
from stomper_sdk.process import find_program

__all__ = ["RuffFixAgent"]

_CODE = re.compile(r"[A-Z]+[0-9]+")
_UNUSED_NOQA = "RUF100"


@attrs.frozen(kw_only=True)
class RuffFixAgent:
    """Lets ruff fix, in the task's file, the rules that the findings are of, and no others.

    The repository's own per-file-ignores, noqa comments and unfixable rules keep their meaning.
    """

    name: str
    unsafe_fixes: bool = option(flag, False, "Apply also fixes that may change what the code does.")
    select: tuple[str, ...] | None = option(
        optional(strings), None, "Rules or prefixes to fix; by default the codes of the findings."
    )
    format: bool = option(flag, False, "Format the file afterwards.")
    timeout: float = option(seconds, TIMEOUT, "The time limit of one edit.")
    once: bool = attrs.field(default=True, init=False)
    confined: ClassVar[bool] = True
    free: ClassVar[bool] = True
    _known: dict[str, bool] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    @property
    def program(self) -> str:
        """What must be there to be run."""
        return "ruff"

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Fix, then format if asked to.

        Raises:
            AgentError: ruff is missing, its configuration is wrong, or it cannot read the file.
        """
        program = find_program("ruff")
        if program is None:
            raise AgentError(f"agent {self.name}: ruff is missing", "Install it: pip install ruff")
        codes = await self._codes(program, task) if self.select is None else self.select
        unsafe = ["--unsafe-fixes"] if self.unsafe_fixes else []
        check = [program, "check", "--fix", "--exit-zero", "--no-cache", "--quiet", *unsafe]
        for rules in _selections(codes):
            await self._run([*check, *rules], task)
        if self.format:
            await self._run([program, "format", "--no-cache", "--quiet"], task)
        return AgentReply(f"asked ruff for its fixes of {', '.join(codes) or 'nothing'}")

    async def _run(self, argv: Sequence[str], task: AgentTask) -> None:
        await run_program(self.name, [*argv, "--", task.path], task, timeout=self.timeout)

    async def _codes(self, program: str, task: AgentTask) -> tuple[str, ...]:
        """The codes that ruff knows: others are another check's, or say "invalid syntax".

        What the last attempt's fixes brought in is fixed along with them.
        """
        found = (*task.findings, *task.introduced)
        codes = sorted({finding.code for finding in found if _CODE.fullmatch(finding.code)})
        for code in codes:
            if code not in self._known:
                ask = [program, "rule", code]
                done = await run_program(self.name, ask, task, timeout=self.timeout, ok=(0, 2))
                self._known[code] = done.exit_code == 0
        return tuple(code for code in codes if self._known[code])


def _selections(codes: Iterable[str]) -> Iterator[list[str]]:
    """The arguments of each call of ruff.

    A selection on the command line replaces the repository's. For the rule of unused noqa comments
    that would make every noqa of a rule that is not selected look unused; it is added to the
    repository's selection instead, and alone is fixed.
    """
    others = [code for code in codes if code != _UNUSED_NOQA]
    if others:
        yield ["--select", ",".join(others)]
    if _UNUSED_NOQA in codes:
        yield ["--extend-select", _UNUSED_NOQA, "--fixable", _UNUSED_NOQA]
