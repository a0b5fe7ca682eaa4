"""The demo: real modules of the running Python's standard library, fixed in a throw-away repository.

Before and after are looked at independently of the run: by a ruff and a pytest of the demo's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk import api
from stomper_sdk.errors import CheckError, CommandError, RepositoryError, UsageError
from stomper_sdk.events import Listener
from stomper_sdk.model.present import counted, seconds_text, visible
from stomper_sdk.model.result import FileResult, RunResult
from stomper_sdk.process import clean_environment, find_program

__all__ = ["Look", "closing", "look", "opening", "perform", "staged", "verdict"]

_MODULES = (
    *("colorsys", "fnmatch", "fractions", "getopt", "glob", "graphlib"),
    *("netrc", "reprlib", "shlex", "string", "textwrap"),
)
_SECONDS = 120
_DIFF_LINES = 16
_RUFF = """\
target-version = "py311"
extend-exclude = ["tests"]
force-exclude = true

[lint]
select = ["E4", "E7", "E9", "F", "I", "UP", "C4", "SIM", "PIE", "RET505"]
ignore = ["UP031"]
"""
_CONFTEST = '''\
"""The tests import the modules of this repository, not those of the running Python."""

import sys
from pathlib import Path

LIB = Path(__file__).parent.parent / "lib"

sys.path.insert(0, str(LIB))
for module in LIB.glob("*.py"):
    sys.modules.pop(module.stem, None)
'''
_SMOKE = '''\
"""This Python comes without its own tests: does the module import at all?"""

import {name}


def test_import():
    assert {name}.__file__.endswith("lib/{name}.py")
'''
# The user's own settings (signing, hooks, line ends) are not for a throw-away repository.
_SETTINGS = {
    "user.name": "Stomper Demo",
    "user.email": "demo@example.invalid",
    "commit.gpgsign": "false",
    "core.autocrlf": "false",
    "core.hooksPath": os.devnull,
}


@attrs.frozen
class Look:
    """The repository at one moment: findings by code, and the tests' last line (None: no pytest)."""

    codes: Mapping[str, int]
    tests: str | None
    tests_passed: bool

    @property
    def total(self) -> int:
        return sum(self.codes.values())


@contextlib.contextmanager
def staged(keep: Path | None = None) -> Iterator[Path]:
    """Make the repository, in `keep` or in a folder that is gone afterwards.

    Raises:
        UsageError: there is something in `keep`.
        RepositoryError: git is missing or refuses.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="stomper-demo-") as folder:
            yield _furnished(Path(folder).resolve())
    elif keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UsageError(f"{keep} is not an empty folder", "Name one that does not exist yet.")
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield _furnished(keep.resolve())


def perform(
    repo: Path, max_parallel_files: int | None, control: api.Control, listeners: Sequence[Listener] = ()
) -> RunResult:
    """Run the default pipeline."""
    parallel = {"parallelism.max_parallel_files": max_parallel_files}
    overrides = {key: value for key, value in parallel.items() if value is not None}
    return api.run("default", repo=repo, overrides=overrides, listeners=listeners, control=control)


def look(repo: Path) -> Look:
    """Count the findings and run the tests.

    Raises:
        CheckError: ruff is missing, or fails.
    """
    passed, tests = _tests(repo)
    return Look(_codes(repo), tests, passed)


def opening(repo: Path, before: Look) -> str:
    """What the person is going to see."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    modules = len(list((repo / "lib").glob("*.py")))
    tests = f"\nTheir own tests: {before.tests}." if before.tests else ""
    return (
        f"{modules} modules of {python}'s standard library, in a throw-away repository.\n"
        f"ruff reports {counted(before.total, 'finding')}.{tests}\n"
        "Now the default pipeline: a worktree for each file, fix, verify, test, commit.\n"
    )


def closing(repo: Path, result: RunResult, before: Look, after: Look, *, kept: bool) -> str:
    """Before and after, the commits, one of them in full, the tests, the time."""
    committed = [file for file in result.files if file.commit]
    shown = min(committed, key=_size, default=None)
    blocks = (
        _table(before, after),
        _commits(repo, result),
        _diff(repo, shown) if shown else "",
        _ending(repo, result, before, after, kept),
    )
    return "\n" + "\n\n".join(block for block in blocks if block)


def verdict(result: RunResult, before: Look, after: Look) -> int:
    """0 if the run did what it says: the ledger agrees with our own counts, and no test broke."""
    fixed = sum(file.fixed_count for file in result.files)
    honest = 0 < fixed == before.total - after.total
    return 0 if honest and (after.tests_passed or not before.tests_passed) else 1


def _furnished(repo: Path) -> Path:
    for folder in ("lib", "tests"):
        (repo / folder).mkdir()
    for name in _MODULES:
        _copy(name, repo)
    (repo / "tests" / "conftest.py").write_text(_CONFTEST)
    (repo / "ruff.toml").write_text(_RUFF)
    (repo / ".gitignore").write_text("__pycache__/\n")
    _git(repo, "init", "--quiet", "--template=")
    for key, value in _SETTINGS.items():
        _git(repo, "config", key, value)
    _git(repo, "add", "--all")
    _git(repo, "commit", "--quiet", "--message", "Copy modules of the standard library")
    return repo


def _copy(name: str, repo: Path) -> None:
    """The module if this Python has it as one file, with its tests or a smoke test in their place."""
    library = Path(sysconfig.get_path("stdlib"))
    module, tests = library / f"{name}.py", library / "test" / f"test_{name}.py"
    if not module.is_file():
        return
    shutil.copyfile(module, repo / "lib" / module.name)
    copied = repo / "tests" / tests.name
    if tests.is_file():
        shutil.copyfile(tests, copied)
    else:
        copied.write_text(_SMOKE.format(name=name))


def _codes(repo: Path) -> Counter[str]:
    command = [find_program("ruff") or "ruff", "check", "--no-cache", "--exit-zero", "--output-format=json"]
    ended = _ended(repo, command)
    if ended.returncode:
        raise CheckError(f"ruff failed: {ended.stderr.strip()}")
    return Counter(finding["code"] or "syntax error" for finding in json.loads(ended.stdout))


def _tests(repo: Path) -> tuple[bool, str | None]:
    program = find_program("pytest")
    if program is None:
        return False, None
    ended = _ended(repo, [program, "--quiet", "-p", "no:cacheprovider", "tests"])
    last = (ended.stdout.strip().splitlines() or ["no output"])[-1]
    return ended.returncode == 0, visible(last.partition(" in ")[0].strip("= "))


def _git(repo: Path, *arguments: str) -> str:
    ended = _ended(repo, ["git", *arguments])
    if ended.returncode:
        raise RepositoryError(f"git {arguments[0]} failed: {ended.stderr.strip()}")
    return ended.stdout


def _ended(repo: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=repo,
            env=clean_environment({"PYTHONDONTWRITEBYTECODE": "1"}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"cannot run {command[0]}: {error}") from error


def _table(before: Look, after: Look) -> str:
    codes = sorted({*before.codes, *after.codes}, key=lambda code: (-before.codes.get(code, 0), code))
    rows = [(code, before.codes.get(code, 0), after.codes.get(code, 0)) for code in codes]
    rows.append(("all", before.total, after.total))
    lines = [f"{code:<8}{old:>8}{new:>8}" for code, old, new in rows]
    return "\n".join(["finding   before   after", *lines])


def _commits(repo: Path, result: RunResult) -> str:
    log = _git(repo, "log", "--oneline", "--reverse", f"{result.base_commit}..HEAD").splitlines()
    return "\n".join([f"{counted(len(log), 'commit')}:", *(f"  {line}" for line in log)])


def _size(file: FileResult) -> tuple[bool, int]:
    """The shortest diff is the best to show, if there is something to see in it."""
    lines = file.lines_added + file.lines_removed
    return lines < 3, lines


def _diff(repo: Path, file: FileResult) -> str:
    patch = _git(repo, "show", "--format=", "--unified=1", str(file.commit)).splitlines()
    hunks = [line for line in patch if not line.startswith(("diff ", "index ", "--- ", "+++ "))]
    shown = [f"  {visible(line.expandtabs())}".rstrip() for line in hunks[:_DIFF_LINES]]
    cut = [f"  … {counted(len(hunks) - _DIFF_LINES, 'more line')}"] if len(hunks) > _DIFF_LINES else []
    return "\n".join([f"One of them, {visible(file.path)}:", *shown, *cut])


def _ending(repo: Path, result: RunResult, before: Look, after: Look, kept: bool) -> str:
    fixed = f"{before.total - after.total} of {counted(before.total, 'finding')} fixed"
    left = f"; {after.total} left, for an agent that can rewrite code" if after.total else ""
    where = f"The repository is in {repo}" if kept else "The repository is gone; --keep DIR leaves it to you"
    lines = (
        _test_line(before, after),
        f"{fixed} in {seconds_text(result.duration_seconds)}{left}.",
        f"{where}.",
    )
    return "\n".join(lines)


def _test_line(before: Look, after: Look) -> str:
    if before.tests is None:
        return "The fixes were not tested: pytest is not installed."
    if before.tests == after.tests:
        return f"Tests, before and after: {after.tests}."
    return f"Tests before: {before.tests}; after: {after.tests}."
