"""The probe in a real pytest: what it writes down, and that nothing hides it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stomper_sdk.probe import ProbeReport, probe_arguments, probe_environment, read_probe

SUITE = """\
import sys
sys.path.append({foreign!r})
import unittest
import pytest
import mine, outside

@pytest.fixture
def late():
    yield
    raise ValueError("too late")

def test_fine(): pass
def test_late(late): pass
@pytest.mark.skip(reason="not here")
def test_skipped(): pass
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail(strict=True)
def test_unexpected(): pass

class TestUnit(unittest.TestCase):
    def test_parts(self):
        with self.subTest(part=1):
            self.assertEqual(1, 2)

def test_long(): raise ValueError("x" * 100_000)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite in a tree within the foreign folder, as a workspace in the user's checkout."""
    foreign = tmp_path / "foreign"
    tree = foreign / ".hidden" / "tree"
    tree.mkdir(parents=True)
    (foreign / "outside.py").write_text("")
    (tree / "mine.py").write_text("")
    (tree / "test_a.py").write_text(SUITE.format(foreign=str(foreign)))
    return tree


def run(tree: Path, report: Path, *arguments: str) -> ProbeReport | None:
    words = [sys.executable, "-m", "pytest", *probe_arguments(), "-p", "no:cacheprovider", *arguments]
    foreign = [tree.parent.parent]
    subprocess.run(words, cwd=tree, env=probe_environment(report, os.environ, foreign), capture_output=True)
    return read_probe(report)


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_every_outcome_is_written_down(suite: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    if workers:
        pytest.importorskip("xdist")
    report = run(suite, tmp_path / "report.json", *workers)
    assert report is not None
    assert report.exit_status == 1
    assert {test.nodeid.removeprefix("test_a.py::"): (test.outcome, test.phase) for test in report.tests} == {
        "test_fine": ("passed", "call"),
        "test_late": ("error", "teardown"),
        "test_skipped": ("skipped", "setup"),
        "test_expected": ("xfailed", "call"),
        "test_unexpected": ("failed", "call"),
        "TestUnit::test_parts": ("failed", "call"),
        "test_long": ("failed", "call"),
    }
    late = next(test for test in report.tests if test.nodeid.endswith("test_late"))
    assert (late.file, late.line, late.message) == (str(suite / "test_a.py"), 13, "ValueError: too late")
    long = next(test for test in report.tests if test.nodeid.endswith("test_long"))
    assert len(long.message) == 300 and len(long.longrepr) == 8000


def test_modules_of_the_user_s_checkout_are_told(suite: Path, tmp_path: Path) -> None:
    report = run(suite, tmp_path / "report.json")
    assert report is not None
    assert report.foreign_modules == (str(suite.parent.parent / "outside.py"),)


INNER = """\
import subprocess, sys
def test_a(tmp_path):
    (tmp_path / "test_b.py").write_text("def test_b(): assert 0")
    words = [sys.executable, "-m", "pytest", "-p", "stomper_probe", str(tmp_path)]
    assert subprocess.run(words).returncode == 1
"""


def test_a_test_that_runs_pytest_cannot_write_the_report(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(INNER)
    report = run(tmp_path, tmp_path / "report.json")
    assert report is not None
    assert [(test.nodeid, test.outcome) for test in report.tests] == [("test_a.py::test_a", "passed")]


def test_no_report_where_pytest_could_not_start(tmp_path: Path) -> None:
    assert run(tmp_path, tmp_path / "report.json", "--nonsense") is None


def test_the_probe_hides_no_module(tmp_path: Path) -> None:
    environment = probe_environment(
        tmp_path / "r", {"PYTHONPATH": "/mine", "OTHER": "x"}, [Path("/a"), Path("/b")]
    )
    first, last = environment["PYTHONPATH"].split(os.pathsep)
    assert (first, Path(last, "stomper_probe.py").is_file()) == ("/mine", True)
    assert environment["OTHER"] == "x"
    assert environment["STOMPER_PROBE_FOREIGN"] == f"/a{os.pathsep}/b"


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"exit_status": 0}',
        b'{"exit_status": 0, "tests": [{}], "collection_errors": [], "foreign_modules": []}',
        b'{"exit_status": 0, "tests": [], "collection_errors": [], "foreign_modules": [1]}',
        b'{"exit_status": null, "tests": [], "collection_errors": [], "foreign_modules": []}',
    ],
)
def test_a_report_that_somebody_else_wrote_is_none(written: bytes, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_bytes(written)
    assert read_probe(report) is None
