"""Past runs are read without trust: what lies in place of a result is told, never followed or believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.errors import RepositoryError, StomperError, UsageError
from stomper_sdk.flock import unlock
from stomper_sdk.journal import history
from stomper_sdk.journal.history import find_run, past_runs, result_of
from stomper_sdk.journal.session import dead_sessions, open_session, state_folder
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports import to_json

Write = Callable[..., Path]
FIRST, SECOND, THIRD = (f"stomper-2026010{day}-120000-ab1{day}" for day in (1, 2, 3))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    state_folder(tmp_path)
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    """Writes the result of a session, or what stands in its place."""

    def write(session_id: str, text: str | None = None) -> Path:
        values = ("default", ".", None, None, "completed", 0, 1.0, 1, {}, (), ())
        folder = root / ".stomper" / "sessions" / session_id
        folder.mkdir()
        kept = to_json(RunResult(session_id, *values).to_dict()) if text is None else text
        (folder / "result.json").write_text(kept)
        return folder / "result.json"

    return write


def test_the_newest_comes_first_and_no_more_than_asked_for(root: Path, write: Write) -> None:
    for session_id in (SECOND, THIRD, FIRST):
        write(session_id)
    (root / ".stomper" / "sessions" / "something-else").mkdir()
    assert [run.session_id for run in past_runs(root)] == [THIRD, SECOND, FIRST]
    assert [run.session_id for run in past_runs(root, limit=2)] == [THIRD, SECOND]


@pytest.mark.parametrize("kept", [".stomper/sessions", ".stomper", ""])
def test_where_no_run_was_made_there_is_none(kept: str, tmp_path: Path) -> None:
    (tmp_path / kept).mkdir(parents=True, exist_ok=True)
    assert past_runs(tmp_path) == ()
    with pytest.raises(UsageError, match="no run has ended yet"):
        find_run(tmp_path, "last")


def test_a_session_at_work_is_running_and_one_that_was_killed_has_died(root: Path) -> None:
    session = open_session(root / ".stomper", root)
    assert [run.status for run in past_runs(root)] == ["running"]
    with pytest.raises(StomperError, match="still running"):
        result_of(find_run(root, session.id))
    unlock(session._alive)
    assert [run.status for run in past_runs(root)] == ["died"]
    with pytest.raises(StomperError, match="died before"):
        result_of(find_run(root, "last"))
    assert len(list(dead_sessions(root / ".stomper"))) == 1, "looking at it has changed it"


def test_a_session_that_kept_nothing_is_no_run(root: Path) -> None:
    """As that of a plan, or of a run that could not start."""
    open_session(root / ".stomper", root).close()
    assert past_runs(root) == ()


def test_last_is_the_newest_that_has_ended(root: Path, write: Write) -> None:
    write(FIRST)
    session = open_session(root / ".stomper", root)
    assert find_run(root, "last").session_id == FIRST
    session.close()


def test_a_part_that_only_one_has_names_it(root: Path, write: Write) -> None:
    write(FIRST)
    write(SECOND)
    assert find_run(root, "ab12").session_id == SECOND
    assert find_run(root, FIRST).session_id == FIRST


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("stomper-2026", "'stomper-2026' names 2 runs", f"They are: {SECOND}, {FIRST}."),
        ("stomper-20260101-120000-ab21", "there is no run", f"Did you mean '{FIRST}'?"),
        ("../../etc", "there is no run", f"The newest are: {SECOND}, {FIRST}."),
        ("", "there is no run ''", f"The newest are: {SECOND}, {FIRST}."),
    ],
)
def test_a_name_that_is_none_gets_the_near_ones(
    name: str, said: str, hint: str, root: Path, write: Write
) -> None:
    write(FIRST)
    write(SECOND)
    with pytest.raises(UsageError) as caught:
        find_run(root, name)
    assert caught.value.message.startswith(said)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[" * 100_000, "it is nested too deep"),
        ("9" * 5000, "limit"),
        ("\udcff", "decode"),
        ("null", "the document is None"),
        ('{"version": 7}', "its version is 7"),
    ],
)
def test_what_cannot_be_read_is_broken_and_says_why(
    text: str, problem: str, root: Path, write: Write
) -> None:
    write(FIRST, "").write_bytes(os.fsencode(text))
    (run,) = past_runs(root)
    assert run.status == "broken"
    assert problem in run.problem
    with pytest.raises(StomperError, match=f"the result of {FIRST} cannot be read: "):
        result_of(find_run(root, "last"))


def test_the_result_of_another_session_is_not_believed(root: Path, write: Write) -> None:
    file = write(FIRST)
    document: dict[str, Any] = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "session_id": "\x1b[2J"}))
    assert past_runs(root)[0].problem == r"it is of another session, '\x1b[2J'"


def test_a_link_is_not_followed(root: Path, write: Write, tmp_path: Path) -> None:
    file = write(FIRST)
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    assert [run.status for run in past_runs(root)] == ["broken"]


def test_a_session_that_is_a_link_is_none(root: Path, write: Write, tmp_path: Path) -> None:
    folder = write(FIRST).parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert past_runs(root) == ()


@pytest.mark.parametrize("name", [".stomper", ".stomper/sessions"])
def test_a_link_in_place_of_the_folder_is_refused(
    name: str, root: Path, write: Write, tmp_path: Path
) -> None:
    write(FIRST)
    (root / name).rename(tmp_path / "elsewhere")
    (root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RepositoryError, match="is a link, and would be read through"):
        past_runs(root)


def test_nobody_is_waited_for_at_a_pipe_in_place_of_the_file(root: Path, write: Write) -> None:
    file = write(FIRST)
    file.unlink()
    os.mkfifo(file)
    assert past_runs(root)[0].problem == "it is no file"


def test_a_file_that_is_too_large_is_not_read_whole(root: Path, write: Write) -> None:
    with write(FIRST).open("r+b") as file:
        file.truncate(1024**3)
    assert past_runs(root)[0].problem == f"it is larger than {history._MAX_BYTES} bytes"
