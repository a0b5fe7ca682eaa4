"""Which tests a change can reach, by what pytest-testmon saw them run."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["TestmonData", "read_testmon"]

#: The layout of the tables that is understood: pytest-testmon 2.
_SCHEMA_VERSIONS = frozenset({13, 14})
_QUERY = """
    SELECT DISTINCT test_execution.test_name, file_fp.filename, file_fp.fsha
    FROM test_execution
    JOIN test_execution_file_fp ON test_execution_file_fp.test_execution_id = test_execution.id
    JOIN file_fp ON file_fp.id = test_execution_file_fp.fingerprint_id
"""


@attrs.frozen
class TestmonData:
    """What ran in each test file's tests: pairs of a file's path and its digest at that time."""

    __test__ = False

    ran: dict[str, frozenset[tuple[str, str]]]

    def known_files(self) -> frozenset[str]:
        return frozenset(path for pairs in self.ran.values() for path, _ in pairs)

    def outdated(self, root: Path) -> frozenset[str]:
        """The test files of which a test ran code that is different, or gone, in this tree."""
        digests = {path: _digests(root / path) for path in self.known_files()}
        return frozenset(
            test for test, pairs in self.ran.items() if any(seen not in digests[path] for path, seen in pairs)
        )


def read_testmon(file: Path) -> TestmonData | None:
    """Read testmon's data without leaving a trace beside it.

    Args:
        file: its `.testmondata`. SQLite would make files next to it even to read it, as its journal
            mode is WAL; hence a copy is read.

    Returns:
        None where there is no data, or none that is understood.
    """
    try:
        with _copy(file) as copy, contextlib.closing(sqlite3.connect(copy)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            rows = connection.execute(_QUERY).fetchall() if version in _SCHEMA_VERSIONS else []
    except (OSError, sqlite3.Error):
        return None
    ran: dict[str, set[tuple[str, str]]] = {}
    for test, path, digest in rows:
        ran.setdefault(str(test).partition("::")[0], set()).add((str(path), str(digest)))
    return TestmonData({test: frozenset(pairs) for test, pairs in ran.items()}) if ran else None


@contextlib.contextmanager
def _copy(file: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stomper-testmon-") as folder:
        copy = Path(folder, "data")
        shutil.copyfile(file, copy)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{file}-wal", f"{copy}-wal")
        yield copy


def _digests(file: Path) -> frozenset[str]:
    """The names that testmon may give to a file's content: git's, and its own variant of it.

    Its variant ends lines with LF, turns form feeds into spaces, and counts characters, not bytes.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return frozenset()
    plain = content.replace(b"\f", b" ").replace(b"\r\n", b"\n")
    sizes = {len(plain), len(plain.decode("utf-8", "replace"))}
    return frozenset({_sha(len(content), content)} | {_sha(size, plain) for size in sizes})


def _sha(size: int, content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % size + content, usedforsecurity=False).hexdigest()
