"""Running pytest in a tree, with our probe in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import attrs

from stomper_sdk.probe import ProbeReport, probe_arguments, probe_environment, read_probe
from stomper_sdk.process import CommandLimit, Completed, clean_environment
from stomper_sdk.sandbox import Sandbox
from stomper_sdk.validation.configuration import configures_pytest
from stomper_sdk.validation.roots import tree_environment
from stomper_sdk.validation.run import SuiteRun, error_line, run_in_tree
from stomper_sdk.validation.verdict import TestFailure

__all__ = ["PytestCommand", "split_pytest"]

# What pytest's exit codes mean: all passed, some failed, nothing collected. The others mean trouble.
_ENDED = frozenset({0, 1, 5})
# The system refuses longer command lines, some systems at a quarter of a megabyte.
_MAX_ARGUMENTS = 60_000
# Where the project under test is this one, its checkout is where the probe comes from.
_PROBE = "stomper_probe"
_FLAGS = frozenset(
    {"-x", "-q", "-v", "-s", "-l", "-qq", "-vv", "-vvv", "-rA", "-ra", "--exitfirst", "--verbose"}
)


@attrs.frozen
class PytestCommand:
    """A command that is pytest: `words` up to the places to look for tests, then those `places`.

    `foreign` is the user's checkout, from which no module may come.
    """

    words: tuple[str, ...]
    places: tuple[str, ...]
    timeout: float
    foreign: Path
    sandbox: Sandbox | None = None
    env: tuple[str, ...] = ()

    def narrowed(self, files: Sequence[str]) -> tuple[str, ...] | None:
        folders = [PurePath(place.partition("::")[0]) for place in self.places]
        if any("::" in place for place in self.places):
            return None
        return tuple(f for f in files if not folders or any(PurePath(f).is_relative_to(p) for p in folders))

    async def run(self, tree: Path, targets: Sequence[str]) -> SuiteRun:
        with tempfile.TemporaryDirectory(prefix="stomper-tests-") as folder:
            report = Path(folder, "report.json")
            own = tree_environment(tree, clean_environment(dict.fromkeys(self.env)))
            environment = probe_environment(report, own, [self.foreign])
            argv = [*self.words, *self._arguments(tree, Path(folder)), *self._fitting(targets)]
            try:
                confinement = self.sandbox.around(tree, Path(folder)) if self.sandbox else None
                done = await run_in_tree(argv, tree, self.timeout, environment, confinement)
            except CommandLimit as error:
                return SuiteRun(trouble=error.message, timed_out=True)
            return _what_it_showed(done, read_probe(report))

    def _arguments(self, tree: Path, folder: Path) -> Iterator[str]:
        """Node ids are relative to the tree, nothing stops early, and the cache lies elsewhere."""
        yield from probe_arguments()
        yield from (f"--rootdir={tree}", "-o", f"cache_dir={folder / 'cache'}", "--no-header", "-q")
        yield from ("--continue-on-collection-errors", "--maxfail=0")
        if not configures_pytest(tree) and any(map(configures_pytest, tree.parents)):
            yield from ("-c", os.devnull, f"--confcutdir={tree}")

    def _fitting(self, targets: Sequence[str]) -> Sequence[str]:
        """The targets, or their files, or everything: the first that a command line can hold."""
        files = list(dict.fromkeys(target.partition("::")[0] for target in targets))
        for named in (targets, files):
            if named and sum(len(os.fsencode(name)) + 1 for name in named) <= _MAX_ARGUMENTS:
                return named
        return self.places


def split_pytest(words: Sequence[str], root: Path) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Split a command at the places where it looks for tests; None where it is not pytest.

    Args:
        words: program and arguments.
        root: the top of the checkout, in which the places are.
    """
    name = PurePath(words[0]).name
    module = name.startswith("python") and tuple(words[1:3]) == ("-m", "pytest")
    if name not in {"pytest", "py.test"} and not module:
        return None
    start = 3 if module else 1
    end = len(words)
    while end > start and _is_place(words[end - 1], words[end - 2] if end - 1 > start else "", root):
        end -= 1
    return tuple(words[:end]), tuple(words[end:])


def _is_place(word: str, before: str, root: Path) -> bool:
    takes_value = before.startswith("-") and "=" not in before and before not in _FLAGS
    return not word.startswith("-") and not takes_value and (root / word.partition("::")[0]).exists()


def _what_it_showed(done: Completed, report: ProbeReport | None) -> SuiteRun:
    if report is None or done.exit_code not in _ENDED:
        return SuiteRun(trouble=f"pytest {done.ending}: {error_line(done)}")
    failures = tuple(_failures(report))
    if done.exit_code == 1 and not failures:
        failures = (
            TestFailure("", f"pytest exited with 1, though no test failed: {error_line(done)}", done.text),
        )
    failed = {failure.nodeid for failure in failures}
    return SuiteRun(
        frozenset(test.nodeid for test in report.tests if test.outcome == "passed") - failed,
        failures,
        sum(test.outcome in {"skipped", "xfailed"} for test in report.tests),
        tuple(file for file in report.foreign_modules if PurePath(file).stem != _PROBE),
    )


def _failures(report: ProbeReport) -> Iterator[TestFailure]:
    for error in report.collection_errors:
        yield TestFailure(error.nodeid, error.message, error.longrepr)
    for test in report.tests:
        if test.outcome in {"failed", "error"}:
            yield TestFailure(test.nodeid, test.message, test.longrepr)
