"""The contract of a check, and what checks that run a command have in common."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs

from stomper_sdk.errors import CheckError, CommandError
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import (
    command_words,
    mapping_of,
    one_of,
    option,
    optional,
    seconds,
    strings,
)
from stomper_sdk.process import Completed, clean_environment, find_program, run_command
from stomper_sdk.registry import Registry

__all__ = ["CHECKS", "Check", "Evidence", "Look", "Scope", "ToolCheck", "Tree", "relative_path"]

Scope = Literal["file", "project"]
MAX_OUTPUT = 256 * 1024 * 1024


@attrs.frozen
class Tree:
    """Where a check looks.

    `root` is the top of the user's checkout or of a workspace; `cache` is a folder for the tool's own
    cache, outside the tree; `environment` is the whole environment of the tool (the tree's import roots
    come first on its PYTHONPATH).
    """

    root: Path
    cache: Path
    environment: Mapping[str, str] = attrs.field(factory=clean_environment, repr=False)


@attrs.frozen
class Evidence:
    """What proves a look: the command, its exit code, the tool's version and its output's digest."""

    check: str
    command: tuple[str, ...]
    exit_code: int
    version: str
    digest: str


@attrs.frozen
class Look:
    """What a check saw at one time."""

    findings: tuple[Finding, ...]
    evidence: Evidence


class Check(Protocol):
    """Finds findings in a tree. Returns them or raises `CheckError`; never "none" after a crash."""

    @property
    def name(self) -> str:
        """Its name in the pipeline; findings carry it."""

    @property
    def scope(self) -> Scope:
        """`file`: a file's findings depend on that file alone; `project`: on other files too."""

    def covers(self, path: str) -> bool:
        """Whether the check has something to say of a file of that name."""

    async def version(self) -> str:
        """The version of the tool, as it is reported. Raises CheckError where it is missing."""

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every finding in the tree, or in some files of it.

        Args:
            tree: where to look.
            paths: repo-relative POSIX paths of existing files; None means everything. A check of
                scope `project` looks at everything anyway.

        Raises:
            CheckError: the tool is missing, crashed, or printed what cannot be read.
        """


@attrs.frozen(kw_only=True)
class ToolCheck:
    """The options that all checks which run a command share, and how they run it.

    `command` replaces the program, as in `uvx ruff` or `npx eslint`; `args` are added to what the
    check passes by itself; `severity` maps codes, as globs, to `error`, `warning` or `info`.
    """

    name: str
    command: tuple[str, ...] | None = option(
        optional(command_words), None, "The program, where it is not simply the tool's own name."
    )
    args: tuple[str, ...] = option(strings, (), "Arguments added to those the check passes itself.")
    timeout: float = option(seconds, 300.0, "The time limit of one look.")
    severity: Mapping[str, Severity] = option(
        mapping_of("error", "warning", "info"), attrs.Factory(dict), "Severity by glob of the code."
    )
    scope: Scope = option(one_of("file", "project"), "file", "Whether other files matter.")
    files: tuple[str, ...] = option(strings, ("*",), "Globs of the file names that it looks at.")

    def covers(self, path: str) -> bool:
        """Whether a changed file is worth a look: a Python linter has nothing to say of a text file."""
        return any(fnmatch.fnmatchcase(path, glob) or fnmatch.fnmatchcase(Path(path).name, glob) for glob in self.files)

    async def run(
        self,
        tree: Tree,
        argv: Sequence[str],
        *,
        ok: Sequence[int],
        install: str,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run the tool in the tree.

        Args:
            tree: where to run it.
            argv: program and arguments.
            ok: the exit codes after which its output can be trusted.
            install: what to say where the program is missing.
            env: variables on top of the tree's environment.

        Raises:
            CheckError: it is missing, was ended at its time limit, printed too much, or crashed.
        """
        program = find_program(argv[0])
        if program is None:
            raise CheckError(f"check {self.name}: the program {argv[0]!r} is missing", install)
        try:
            done = await run_command(
                [program, *argv[1:]],
                cwd=tree.root,
                timeout=self.timeout,
                env={**tree.environment, **(env or {})},
                max_output=MAX_OUTPUT,
            )
        except CommandError as error:
            raise CheckError(f"check {self.name}: {error.message}", error.hint) from error
        if done.truncated:
            raise CheckError(f"check {self.name}: it printed more than {MAX_OUTPUT} bytes")
        if done.exit_code not in ok:
            said = (done.error_text.strip() or done.text.strip())[-2000:]
            raise CheckError(f"check {self.name}: {argv[0]} exited with {done.exit_code}: {said}")
        return done

    def evidence(self, done: Completed, version: str) -> Evidence:
        digest = hashlib.sha256(done.stdout).hexdigest()
        return Evidence(self.name, done.argv, done.exit_code, version, digest)

    def severity_of(self, code: str, default: Severity = "error") -> Severity:
        """The declared severity of a code: the longest glob that matches it decides."""
        globs = [glob for glob in self.severity if fnmatch.fnmatchcase(code, glob)]
        return self.severity[max(globs, key=len)] if globs else default


def relative_path(tree: Tree, reported: str) -> str | None:
    """The repo-relative POSIX path of what a tool printed; None where it lies outside the tree."""
    root = os.path.realpath(tree.root)
    relative = os.path.relpath(os.path.normpath(Path(root, reported)), root)
    return None if relative.startswith("..") else Path(relative).as_posix()


#: A plug-in is an attrs class whose fields are its options, or a function `(tree, paths) -> findings`.
CHECKS: Registry[Any] = Registry(
    "check",
    {
        "mypy": "stomper_sdk.checks.mypy:MypyCheck",
        "pytest": "stomper_sdk.checks.pytest:PytestCheck",
        "regex": "stomper_sdk.checks.regex:RegexCheck",
        "ruff": "stomper_sdk.checks.ruff:RuffCheck",
        "sarif": "stomper_sdk.checks.sarif:SarifCheck",
    },
)
