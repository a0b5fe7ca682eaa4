"""What a repository's configuration files say, read as data that nobody vouches for."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

__all__ = [
    "PytestSettings",
    "configures_pytest",
    "lookup",
    "pytest_settings",
    "read_ini",
    "read_toml",
    "words",
]

# In pytest's own order of precedence; the first file that speaks of pytest is the only one that counts.
_SECTIONS = {
    "pytest.toml": ("pytest",),
    ".pytest.toml": ("pytest",),
    "pytest.ini": ("pytest",),
    ".pytest.ini": ("pytest",),
    "pyproject.toml": ("tool.pytest", "tool.pytest.ini_options"),
    "tox.ini": ("pytest",),
    "setup.cfg": ("tool:pytest",),
}
_MAGIC = frozenset("*?[")
_DEDICATED = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")


@attrs.frozen
class PytestSettings:
    """The settings of pytest that decide what a test file is and what is loaded beside it."""

    python_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    testpaths: tuple[str, ...] = ()
    pythonpath: tuple[str, ...] = ()
    norecursedirs: tuple[str, ...] = (
        "*.egg",
        ".*",
        "_darcs",
        "build",
        "CVS",
        "dist",
        "node_modules",
        "venv",
        "{arch}",
    )
    addopts: tuple[str, ...] = ()


def pytest_settings(root: Path) -> PytestSettings:
    """What the first file that configures pytest says, and pytest's defaults for the rest.

    Test paths that do not exist are left out: pytest then looks everywhere, too.
    """
    said = next(filter(None, (_section(root / name) for name in _SECTIONS)), {})
    known = {field.name: words(said.get(field.name)) for field in attrs.fields(PytestSettings)}
    known["testpaths"] = tuple(filter(partial(_is_there, root), known["testpaths"]))
    return PytestSettings(**{name: values for name, values in known.items() if values})


def _is_there(root: Path, place: str) -> bool:
    return not _MAGIC.isdisjoint(place) or (root / place).exists()


def configures_pytest(folder: Path) -> bool:
    """Whether pytest would take its configuration from this folder."""
    return any((folder / name).is_file() for name in _DEDICATED) or any(
        _section(folder / name) for name in _SECTIONS
    )


def _section(file: Path) -> Mapping[str, Any]:
    """The settings in one file; `tool.pytest` holds `ini_options` as a table, which is no setting."""
    if file.suffix == ".toml":
        table = read_toml(file)
        found = (lookup(table, name) for name in _SECTIONS[file.name])
        return {key: value for part in found if isinstance(part, dict) for key, value in part.items()}
    parser = read_ini(file)
    name = _SECTIONS[file.name][0]
    return dict(parser[name]) if parser.has_section(name) else {}


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file; none where it is missing or broken."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def read_ini(file: Path) -> configparser.ConfigParser:
    """The sections of an INI file; none where it is missing or broken."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(file.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error):
        return configparser.ConfigParser()
    return parser


def lookup(table: object, dotted: str) -> object:
    """What stands at a dotted path of nested tables; None where there is nothing."""
    for key in dotted.split("."):
        table = table.get(key) if isinstance(table, dict) else None
    return table


def words(value: object) -> tuple[str, ...]:
    """The strings of a list, or the words of one string; whatever else stands there is left out."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError:
            return tuple(value.split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
