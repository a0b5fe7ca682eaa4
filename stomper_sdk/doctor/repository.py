"""The repository: whether something can be committed in it now, by whom, and what lies about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from stomper_sdk.doctor.remark import Remark, remark_of
from stomper_sdk.errors import RepositoryError, StomperError, WorkspaceError
from stomper_sdk.interpreter.opening import bytes_needed, declared_place
from stomper_sdk.journal.session import dead_sessions
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.present import counted
from stomper_sdk.vcs.repository import Repository
from stomper_sdk.workspaces.place import find_folder

__all__ = ["disk_remark", "identity_remark", "leftover_remarks", "place_remark", "repository_remark"]

_LITTLE = 200_000_000
_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def repository_remark(repository: Repository) -> Remark:
    """Whether a run could start in it."""
    try:
        repository.check_settled()
        dirty = repository.status().dirty
    except StomperError as error:
        return remark_of(error, "repository")
    places = (repository.root, repository.git_dir, repository.common_dir)
    closed = next((place for place in places if not os.access(place, os.W_OK | os.X_OK)), None)
    if closed is not None:
        return Remark("problem", "repository", f"{closed} cannot be written", f"chmod u+rwx {closed}")
    changed = f", {counted(len(dirty), 'file')} not committed, which a run leaves alone" if dirty else ""
    return Remark("ok", "repository", f"{repository.root} at {repository.commit_of('HEAD')[:7]}{changed}")


def identity_remark(repository: Repository) -> Remark:
    try:
        return Remark("ok", "identity", f"commits are by {repository.identity()}")
    except RepositoryError as error:
        return remark_of(error, "identity")


def leftover_remarks(root: Path) -> Iterator[Remark]:
    """Sessions that were killed; a run removes what they left, as `clean` does."""
    dead = [session.id for session in dead_sessions(root / ".stomper")]
    if dead:
        told = f"{counted(len(dead), 'session')} ended before cleaning up: {', '.join(dead[:3])}"
        yield Remark("warning", "leftovers", told, "stomper-sdk clean")


def place_remark(pipeline: Pipeline, root: Path, repository: Repository) -> Remark:
    """Where workspaces would be, and whether there is room for them."""
    needed = bytes_needed(pipeline, repository)
    try:
        place = find_folder(declared_place(pipeline, root), needed)
    except WorkspaceError as error:
        return remark_of(error, "workspaces")
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Remark("problem", "workspaces", f"{there} cannot be written", "Correct workspace.root.")
    free = shutil.disk_usage(there).free
    told = f"in {place}, {_size(free)} free, {_size(needed)} needed"
    if free < needed:
        remedy = "Lower parallelism.max_parallel_files, or name a roomier folder with workspace.root."
        return Remark("problem", "workspaces", told, remedy)
    return Remark("ok", "workspaces", told)


def disk_remark(root: Path) -> Remark:
    free = shutil.disk_usage(root).free
    told = f"{_size(free)} free where the repository is"
    if free < _LITTLE:
        return Remark("warning", "disk", told, "Make room: commits and results need some.")
    return Remark("ok", "disk", told)


def _size(count: float) -> str:
    """`512 kB`, `1.4 GB`."""
    unit = next((unit for unit in _UNITS if count < 1000 * _UNITS[unit]), "TB")
    return f"{count / _UNITS[unit]:.3g} {unit}"
