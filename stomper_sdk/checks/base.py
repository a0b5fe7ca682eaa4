"""The contract of a check, and what checks that run a command have in common."""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal, Protocol

import attrs
import trio

from stomper_sdk.checks.files import cache_settings, read_sources, relative_to
from stomper_sdk.errors import CheckError, CommandError
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding, Severity, enclose, in_order
from stomper_sdk.options import (
    command_words,
    env_variables,
    mapping_of,
    one_of,
    option,
    optional,
    seconds,
    strings,
)
from stomper_sdk.process import (
    Completed,
    Confinement,
    clean_environment,
    find_program,
    passed_on,
    run_command,
)
from stomper_sdk.registry import Registry

__all__ = ["CHECKS", "Check", "Evidence", "Look", "Scope", "ToolCheck", "Tree", "version_numbers"]

Scope = Literal["file", "project"]
MAX_OUTPUT = 256 * 1024 * 1024
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
#: What comes of reading something else than what a tool should print, or a file that it only says is there.
_UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError),
    *(RecursionError, SyntaxError, TypeError, ValueError),
)


@attrs.frozen
class Tree:
    """Where a check looks.

    `root` is the top of the user's checkout or of a workspace; `cache` is a folder for the tool's own
    cache, outside the tree; `environment` is the whole environment of the tool (the tree's import roots
    come first on its PYTHONPATH), `confinement` what it is shut in.
    """

    root: Path
    cache: Path
    environment: Mapping[str, str] = attrs.field(factory=clean_environment, repr=False)
    confinement: Confinement | None = attrs.field(default=None, repr=False)


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

    async def version(self, tree: Tree | None = None) -> str:
        """The version of the tool that looks at a tree. Raises CheckError where it is missing."""

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

    #: The tool's own name, and what to say where it is missing.
    PROGRAM: ClassVar[str] = ""
    INSTALL: ClassVar[str] = "Install it, or correct the option `command`."
    #: The oldest version that takes the options which the check passes.
    SINCE: ClassVar[tuple[int, ...]] = ()
    #: A folder of the tree in which the tool may be installed; it is looked at before the path.
    FOLDER: ClassVar[str] = ""

    name: str
    command: tuple[str, ...] | None = option(
        optional(command_words), None, "The program, where it is not simply the tool's own name."
    )
    args: tuple[str, ...] = option(strings, (), "Arguments added to those the check passes itself.")
    timeout: float = option(seconds, 300.0, "The time limit of one look.")
    env: Mapping[str, str | None] = option(
        env_variables, attrs.Factory(dict), "Variables to add, or the names of secret ones to pass on."
    )
    severity: Mapping[str, Severity] = option(
        mapping_of("error", "warning", "info"), attrs.Factory(dict), "Severity by glob of the code."
    )
    scope: Scope = option(one_of("file", "project"), "file", "Whether other files matter.")
    files: tuple[str, ...] = option(strings, ("*",), "Globs of the file names that it looks at.")
    _version: list[str] = attrs.field(factory=list, init=False, repr=False, eq=False)
    _asking: trio.Lock = attrs.field(factory=trio.Lock, init=False, repr=False, eq=False)

    @property
    def words(self) -> tuple[str, ...]:
        """The program and the arguments that belong to it."""
        return self.command or (self.PROGRAM,)

    def covers(self, path: str) -> bool:
        """Whether a changed file is worth a look: a Python linter has nothing to say of a text file."""
        names = (path, PurePosixPath(path).name)
        return any(fnmatch.fnmatchcase(name, glob) for name in names for glob in self.files)

    async def version(self, tree: Tree | None = None) -> str:
        """The version of the tool, asked for once in the life of the check.

        Raises:
            CheckError: the tool is missing, crashed, or reports no version.
        """
        async with self._asking:
            if not self._version:
                where = tree or Tree(Path.cwd(), Path(tempfile.gettempdir()))
                done = await self.run(where, [*self.words, "--version"], ok=(0,))
                self._version.append(self._reported_version(done))
        return self._version[0]

    def _reported_version(self, done: Completed) -> str:
        match = _VERSION.search(done.text) or _VERSION.search(done.error_text)
        if match is None:
            raise self.crash(done, f"it reports no version: {done.text.strip()[:200]!r}")
        if version_numbers(match[0]) < self.SINCE:
            needed = ".".join(map(str, self.SINCE))
            text = f"check {self.name}: {self.PROGRAM} {match[0]} is too old, {needed} or newer is needed"
            raise CheckError(f"{text} ({done.argv[0]})", self.INSTALL)
        return match[0]

    async def run(
        self, tree: Tree, argv: Sequence[str], *, ok: Container[int], env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run the tool in the tree.

        Args:
            tree: where to run it.
            argv: program and arguments.
            ok: the exit codes after which its output can be trusted.
            env: variables on top of the tree's environment.

        Raises:
            CheckError: it is missing, was ended at its time limit, printed too much, or crashed.
        """
        program = self.program(tree, argv[0])
        cached = cache_settings(tree.cache)
        own = {**self.variables(tree), **passed_on(self.env), **(env or {})}
        environment = {**tree.environment, **cached, **own}
        try:
            done = await run_command(
                [program, *argv[1:]],
                cwd=tree.root,
                timeout=self.timeout,
                env=environment,
                max_output=MAX_OUTPUT,
                confinement=tree.confinement,
            )
        except CommandError as error:
            raise CheckError(f"check {self.name}: {error.message}", error.hint) from error
        if done.truncated:
            raise CheckError(f"check {self.name}: it printed more than {MAX_OUTPUT} bytes")
        if done.exit_code not in ok:
            raise self.crash(done)
        return done

    def variables(self, tree: Tree) -> Mapping[str, str]:
        """What the tool's environment has beside the tree's; nothing for most."""
        return {}

    def program(self, tree: Tree | None = None, name: str = "") -> str:
        """Where the program is; one that is given as a path belongs to the tree in which it runs.

        Raises:
            CheckError: it is missing.
        """
        name = name or self.words[0]
        found = next(filter(None, map(find_program, self._places(tree, name))), None)
        if found is None:
            raise CheckError(f"check {self.name}: the program {name!r} is missing", self.INSTALL)
        return found

    def _places(self, tree: Tree | None, name: str) -> Iterator[str]:
        """Where to look for a program, the first place first."""
        if tree and (self.FOLDER or os.sep in name):
            yield str(tree.root / ("" if os.sep in name else self.FOLDER) / name)
        if not tree or os.sep not in name:
            yield name

    def crash(self, done: Completed, said: str = "") -> CheckError:
        """The error of a tool that did not do its work; by default with what it printed last."""
        said = said or (done.error_text.strip() or done.text.strip() or "it printed nothing")[-2000:]
        program = Path(done.argv[0]).name
        return CheckError(f"check {self.name}: {program} {done.ending}: {said}")

    def finding(
        self,
        tree: Tree,
        reported: str,
        message: str,
        code: str,
        line: int | None = None,
        column: int | None = None,
        severity: Severity = "error",
    ) -> Finding:
        """A finding of this check at the path that the tool reported.

        Raises:
            CheckError: the path lies outside the tree. Nobody could fix it here; and where the path is
                one that we misunderstand, leaving it out would read as "fixed".
        """
        if not (isinstance(message, str) and isinstance(code, str)):
            raise TypeError(f"expected text as code and message, got {code!r} and {message!r}")
        path = relative_to(tree.root, reported)
        if path is None:
            hint = f"Keep the tool inside the repository, with its own settings or `args` of {self.name!r}."
            raise CheckError(f"check {self.name}: it reports on {reported!r}, outside of the tree", hint)
        return Finding(
            check=self.name,
            code=code,
            message=message,
            path=path,
            line=_counted(line),
            column=_counted(column),
            severity=self.severity_of(code, severity),
        )

    async def seen(
        self,
        tree: Tree,
        paths: Sequence[str] | None,
        runs: Sequence[Completed],
        read: Callable[[Tree, Completed], Iterable[Finding]],
    ) -> Look:
        """What some runs of the tool showed, enclosed and in order.

        Args:
            tree: where the tool looked.
            paths: the files that it was asked for, None for everything; others are left out where a
                file's findings depend on that file alone.
            runs: the tool's runs, none where there was nothing to look at.
            read: reads the findings from one run; a ValueError, LookupError, TypeError, AttributeError or
                SyntaxError means that the tool printed something else than it should.

        Raises:
            CheckError: a run's output cannot be read.
        """

        def collect() -> tuple[Finding, ...]:
            found = [finding for done in runs for finding in self._read(tree, done, read)]
            wanted = set(paths) if paths is not None and self.scope == "file" else None
            chosen = [f for f in found if self.covers(f.path) and (wanted is None or f.path in wanted)]
            return in_order(enclose(chosen, read_sources(tree.root, chosen)))

        findings = await trio.to_thread.run_sync(collect)
        return Look(findings, self.evidence(runs, await self.version(tree)))

    def _read(
        self, tree: Tree, done: Completed, read: Callable[[Tree, Completed], Iterable[Finding]]
    ) -> tuple[Finding, ...]:
        try:
            return tuple(read(tree, done))
        except _UNREADABLE as error:
            said = (done.text.strip() or done.error_text.strip())[:500]
            text = f"it printed what cannot be read ({type(error).__name__}: {error}): {said!r}"
            text = text if said else "it printed nothing, where findings were expected"
            raise self.crash(done, text) from error

    def evidence(self, runs: Sequence[Completed], version: str) -> Evidence:
        code = max((done.exit_code for done in runs), default=0)
        return Evidence(self.name, runs[0].argv if runs else (), code, version)

    def severity_of(self, code: str, default: Severity = "error") -> Severity:
        """The declared severity of a code: the longest glob that matches it decides."""
        globs = [glob for glob in self.severity if fnmatch.fnmatchcase(code, glob)]
        return self.severity[max(globs, key=len)] if globs else default


def version_numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version, which is what they are compared by."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _counted(number: int | None) -> int | None:
    """A line or column, from 1; tools say 0 or -1 where they know of none."""
    if number is not None and not isinstance(number, int):
        raise TypeError(f"expected a line or column, got {number!r}")
    return number if number is not None and number > 0 else None


#: A plug-in is an attrs class whose fields are its options, or a function `(tree, paths) -> findings`.
CHECKS: Registry[Any] = Registry(
    "check",
    {
        "bandit": "stomper_sdk.checks.bandit:BanditCheck",
        "eslint": "stomper_sdk.checks.eslint:EslintCheck",
        "flake8": "stomper_sdk.checks.flake8:Flake8Check",
        "mypy": "stomper_sdk.checks.mypy:MypyCheck",
        "pylint": "stomper_sdk.checks.pylint:PylintCheck",
        "pyright": "stomper_sdk.checks.pyright:PyrightCheck",
        "pytest": "stomper_sdk.checks.pytest:PytestCheck",
        "regex": "stomper_sdk.checks.regex:RegexCheck",
        "ruff": "stomper_sdk.checks.ruff:RuffCheck",
        "sarif": "stomper_sdk.checks.sarif:SarifCheck",
        "tsc": "stomper_sdk.checks.tsc:TscCheck",
    },
)
