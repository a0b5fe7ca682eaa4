"""The history file: whole whatever happens to who writes it, and told apart from anybody else's."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from stomper_sdk.errors import HistoryError
from stomper_sdk.learning import Lesson, Store, open_store

WRITER = """
import sys
from pathlib import Path
from stomper_sdk.learning import Lesson, open_store
from stomper_sdk.model.file import CodeTally

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = open_store(folder)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    codes = (CodeTally("ruff", "F401", 3, 2), CodeTally("ruff", "E501", 1, 0))
    store.add([Lesson(
        f"{name}-{number}", 1.0, name, number + 1, 1, "mine", "command", None, "minimal", "fixed", None, 1.0,
        None, None, None, 10, 4, ".py", codes,
    )])
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def opened(folder: Path) -> Store:
    store = open_store(folder)
    assert store is not None
    return store


def rows(folder: Path) -> list[Lesson]:
    store = opened(folder)
    try:
        store.check()
        return list(store.lessons())
    finally:
        store.close()


def test_what_was_added_comes_back_the_newest_first(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    made = [lesson(key=str(n), number=n, codes=[("F401", n, 1), ("E501", 1, 0)]) for n in range(1, 1202)]
    store = opened(tmp_path)
    assert store.add(made) == 1201
    assert list(store.lessons()) == made[::-1]
    assert list(store.lessons(limit=501)) == made[:-502:-1]
    store.close()
    assert rows(tmp_path) == made[::-1]


def test_an_attempt_that_is_told_twice_is_there_once_and_the_last_word_counts(
    tmp_path: Path, lesson: Callable[..., Lesson]
) -> None:
    store = opened(tmp_path)
    assert store.add([lesson(codes=[("F401", 2, 2), ("E501", 1, 1)])]) == 1
    again = lesson(outcome="rejected", lines=None, findings=None, codes=[("F401", 2, 0)])
    assert store.add([again]) == 0
    assert list(store.lessons()) == [attrs.evolve(again, lines=10, findings=2)]
    store.close()


def test_a_resumed_session_knows_what_it_knew(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    store = opened(tmp_path)
    for key, session in (("a", "old"), ("b", "mine"), ("c", "other"), ("d", "mine")):
        store.add([lesson(key=key, session=session)])
    assert [it.key for it in store.lessons(until="mine")] == ["a"]
    assert [it.key for it in store.lessons(until="new")] == ["d", "c", "b", "a"]
    store.close()


def test_a_key_tells_nothing_without_the_salt(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = opened(tmp_path / "one"), opened(tmp_path / "two")
    assert one.key_of("s", "a.py", 0) == one.key_of("s", "a.py", 0) != one.key_of("s", "a.py", 1)
    assert one.key_of("s", "a.py", 0) != two.key_of("s", "a.py", 0)
    one.close()
    again = opened(tmp_path / "one")
    assert again.key_of("s", "\udcff.py", 0) and again.key_of("s", "a.py", 0) != two.key_of("s", "a.py", 0)
    again.close()
    two.close()


def test_four_processes_write_two_hundred_attempts_each_at_once(tmp_path: Path) -> None:
    writers = [writer(tmp_path, f"session-{number}", 200) for number in range(4)]
    for one in writers:
        assert one.stdout and one.stdout.readline() == "ready\n"
    for one in writers:
        one.communicate("go\n", timeout=60)
        assert one.returncode == 0
    found = rows(tmp_path)
    assert len(found) == 800
    assert {(it.session, it.number) for it in found} == {
        (f"session-{n}", number) for n in range(4) for number in range(1, 201)
    }
    assert all(len(it.codes) == 2 for it in found)


def test_a_writer_that_is_killed_leaves_a_file_that_is_whole(tmp_path: Path) -> None:
    one = writer(tmp_path, "killed", 100_000)
    assert one.stdin and one.stdout and one.stdout.readline() == "ready\n"
    one.stdin.write("go\n")
    one.stdin.flush()
    until = time.monotonic() + 30
    while not _count(tmp_path) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(one.pid, signal.SIGKILL)
    one.communicate()
    found = rows(tmp_path)
    assert found
    assert [it.number for it in found] == list(range(len(found), 0, -1))
    assert all(len(it.codes) == 2 for it in found)


def _count(folder: Path) -> int:
    connection = sqlite3.connect(folder / "history.sqlite3", timeout=10)
    try:
        count: int = connection.execute("SELECT count(*) FROM attempt").fetchone()[0]
        return count
    finally:
        connection.close()


def test_half_a_file_of_attempts_is_none(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    store = opened(tmp_path)

    def torn() -> object:
        yield lesson(key="first")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(torn())  # type: ignore[arg-type]
    assert list(store.lessons()) == []
    store.close()


def test_what_is_no_history_is_refused_and_left(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(HistoryError, match=r"history\.sqlite3 is damaged: .*\n.*mv "):
        open_store(tmp_path)
    assert path.read_bytes() == before
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()
    with pytest.raises(HistoryError, match="its tables are not those of a history"):
        open_store(tmp_path)


def test_a_trigger_that_somebody_added_is_not_obeyed(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "history.sqlite3") as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON attempt BEGIN DELETE FROM attempt; END")
    connection.close()
    with pytest.raises(HistoryError, match="its tables are not those of a history"):
        open_store(tmp_path)


def test_a_page_that_was_overwritten_is_noticed(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    store = opened(tmp_path)
    store.add(lesson(key=str(number)) for number in range(2000))
    store.close()
    path = tmp_path / "history.sqlite3"
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 40] = b"\xff" * 4096 * 32
    path.write_bytes(content)
    with pytest.raises(HistoryError, match="is damaged"):
        rows(tmp_path)
    assert path.read_bytes() == bytes(content)


def test_a_newer_version_is_refused_and_left(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "history.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(HistoryError, match=r"of a newer version of stomper_sdk \(2, this one knows 1\)"):
        open_store(tmp_path)


@pytest.mark.parametrize("name", ["history.sqlite3", "history.sqlite3-wal"])
def test_nothing_is_written_through_a_link(name: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    state = tmp_path / ".stomper"
    state.mkdir()
    (state / name).symlink_to(elsewhere)
    with pytest.raises(HistoryError, match="Remove it"):
        open_store(state)
    assert not elsewhere.exists()


@pytest.mark.parametrize("mode", [0o660, 0o606])
def test_what_others_can_write_is_not_believed(mode: int, tmp_path: Path) -> None:
    opened(tmp_path).close()
    path = tmp_path / "history.sqlite3"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(mode)
    with pytest.raises(HistoryError, match="no file of yours alone"):
        open_store(tmp_path)


def test_none_is_made_where_none_is_wanted(tmp_path: Path) -> None:
    assert open_store(tmp_path, create=False) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(HistoryError, match="cannot be used"):
        open_store(tmp_path)


def test_a_row_that_no_attempt_can_be_is_damage(tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
    store = opened(tmp_path)
    store.add([lesson()])
    store.close()
    for command in (
        "UPDATE tally SET tried = 'many'",
        "UPDATE tally SET tried = 2; UPDATE attempt SET seconds = 'long'",
    ):
        with sqlite3.connect(tmp_path / "history.sqlite3") as connection:
            connection.executescript(command)
        connection.close()
        with pytest.raises(HistoryError, match="is damaged: "):
            rows(tmp_path)
