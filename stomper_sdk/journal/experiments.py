"""What `.stomper/experiments/` keeps: a journal of each experiment, and each of its runs that has ended."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from stomper_sdk.errors import RepositoryError, StomperError, UsageError
from stomper_sdk.flock import try_lock, unlock
from stomper_sdk.journal.history import LAST, read_result
from stomper_sdk.journal.kept import chosen, content_of, newest_first
from stomper_sdk.journal.log import JOURNAL, Journal
from stomper_sdk.journal.records import Arranged, Failed, Paused, Planned, Spent
from stomper_sdk.journal.session import RESULT, state_folder
from stomper_sdk.journal.spans import SPANS, read_spans
from stomper_sdk.journal.unfinished import read_unfinished, records_of
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports.json import to_json

__all__ = [
    "KeptExperiment",
    "Store",
    "find_experiment",
    "new_store",
    "past_experiments",
    "read_experiment",
]

_ID = re.compile(r"experiment-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
_ALIVE, _RUNS, _LEARNED, _PATCHES = "alive", "runs", "learned", "patches.json"
_MAX_BYTES = 64 * 1024 * 1024


@attrs.frozen
class KeptExperiment:
    """An experiment as its journal tells it; `paused` is None where it died, or goes on right now."""

    id: str
    arranged: Arranged
    plan: Plan
    failed: Mapping[str, Failed]
    spent: tuple[Spent, ...]
    paused: Paused | None


@attrs.frozen
class Store:
    """The folder of an experiment. All methods block."""

    folder: Path
    secrets: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self.secrets)

    @property
    def is_alive(self) -> bool:
        """Whether a process carries it out at this moment."""
        try:
            lock = try_lock(self.folder / _ALIVE, make=False)
        except OSError:
            return False
        if lock is not None:
            unlock(lock)
        return lock is None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the process that carries it out.

        Raises:
            RepositoryError: another process is.
        """
        alive = try_lock(self.folder / _ALIVE)
        if alive is None:
            raise RepositoryError(f"{self.id} is at work in another process", "Wait for it to end.")
        try:
            yield
        finally:
            (self.folder / _ALIVE).unlink(missing_ok=True)
            unlock(alive)

    def keep(self, number: int, session: Path, patches: Mapping[str, str]) -> RunResult:
        """Keep a run of a cell, whole or not at all: its session, and each file's patch by path.

        Raises:
            StomperError: it cannot be read again.
        """
        runs = self.folder / _RUNS
        runs.mkdir(exist_ok=True)
        final = runs / f"{number:05d}-{len(self._runs(number))}"
        draft = runs / f".{final.name}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for name in (JOURNAL, RESULT, SPANS):
            if (session / name).is_file():
                shutil.copyfile(session / name, draft / name)
                shutil.copymode(session / name, draft / name)
        text = to_json(dict(patches))
        (draft / _PATCHES).write_text(text, encoding="utf-8", errors="surrogateescape")
        draft.rename(final)
        return self._result(final)

    def drop(self, number: int) -> None:
        """Keep the runs of a cell no longer."""
        for folder in self._runs(number):
            shutil.rmtree(folder, ignore_errors=True)

    def results(self, number: int) -> tuple[RunResult, ...]:
        """The results of a cell's runs: one, or several where it was stopped midway.

        Raises:
            StomperError: one cannot be read.
        """
        return tuple(map(self._result, self._runs(number)))

    def file(self, number: int, path: str) -> tuple[FileResult, str] | None:
        """What the journal of a cell's runs has of one file, prompts and replies too, and its patch.

        Raises:
            StomperError: it cannot be read.
        """
        for folder in self._runs(number):
            for file in read_unfinished(folder).ended:
                if file.path == path and file.outcome != "cancelled":
                    return file, self._patches(folder).get(path, "")
        return None

    def learned(self, arm: str) -> Path:
        """Where the history of one of its clones is kept for when the experiment goes on."""
        folder = self.folder / _LEARNED
        folder.mkdir(exist_ok=True)
        return folder / f"{arm}.sqlite3"

    def _runs(self, number: int) -> list[Path]:
        return sorted((self.folder / _RUNS).glob(f"{number:05d}-*"))

    def _result(self, folder: Path) -> RunResult:
        try:
            result = read_result(folder / RESULT)
        except (OSError, ValueError, RecursionError) as error:
            raise StomperError(f"run {folder.name} of {self.id} cannot be read: {error}") from error
        return attrs.evolve(result, spans=read_spans(folder))

    def _patches(self, folder: Path) -> Mapping[str, str]:
        try:
            read = json.loads(content_of(folder / _PATCHES, _MAX_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            raise StomperError(f"the patches in {folder} cannot be read: {error}") from error
        return {str(path): str(text) for path, text in read.items()} if isinstance(read, dict) else {}


def new_store(root: Path, secrets_: frozenset[str]) -> Store:
    """A folder for a new experiment.

    Raises:
        RepositoryError: the state folder cannot be written, or a link stands in its place.
    """
    parent = state_folder(root) / "experiments"
    if parent.is_symlink():
        raise RepositoryError(f"{parent} is a link, and would be written through", "Remove the link.")
    parent.mkdir(exist_ok=True)
    while True:
        folder = parent / f"experiment-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return Store(folder, secrets_)


def past_experiments(root: Path) -> tuple[str, ...]:
    """The names of the experiments that a checkout has kept, the newest first."""
    parent = root / ".stomper" / "experiments"
    if parent.is_symlink() or not parent.is_dir():
        return ()
    return newest_first(parent, _ID)


def find_experiment(root: Path, name: str = LAST) -> Store:
    """An experiment by its name, by a part that only one has, or the `last` one.

    Raises:
        UsageError: there is no such experiment, or more than one.
    """
    names = past_experiments(root)
    if not names:
        raise UsageError(f"there are no experiments in {root} yet", "Start one: stomper-sdk experiment FILE")
    found = names[0] if name == LAST else chosen(name, names, "experiment")
    return Store(root / ".stomper" / "experiments" / found)


def read_experiment(store: Store) -> KeptExperiment:
    """What the journal of an experiment tells.

    Raises:
        StomperError: it cannot be read, or the experiment died before it had begun.
    """
    arranged: Arranged | None = None
    plan: Plan | None = None
    paused: Paused | None = None
    failed: dict[str, Failed] = {}
    spent: list[Spent] = []
    for record in records_of(store.folder):
        match record:
            case Arranged():
                arranged, paused, failed = record, None, {}
            case Planned(plan):
                pass
            case Failed():
                failed[record.variant] = record
            case Paused():
                paused = record
            case Spent():
                spent.append(record)
    if arranged is None or plan is None:
        raise StomperError(f"{store.id} died before it had begun", "Start it again.")
    return KeptExperiment(store.id, arranged, plan, failed, tuple(spent), paused)
