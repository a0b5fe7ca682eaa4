"""What checks know of files: how a tool is given their names, and what the names it prints mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from stomper_sdk.model.finding import Finding

__all__ = ["batches", "cache_settings", "read_sources", "relative_to", "top_level"]

MAX_ARGUMENTS = 100_000
_NOBODYS_OWN = frozenset({".git", ".nox", ".stomper", ".tox", "node_modules"})


def batches(paths: Sequence[str] | None) -> Iterator[tuple[str, ...]]:
    """The arguments that name some files, in as many parts as command lines are needed.

    Args:
        paths: repo-relative; None means everything, `.`. Each gets a `./` before it, so that a name
            such as `-x`, `@x` or `-` is not taken for an option.
    """
    part: list[str] = []
    room = MAX_ARGUMENTS
    for path in (".",) if paths is None else dict.fromkeys(f"./{path}" for path in paths):
        size = len(os.fsencode(path)) + 1
        if part and size > room:
            yield tuple(part)
            part, room = [], MAX_ARGUMENTS
        part.append(path)
        room -= size
    if part:
        yield tuple(part)


def top_level(root: Path, covers: Callable[[str], bool]) -> list[str]:
    """What stands for everything, for a tool that would walk into installed packages too.

    Returns:
        The folders at the top of a tree, but virtual environments and the like, and the files there
        that are covered. Links to folders are left out, as walking tools leave them out.
    """
    found = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                installed = Path(entry.path, "pyvenv.cfg").exists()
                wanted = not installed and entry.name not in _NOBODYS_OWN
            else:
                wanted = entry.is_file() and covers(entry.name)
            if wanted:
                found.append(entry.name)
    return sorted(found)


def cache_settings(cache: Path) -> dict[str, str]:
    """Variables that keep the common tools' caches out of the tree, whoever of them starts whom.

    Byte code is not written rather than put elsewhere: with PYTHONPYCACHEPREFIX Python would not read
    the installed packages' own either, which made each start of pytest half a second slower.
    """
    cache.mkdir(parents=True, exist_ok=True)
    return {
        "COVERAGE_FILE": str(cache / "coverage"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(cache / "hypothesis"),
        "MYPY_CACHE_DIR": str(cache / "mypy"),
        "PYLINTHOME": str(cache / "pylint"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUFF_CACHE_DIR": str(cache / "ruff"),
    }


def read_sources(root: Path, findings: Iterable[Finding]) -> dict[str, str]:
    """The texts of the files that have findings; what is no file (any more), as a pipe, has no text."""
    texts = {}
    for path in {finding.path for finding in findings if finding.line is not None}:
        with contextlib.suppress(OSError):
            if (root / path).is_file():
                texts[path] = (root / path).read_bytes().decode("utf-8", "replace")
    return texts


def relative_to(root: Path, reported: str) -> str | None:
    """The repo-relative POSIX path of what a tool printed; None where it can be no file of the tree.

    The root may be reached through a link (`/tmp` on macOS) and be printed either way. A file of the
    tree that is itself a link keeps its own name.
    """
    if not _can_be_named(reported):
        return None
    path = os.path.normpath(root / _with_slashes(root, reported))
    real_root = os.path.realpath(root)
    real = str(Path(os.path.realpath(Path(path).parent), Path(path).name))
    for place, folder in ((path, os.path.normpath(root.absolute())), (path, real_root), (real, real_root)):
        if place.startswith(folder.rstrip(os.sep) + os.sep):
            return Path(place).relative_to(folder).as_posix()
    return None


def _can_be_named(path: str) -> bool:
    """Whether the system could have a file of that name."""
    with contextlib.suppress(UnicodeEncodeError):
        return b"\0" not in os.fsencode(path)
    return False


def _with_slashes(root: Path, reported: str) -> str:
    """Backslashes are separators unless there is a file of just that name."""
    if "\\" not in reported or os.path.lexists(root / reported):
        return reported
    slashed = reported.replace("\\", "/")
    return slashed if os.path.lexists(root / slashed) else reported
