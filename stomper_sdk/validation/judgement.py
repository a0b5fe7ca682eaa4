"""From runs of the tests to a verdict on the fix."""

from __future__ import annotations

import re

import attrs

from stomper_sdk.validation.run import SuiteRun
from stomper_sdk.validation.selection import TestSelection
from stomper_sdk.validation.verdict import TestFailure, TestVerdict

__all__ = ["SuiteEvidence", "judge"]

_WORD = re.compile(r"\w+")
_WAY_OUT = "if a workspace needs preparation, workspace.setup is the place for it"


@attrs.frozen
class SuiteEvidence:
    """What is known of a fix: the run in its workspace, and the one before it where that was needed.

    `run` holds the failures that are left when what passed on a rerun is taken out; those are `flaky`.
    """

    run: SuiteRun
    selection: TestSelection
    flaky: frozenset[str] = frozenset()
    before: SuiteRun | None = None

    def words(self) -> frozenset[str]:
        """Every word of what stands against the fix, or was there before it."""
        runs = [self.run, *([self.before] if self.before else [])]
        failures = (failure for run in runs for failure in run.failures)
        texts = [*(run.trouble for run in runs), *(f"{it.message}\n{it.text}" for it in failures)]
        return frozenset(word for text in texts for word in _WORD.findall(text))

    def without_flaky(self, again: SuiteRun) -> SuiteEvidence:
        """Take out the failures that passed in another run of them."""
        flaky = frozenset(failure.nodeid for failure in self.run.failures if _passes(failure.nodeid, again))
        left = tuple(failure for failure in self.run.failures if failure.nodeid not in flaky)
        run = attrs.evolve(self.run, failures=left, passed=self.run.passed | flaky)
        return attrs.evolve(self, run=run, flaky=self.flaky | flaky)


def _passes(nodeid: str, run: SuiteRun) -> bool:
    """A test passes by itself; a file that could not be collected by its tests."""
    of_file = {one for one in run.passed if one.startswith(f"{nodeid}::")}
    broken = {one for one in run.failed() if one == nodeid or one.startswith(f"{nodeid}::")}
    return not run.trouble and not broken and (nodeid in run.passed or bool(of_file))


def judge(evidence: SuiteEvidence) -> TestVerdict:
    """Decide. What cannot tell the fix from the code before it is blind, never passed."""
    run, before = evidence.run, evidence.before
    if foreign := run.foreign or (before.foreign if before else ()):
        return _blind(evidence, _imports_elsewhere(foreign))
    if before is not None and (why := _says_nothing(run, before)):
        return _blind(evidence, f"{why}; {_WAY_OUT}")
    if run.trouble:
        return _verdict(evidence, "failed", (TestFailure("", run.trouble),))
    new = _new_failures(run, before)
    if new:
        return _verdict(evidence, "failed", new)
    if not run.passed:
        return TestVerdict("unreached", _nothing_passed(run), (), evidence.selection)
    return _verdict(evidence, "passed", ())


def _says_nothing(run: SuiteRun, before: SuiteRun) -> str:
    """Why the tests cannot tell: they do no better before the fix; an empty string where they can."""
    if before.timed_out:
        return f"the tests run out of time before the fix, too: {before.trouble}" if run.trouble else ""
    if before.trouble:
        return f"the tests cannot start before the fix either: {before.trouble}"
    if before.failures and not before.passed and not run.passed:
        return f"no test passes before the fix either: {before.failures[0].message}"
    return ""


def _new_failures(run: SuiteRun, before: SuiteRun | None) -> tuple[TestFailure, ...]:
    known = before.failed() if before else frozenset()
    return tuple(f for f in run.failures if known.isdisjoint((f.nodeid, f.nodeid.partition("::")[0])))


def _imports_elsewhere(foreign: tuple[str, ...]) -> str:
    shown = ", ".join(foreign[:3])
    return f"the tests import the user's checkout instead of the workspace, hence not the fix: {shown}"


def _nothing_passed(run: SuiteRun) -> str:
    if run.failures:
        return f"no test passed: {len(run.failures)} failed before the fix, too"
    return f"no test passed: all {run.skipped} were skipped" if run.skipped else "no test ran"


def _blind(evidence: SuiteEvidence, why: str) -> TestVerdict:
    return TestVerdict("blind", why, (), evidence.selection)


def _verdict(evidence: SuiteEvidence, state: str, new: tuple[TestFailure, ...]) -> TestVerdict:
    counts = [f"{len(new)} failed ({_headline(new[0])})"] if new else []
    if evidence.run.passed:
        counts.append(f"{len(evidence.run.passed)} passed")
    if old := len(evidence.run.failures) - len(new):
        counts.append(f"{old} failed before the fix, too")
    if evidence.flaky:
        counts.append(
            f"{len(evidence.flaky)} flaky ({', '.join(sorted(evidence.flaky)[:3]) or 'the command'})"
        )
    summary = f"{', '.join(counts)} ({evidence.selection})"
    return TestVerdict("failed" if state == "failed" else "passed", summary, new, evidence.selection)


def _headline(failure: TestFailure) -> str:
    """One line of one failure."""
    first = next(iter(failure.message.strip().splitlines()), "")[:200]
    return ": ".join(filter(None, (failure.nodeid, first)))
