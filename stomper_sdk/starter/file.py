"""The file of a first pipeline, where `run` finds it by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs

from stomper_sdk.errors import RepositoryError, UsageError
from stomper_sdk.starter.text import starter_text
from stomper_sdk.survey import Survey, take_survey
from stomper_sdk.vcs.repository import open_repository

__all__ = ["PLACE", "Starter", "make_starter", "write_starter"]

#: Relative to the top of the repository.
PLACE = "pipelines/default.yaml"


@attrs.frozen
class Starter:
    """A first pipeline, the repository's top, and what was seen there."""

    root: Path
    survey: Survey
    text: str


def make_starter(folder: Path) -> Starter:
    """Look at the repository that holds a folder, and change nothing.

    Raises:
        RepositoryError: there is none, or git refuses.
        StomperError: nothing in it can be checked.
    """
    repository = open_repository(folder)
    try:
        survey = take_survey(repository.root, tuple(repository.tracked_files()))
        return Starter(repository.root, survey, starter_text(survey))
    finally:
        repository.close()


def write_starter(starter: Starter, *, replace: bool = False) -> None:
    """Write the pipeline, whole or not at all, and through no link.

    Raises:
        UsageError: there is one already, and it is not to be replaced.
        RepositoryError: it cannot be written.
    """
    target = starter.root / PLACE
    if target.parent.is_symlink():
        raise RepositoryError(f"{target.parent} is a link, and would be written through", "Remove the link.")
    if not replace and (target.exists() or target.is_symlink()):
        hint = "--force writes it anew, --print shows the new one and writes nothing."
        raise UsageError(f"{PLACE} is there already", hint)
    try:
        target.parent.mkdir(exist_ok=True)
        _put(target, starter.text)
    except OSError as error:
        raise RepositoryError(f"{target} cannot be written: {error.strerror}") from error


def _put(target: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False) as draft:
        draft.write(text)
    try:
        Path(draft.name).chmod(0o644)
        Path(draft.name).replace(target)
    except OSError:
        Path(draft.name).unlink()
        raise
