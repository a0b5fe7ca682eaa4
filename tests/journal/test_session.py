"""What a dead session left is removed; what only claims to be one is left alone, and so is all it names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk.errors import RepositoryError
from stomper_sdk.flock import unlock
from stomper_sdk.journal.session import DeadSession, Session, bury, dead_sessions, open_session, state_folder

Make = Callable[..., Any]
SESSION_ID = "stomper-20260101-120000-ab12"
FOLDER = "stomper-0123456789abcdef"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    return state_folder(tmp_path / "repo")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    (tmp_path / "places").mkdir()
    return tmp_path / "places"


def died(session: Session) -> Session:
    """What is left of a session where the system ended its process."""
    unlock(session._alive)
    return session


def changed(session: Session, **values: str) -> None:
    record = json.loads((session.folder / "session.json").read_text())
    session.record("session.json", json.dumps({**record, **values}))


def buried(state: Path) -> list[DeadSession]:
    found = list(dead_sessions(state))
    for dead in found:
        bury(dead)
    return found


def test_a_dead_session_is_found_and_its_folder_removed(state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    (session.workspaces / "left").write_text("")
    (dead,) = buried(state)
    assert (dead.id, dead.workspaces) == (session.id, session.workspaces)
    assert list(places.iterdir()) == []
    assert not session.folder.exists()
    assert buried(state) == []


def test_a_session_that_lives_or_was_closed_is_none(state: Path, places: Path) -> None:
    session = open_session(state, places)
    assert session.workspaces.stat().st_mode & 0o777 == 0o700
    assert list(dead_sessions(state)) == []
    session.close()
    assert (list(dead_sessions(state)), list(places.iterdir())) == ([], [])


def test_a_record_that_was_cloned_makes_a_run_delete_nothing(make_checkout: Make, tmp_path: Path) -> None:
    """With names of every kind; whoever wrote them knew where the user keeps something."""
    treasures = [tmp_path / name for name in ("stomper-anything", FOLDER)]
    user = make_checkout({"a.py": "import os\n"})
    for number, treasure in enumerate(treasures):
        treasure.mkdir()
        (treasure / "kept").write_text("")
        for id_ in ("x", f"stomper-20260101-12000{number}-ab12"):
            record = {"id": id_, "workspaces": str(treasure), "family": "0123456789abcdef", "token": "t"}
            folder = f".stomper/sessions/{id_}"
            user.write({f"{folder}/session.json": json.dumps(record), f"{folder}/alive": ""})
    user.git("add", "--force", ".stomper")
    user.commit(message="state of somebody else's")
    result = stomper_sdk.run("default", repo=user.root)
    assert (result.exit_code, user.status) == (0, "")
    assert not any("removed" in notice for notice in result.notices)
    assert [(treasure / "kept").exists() for treasure in treasures] == [True, True]


def test_a_record_whose_folder_is_gone_is_cleaned(state: Path, places: Path) -> None:
    """As after a reboot, where workspaces were in memory."""
    session = died(open_session(state, places))
    (session.workspaces / ".session").unlink()
    session.workspaces.rmdir()
    assert [dead.id for dead in buried(state)] == [session.id]
    assert not session.folder.exists()


def test_a_folder_that_was_just_made_is_removed_while_it_is_empty(state: Path, places: Path) -> None:
    """Its process died before it could say whose it is."""
    session = died(open_session(state, places))
    (session.workspaces / ".session").unlink()
    (session.workspaces / "other").write_text("")
    assert buried(state) == []
    (session.workspaces / "other").unlink()
    assert [dead.id for dead in buried(state)] == [session.id]
    assert list(places.iterdir()) == []


@pytest.mark.parametrize("token", ["other", "", None])
def test_a_folder_without_the_token_of_the_record_stays(token: str | None, state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    (session.workspaces / "kept").write_text("")
    (session.workspaces / ".session").unlink()
    if token is not None:
        (session.workspaces / ".session").write_text(token)
    assert buried(state) == []
    assert (session.workspaces / "kept").exists()


def test_a_folder_that_changed_after_it_was_found_stays(state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    (dead,) = dead_sessions(state)
    (session.workspaces / ".session").write_text("other")
    bury(dead)
    assert (session.workspaces / ".session").exists()


@pytest.mark.parametrize("name", ["stomper-anything", "stomper-0123456789ABCDEF", "0123456789abcdef"])
def test_a_folder_of_another_name_stays(name: str, state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    session.workspaces.rename(places / name)
    changed(session, workspaces=str(places / name))
    assert buried(state) == []
    assert (places / name / ".session").exists()


def test_a_link_to_a_folder_stays_and_so_does_the_folder(state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    session.workspaces.rename(places / "real")
    session.workspaces.symlink_to(places / "real")
    assert buried(state) == []
    assert session.workspaces.is_symlink()
    assert (places / "real" / ".session").exists()


def test_a_folder_of_another_user_stays(state: Path, places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, own = died(open_session(state, places)), os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    assert buried(state) == []
    assert session.workspaces.exists()


@pytest.mark.parametrize("other", [{"id": SESSION_ID}, {"id": "*"}, {"family": ""}, {"workspaces": FOLDER}])
def test_a_record_that_is_not_as_we_write_them_is_ignored(
    other: dict[str, str], state: Path, places: Path
) -> None:
    session = died(open_session(state, places))
    changed(session, **other)
    assert buried(state) == []
    assert session.workspaces.exists()


@pytest.mark.parametrize("name", ["x", "stomper-*", "stomper-20260101-120000-*"])
def test_a_session_id_that_could_mean_others_is_ignored(name: str, state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    changed(session, id=name)
    session.folder.rename(session.folder.with_name(name))
    assert buried(state) == []
    assert session.workspaces.exists()


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "{}"])
def test_a_record_that_is_none_is_ignored(text: str, state: Path, places: Path) -> None:
    session = died(open_session(state, places))
    session.record("session.json", text)
    assert buried(state) == []


@pytest.mark.parametrize("name", [".stomper", ".stomper/sessions", ".stomper/locks", ".stomper/cache"])
def test_a_state_folder_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "repo" / name
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(RepositoryError, match="is a link"):
        state_folder(tmp_path / "repo")
    assert list(elsewhere.iterdir()) == []


def test_sessions_are_not_looked_for_behind_a_link(state: Path, places: Path, tmp_path: Path) -> None:
    session = died(open_session(state, places))
    (tmp_path / "link").symlink_to(state)
    assert list(dead_sessions(tmp_path / "link")) == []
    assert [dead.id for dead in dead_sessions(state)] == [session.id]


def test_nothing_is_written_through_links_in_the_state_folder(state: Path, tmp_path: Path) -> None:
    (state / ".gitignore").unlink()
    (state / ".gitignore").symlink_to(tmp_path / "written")
    folder = state / "sessions" / SESSION_ID
    folder.mkdir()
    (folder / "session.json").write_text("{}")
    (folder / "alive").symlink_to(tmp_path / "written")
    assert list(dead_sessions(state_folder(state.parent))) == []
    assert not (tmp_path / "written").exists()
