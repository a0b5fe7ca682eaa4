"""A pytest plugin that writes down, as JSON, what became of each test.

It runs inside the tested project's own interpreter, which may be an old one without our package: it
imports the standard library and pytest only, and is written for Python 3.8. Two variables tell it what
to do: STOMPER_PROBE_REPORT, the file to write, and STOMPER_PROBE_FOREIGN, folders from which none may come.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - for Python 3.8

import pytest

_SHORT = 300
_LONG = 8000
_STARTED_IN = os.path.realpath(os.curdir)


def pytest_configure(config: pytest.Config) -> None:
    # Taken out of the environment, so that a pytest started by a test cannot write the report.
    report = os.environ.pop("STOMPER_PROBE_REPORT", None)
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker(), "stomper-worker")
    elif report:
        config.pluginmanager.register(_Recorder(Path(report), config.rootpath), "stomper-recorder")


class _Recorder:
    """Collects the reports of all tests; with pytest-xdist it sits in the controller."""

    def __init__(self, report: Path, root: Path) -> None:
        self._report = report
        self._root = root
        self._tests: dict[str, dict[str, Any]] = {}
        self._collection: dict[str, dict[str, Any]] = {}
        self._foreign: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = _outcome(report)
        if outcome is None or (report.when == "teardown" and outcome == "passed"):
            return
        known = self._tests.get(report.nodeid, {}).get("outcome")
        # A set-up begins anew (plugins rerun flaky tests); the first trouble after it is what counts.
        if report.when == "setup" or known not in ("failed", "error"):
            file, line, _ = report.location
            place = (file, None if line is None else line + 1)
            self._tests[report.nodeid] = self._entry(report, outcome, report.when, *place)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            file = report.nodeid.split("::")[0]
            self._collection[report.nodeid] = self._entry(report, "error", "collect", file, None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._foreign.update(getattr(node, "workeroutput", {}).get("stomper_foreign", ()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        found = {
            "exit_status": int(exitstatus),
            "tests": list(self._tests.values()),
            "collection_errors": list(self._collection.values()),
            "foreign_modules": sorted(self._foreign.union(_foreign_modules())),
        }
        unfinished = self._report.with_name(self._report.name + ".part")
        unfinished.write_text(json.dumps(found), encoding="utf-8")
        unfinished.replace(self._report)

    def _entry(
        self,
        report: pytest.TestReport | pytest.CollectReport,
        outcome: str,
        phase: str | None,
        file: str,
        line: int | None,
    ) -> dict[str, Any]:
        passed = outcome == "passed"
        return {
            "nodeid": report.nodeid,
            "file": str(self._root / file),
            "line": line,
            "outcome": outcome,
            "phase": phase,
            "message": "" if passed else _message(report),
            "longrepr": "" if passed else report.longreprtext[-_LONG:],
        }


class _Worker:
    """Tells pytest-xdist's controller what was imported in this process."""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] = getattr(session.config, "workeroutput", {})
        output["stomper_foreign"] = sorted(_foreign_modules())


def _outcome(report: pytest.TestReport) -> str | None:
    """The outcome so far, None where a report says nothing about it, as of a rerun."""
    if report.failed:
        return "error" if report.when in ("setup", "teardown") else "failed"
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return "passed" if report.passed else None


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The line that says what went wrong, in pytest's own words."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return _first_line(crash.message)
    if isinstance(report.longrepr, tuple):
        return _first_line(str(report.longrepr[-1]))
    lines = [line.strip() for line in report.longreprtext.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return _first_line((marked or lines or [""])[-1])


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:_SHORT]


def _foreign_modules() -> set[str]:
    """The files of modules that came from the foreign folders.

    Installed modules, the script that is pytest, and those of the tree in which the tests run are left
    out: a virtual environment often lies in the user's checkout, and so may that tree.
    """
    named = os.environ.get("STOMPER_PROBE_FOREIGN", "").split(os.pathsep)
    foreign = [os.path.realpath(folder) for folder in named if folder]
    installed = {sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib", "scripts")}
    own = [_STARTED_IN, *map(os.path.realpath, installed)]
    return {file for file in _module_files() if _below(file, foreign) and not _below(file, own)}


def _module_files() -> Iterator[str]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            yield os.path.realpath(file)


def _below(file: str, folders: list[str]) -> bool:
    return any(file.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)
