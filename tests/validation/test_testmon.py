from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stomper_sdk.validation import select_tests

Write = Callable[[Path, Mapping[str, str]], Path]

# The tables of pytest-testmon 2.2 that hold what a test ran, as it creates them.
SCHEMA = """
CREATE TABLE test_execution (id INTEGER PRIMARY KEY ASC, environment_id INTEGER, test_name TEXT,
    duration FLOAT, failed BIT, forced BIT);
CREATE TABLE file_fp (id INTEGER PRIMARY KEY, filename TEXT, method_checksums BLOB, mtime FLOAT, fsha TEXT,
    UNIQUE (filename, fsha, method_checksums));
CREATE TABLE test_execution_file_fp (test_execution_id INTEGER, fingerprint_id INTEGER);
PRAGMA user_version = 14;
"""
FILES = {
    "a.py": "x = 1\n",
    "b.py": "y = 'é'\n",
    "tests/test_a.py": "def test_one(load): load('a')\n",
    "tests/test_b.py": "def test_two(load): load('b')\n",
    "tests/conftest.py": "def load(name): return importlib.import_module(name)\n",
}
RAN = {"tests/test_a.py::test_one": ("a.py",), "tests/test_b.py::test_two[x]": ("b.py",)}


@pytest.fixture
def recorded(tmp_path: Path, write: Write) -> Path:
    """A checkout with testmon's data, which lies in SQLite's journal as it does after a run of testmon."""
    root = write(tmp_path, FILES)
    connection = sqlite3.connect(root / "live")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SCHEMA)
    for number, (test, files) in enumerate(RAN.items()):
        connection.execute("INSERT INTO test_execution VALUES (?, 1, ?, 0.1, 0, 0)", (number, test))
        for file in (*files, test.partition("::")[0]):
            content = (root / file).read_bytes()
            digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            row = connection.execute("INSERT INTO file_fp VALUES (NULL, ?, '', 0, ?)", (file, digest))
            connection.execute("INSERT INTO test_execution_file_fp VALUES (?, ?)", (number, row.lastrowid))
    connection.commit()
    for suffix in ("", "-wal"):
        (root / f".testmondata{suffix}").write_bytes((root / f"live{suffix}").read_bytes())
    connection.close()
    (root / "live").unlink()
    return root


def test_the_tests_that_ran_the_changed_file_are_selected(recorded: Path, write: Write) -> None:
    write(recorded, {"a.py": "x = 2\n"})
    found = select_tests(recorded, ["a.py"], recorded / ".testmondata")
    assert (found.files, found.how) == (("tests/test_a.py",), "testmon")


def test_tests_that_testmon_has_not_seen_run_too(recorded: Path, write: Write) -> None:
    write(recorded, {"a.py": "x = 2\n", "tests/test_new.py": "", "tests/test_b.py": "# other\n"})
    found = select_tests(recorded, ["a.py"], recorded / ".testmondata")
    assert found.files == ("tests/test_a.py", "tests/test_b.py", "tests/test_new.py")


def test_a_file_that_testmon_has_not_seen_is_looked_up_by_imports(recorded: Path, write: Write) -> None:
    write(recorded, {"c.py": "", "tests/test_a.py": "import c\n", "tests/conftest.py": ""})
    found = select_tests(recorded, ["c.py"], recorded / ".testmondata")
    assert (found.files, found.how) == (("tests/test_a.py",), "imports")


def test_data_that_is_not_understood_is_not_used(recorded: Path) -> None:
    with sqlite3.connect(recorded / ".testmondata") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert select_tests(recorded, ["a.py"], recorded / ".testmondata").how == "all"
    (recorded / ".testmondata").write_bytes(b"no database")
    assert select_tests(recorded, ["a.py"], recorded / ".testmondata").how == "all"
    assert select_tests(recorded, ["a.py"], recorded / "gone").how == "all"


def test_reading_leaves_no_trace(recorded: Path) -> None:
    before = {path: path.read_bytes() for path in recorded.iterdir() if path.is_file()}
    assert select_tests(recorded, ["a.py"], recorded / ".testmondata").how == "testmon"
    assert {path: path.read_bytes() for path in recorded.iterdir() if path.is_file()} == before
