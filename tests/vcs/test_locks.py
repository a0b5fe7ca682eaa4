"""The lock of commits, among tasks and among processes."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
import trio
import trio.testing

from stomper_sdk.errors import RepositoryError
from stomper_sdk.flock import try_lock, unlock
from stomper_sdk.vcs import locks
from stomper_sdk.vcs.locks import SharedLock, held


async def test_waiting_for_another_process_is_told_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    other, told = try_lock(tmp_path / "lock"), []
    assert other is not None
    lock = SharedLock(tmp_path / "lock", lambda: told.append(trio.current_time()))

    async def take() -> None:
        async with lock.hold():
            told.append("held")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.sleep(1.9)
        assert told == []
        await trio.sleep(20)
        assert len(told) == 1
        unlock(other)
    assert told[1:] == ["held"]


async def test_there_is_a_limit_to_waiting(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    other = try_lock(tmp_path / "lock")
    with pytest.raises(RepositoryError, match=r"another process held .*lock for 600 s"):
        async with SharedLock(tmp_path / "lock").hold():
            raise AssertionError("held by two")
    assert other is not None
    unlock(other)


@pytest.mark.parametrize("make", [True, False])
def test_a_file_that_is_removed_while_it_is_being_locked_is_not_held(
    make: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two would hold the lock: one on the file that is gone, one on the file that is there."""
    path, lock = tmp_path / "lock", fcntl.flock
    path.touch()

    def removed_before(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    if not make:
        with pytest.raises(FileNotFoundError):
            try_lock(path, make=False)
        assert not path.exists()
        return
    held = try_lock(path)
    assert held is not None
    assert try_lock(path) is None
    unlock(held)


def test_without_tasks_there_is_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_BLOCKING_SECONDS", 0.05)
    with held(tmp_path / "lock"), pytest.raises(RepositoryError), held(tmp_path / "lock"):
        raise AssertionError("held by two")
    with held(tmp_path / "lock"):
        pass
