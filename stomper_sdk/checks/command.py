"""What the checks have in common that run a program of the user's choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from stomper_sdk.checks.base import ToolCheck, Tree
from stomper_sdk.checks.files import batches
from stomper_sdk.options import command_words, integers, option

__all__ = ["CommandCheck"]

_FILES = "{files}"


@attrs.frozen(kw_only=True)
class CommandCheck(ToolCheck):
    """A check that runs `command`; a word `{files}` in it becomes the files, else they come last."""

    command: tuple[str, ...] = option(command_words, meaning="The program and its arguments.")
    ok_exit_codes: tuple[int, ...] = option(
        integers, (0, 1), "The exit codes after which its output is trusted."
    )

    async def version(self, tree: Tree | None = None) -> str:
        """Always `unknown`: how an arbitrary program tells its version cannot be known.

        Raises:
            CheckError: the program is missing.
        """
        self.program(tree)
        return "unknown"

    def argvs(self, paths: Sequence[str] | None) -> Iterator[tuple[str, ...]]:
        """The command lines that look at some files, or at everything (`.`)."""
        words = (*self.words, *self.args)
        at = words.index(_FILES) if _FILES in words else len(words)
        for part in batches(paths):
            yield (*words[:at], *part, *words[at + 1 :])
