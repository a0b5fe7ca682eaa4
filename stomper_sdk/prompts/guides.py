"""What a repository says of how it is worked on, in AGENTS.md and the like: those that a pipeline names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import nearest
from stomper_sdk.prompts.excerpts import capped
from stomper_sdk.prompts.values import Guide

__all__ = ["check_guides", "read_guides"]

_CHARACTERS = 20_000
_BYTES = 4 * _CHARACTERS


def check_guides(names: Sequence[str], root: Path) -> None:
    """See that every guide is there.

    Args:
        names: paths from the top of the repository.
        root: the top of the user's checkout.

    Raises:
        PipelineError: one is missing, no file, or not in the repository.
    """
    problems = list(_problems(names, root))
    if problems:
        raise PipelineError(problems)


def read_guides(names: Sequence[str], root: Path) -> tuple[Guide, ...]:
    """The guides as they are in a tree, each up to 20,000 characters; one that is not there is left out.

    Args:
        names: paths from the top of the tree.
        root: the tree's top. A link is followed as far as it stays below it.
    """
    return tuple(Guide(name, _text(root / name)) for name in names if _inside(name, root))


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return capped(opened.read(_BYTES).decode("utf-8", "replace"), _CHARACTERS)


def _inside(name: str, root: Path) -> bool:
    try:
        file = (root / name).resolve()
        return file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError, RuntimeError):  # a link to itself, a name that no file can have
        return False


def _problems(names: Sequence[str], root: Path) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if not _inside(name, root):
            folder = root / PurePosixPath(name).parent
            beside = [file.name for file in folder.glob("*")] if _within(folder, root) else []
            near = nearest(PurePosixPath(name).name, beside)
            text = f"there is no file {name!r} in the repository"
            yield Problem(text, f"prompt.guides[{number}]", suggestion=near)


def _within(folder: Path, root: Path) -> bool:
    return folder.is_dir() and folder.resolve().is_relative_to(root.resolve())
