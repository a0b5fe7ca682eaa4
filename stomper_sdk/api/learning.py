"""What was learned: summed up, and carried from one repository to another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stomper_sdk.api.starting import Folder, absolute, checkout_of
from stomper_sdk.errors import HistoryError, machine_limits
from stomper_sdk.interpreter.learning import common_folder
from stomper_sdk.interpreter.resuming import check_own
from stomper_sdk.journal.session import state_folder
from stomper_sdk.learning import Store, open_store
from stomper_sdk.learning.lines import export_lines, import_lines
from stomper_sdk.learning.summing import summed_up
from stomper_sdk.model.learned import Imported, Learned
from stomper_sdk.model.pipeline import PromptSpec

__all__ = ["export_history", "import_history", "stats"]

T = TypeVar("T")


def stats(
    repo: Folder = ".",
    *,
    checks: Collection[str] = (),
    codes: Collection[str] = (),
    agents: Collection[str] = (),
) -> Learned:
    """What past attempts have come to: rates by code, agent and level, and what would be chosen now.

    Args:
        repo: the repository's folder, or any folder in it; all its checkouts learn together.
        checks: only these, by name; empty means all.
        codes: likewise.
        agents: likewise.

    Raises:
        RepositoryError: there is no such folder, or git tracks what should be the user's own.
        HistoryError: the history is damaged, or of a newer version.
    """

    def summed(store: Store) -> Learned:
        store.check()
        return summed_up(store.lessons(), PromptSpec().levels, checks, codes, agents)

    return _with_store(repo, summed) or Learned()


def export_history(path: Folder, repo: Folder = ".") -> int:
    """Write the history as lines of JSON, the oldest attempt first; how many is returned.

    Raises:
        RepositoryError: as for `stats`.
        HistoryError: as for `stats`; also where the file cannot be written.
    """
    place = Path(path).absolute()
    return _with_store(repo, lambda store: _exported(store, place)) or 0


def import_history(path: Folder, repo: Folder = ".") -> Imported:
    """Add what another history has exported, each attempt once; what is known stays as it is.

    Raises:
        UsageError: the file cannot be read.
        RepositoryError: as for `stats`.
        HistoryError: as for `stats`; also where the file is of a newer version: nothing is imported then.
    """
    place = Path(path).absolute()
    with machine_limits(permissions=True):
        imported = _with_store(repo, lambda store: import_lines(place, store), create=True)
    assert imported is not None
    return imported


def _exported(store: Store, path: Path) -> int:
    """Written beside its place first: nobody ever sees half of it."""
    store.check()
    try:
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise HistoryError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            count = export_lines(store.oldest(), file)
        Path(draft).replace(path)
    except BaseException as error:
        Path(draft).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise HistoryError(f"{path} cannot be written: {error.strerror}") from error
        raise
    return count


def _with_store(repo: Folder, use: Callable[[Store], T], *, create: bool = False) -> T | None:
    """What is made of the history; None where there is none."""
    with _state(repo, create=create) as folder:
        store = open_store(folder, create=create)
        if store is None:
            return None
        try:
            return use(store)
        finally:
            store.close()


@contextmanager
def _state(repo: Folder, *, create: bool) -> Iterator[Path]:
    with checkout_of(absolute(repo)) as (root, repository):
        check_own(repository)
        place = common_folder(root, repository)
        yield state_folder(place.parent) if create else place
