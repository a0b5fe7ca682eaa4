"""From where a tree's own code is imported, so that its tests never run somebody else's copy of it.

A project under work is usually installed with `pip install -e .`: a `.pth` file or a finder among the
installed packages leads to the user's checkout. Both come after PYTHONPATH, so the folders named here,
put first on it, make the tests of a workspace import the workspace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from stomper_sdk.validation.configuration import lookup, pytest_settings, read_ini, read_toml, words

__all__ = ["import_roots", "tree_environment"]

# A build tool's setting that names folders which hold packages.
_FOLDERS = (
    "tool.setuptools.packages.find.where",
    "tool.hatch.build.dev-mode-dirs",
    "tool.hatch.build.sources",
    "tool.hatch.build.targets.wheel.sources",
    "tool.pdm.package-dir",
    "tool.pdm.build.package-dir",
    "tool.maturin.python-source",
    "tool.uv.build-backend.module-root",
)
# A build tool's setting that names packages by their folders.
_PACKAGES = ("tool.hatch.build.packages", "tool.hatch.build.targets.wheel.packages")
_SETUP_PY = re.compile(r"""package_dir\s*=\s*(?:dict\(|\{)\s*["']{2}\s*:\s*["']([^"'\n]+)["']""")


def import_roots(root: Path) -> tuple[str, ...]:
    """The folders from which a tree's code is imported, in their order on the import path.

    Args:
        root: the top of a checkout. What its configuration says is not trusted: a folder that is
            missing, lies outside (a symlink's target too) or cannot stand in PYTHONPATH is left out.

    Returns:
        Repo-relative POSIX paths; the first is ".", the root itself.
    """
    named = (".", "src", *_declared(root), *pytest_settings(root).pythonpath)
    return tuple(dict.fromkeys(PurePosixPath(name).as_posix() for name in named if _usable(root, name)))


def tree_environment(root: Path, base: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of tests that run in a tree. For tests only.

    The tree's roots shadow whatever has the same name, as they do for `python -m pytest` in the user's
    own checkout. Another tool written in Python (mypy, say) would import a repository's `types.py`
    in place of the standard library's, so it must not get this environment.

    Args:
        root: the top of the tree.
        base: the environment to start from; its own PYTHONPATH comes after the roots.
    """
    folders = [str(root / name) for name in import_roots(root)]
    path = os.pathsep.join([*folders, *filter(None, [base.get("PYTHONPATH")])])
    return {**base, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _usable(root: Path, name: str) -> bool:
    try:
        folder = (root / name).resolve()
        return os.pathsep not in name and folder.is_dir() and folder.is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):
        return False


def _declared(root: Path) -> Iterator[str]:
    project = read_toml(root / "pyproject.toml")
    for setting in _FOLDERS:
        yield from _names(lookup(project, setting))
    for setting in _PACKAGES:
        yield from (_parent(name) for name in _names(lookup(project, setting)))
    yield from _mapped(lookup(project, "tool.setuptools.package-dir"))
    packages = lookup(project, "tool.poetry.packages")
    for package in packages if isinstance(packages, list) else ():
        yield from _names(lookup(package, "from"))
    yield from _setup_cfg(root / "setup.cfg")
    yield from _setup_py(root / "setup.py")


def _setup_cfg(file: Path) -> Iterator[str]:
    parser = read_ini(file)
    lines = parser.get("options", "package_dir", fallback="").splitlines()
    pairs = (line.partition("=") for line in lines)
    yield from _mapped({key.strip(): value.strip() for key, _, value in pairs})
    yield from words(parser.get("options.packages.find", "where", fallback=""))


def _setup_py(file: Path) -> list[str]:
    try:
        return _SETUP_PY.findall(file.read_text("utf-8", "replace"))
    except OSError:
        return []


def _mapped(table: Any) -> Iterator[str]:
    """The import roots in a mapping of package to folder; a package that is renamed has none."""
    for package, folder in table.items() if isinstance(table, dict) else ():
        path = str(folder)
        if not package:
            yield path
        elif path == package.replace(".", "/") or path.endswith("/" + package.replace(".", "/")):
            yield path[: -len(package)].rstrip("/") or "."


def _names(value: object) -> tuple[str, ...]:
    """A folder, a list of folders, or a table whose keys are folders."""
    if isinstance(value, dict):
        return tuple(map(str, value))
    return (value,) if isinstance(value, str) else words(value)


def _parent(package: str) -> str:
    return PurePosixPath(package).parent.as_posix()
