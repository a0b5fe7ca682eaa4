"""Which tools a repository configures, and which of them are there to be run."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import attrs

from stomper_sdk.process import find_program
from stomper_sdk.survey.package import read_package
from stomper_sdk.validation.configuration import lookup, read_ini, read_toml

__all__ = ["NODE_PROGRAMS", "Tool", "find_tools", "own_program"]

_SCRIPTS = frozenset({"JavaScript", "TypeScript"})
_PYTHON = frozenset({"Python"})
#: Where checks of JavaScript look by themselves.
NODE_PROGRAMS = "node_modules/.bin"
_HOMES = (".venv/bin", "venv/bin", NODE_PROGRAMS)


@attrs.frozen
class Tool:
    """A check that fits the repository.

    `configured_in` is the file that configures it, empty where none does; `program` its name, or its
    path in the repository, None where it is missing; `install` the command that brings it.
    """

    name: str
    configured_in: str
    program: str | None
    install: str


@attrs.frozen
class _Known:
    """What a tool looks at, and where it is configured: in files of its own, in sections of shared ones."""

    name: str
    languages: frozenset[str]
    files: tuple[str, ...]
    sections: Mapping[str, str]
    install: str

    def configured_in(self, root: Path) -> str:
        own = (name for name in self.files if (root / name).is_file())
        shared = (name for name, section in self.sections.items() if _has_section(root / name, section))
        return next(own, "") or next(shared, "")


def _of_python(name: str, *files: str, ini: Collection[str] = ()) -> _Known:
    sections = {"pyproject.toml": f"tool.{name}", **dict.fromkeys(ini, name)}
    return _Known(name, _PYTHON, files, sections, f"pip install {name}")


_ESLINT_FILES = (
    *(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc{end}" for end in (".js", ".cjs", ".json", ".yaml", ".yml", "")),
)
_KNOWN = (
    _of_python("ruff", "ruff.toml", ".ruff.toml"),
    _of_python("mypy", "mypy.ini", ".mypy.ini", ini=["setup.cfg"]),
    _of_python("pyright", "pyrightconfig.json"),
    _of_python("flake8", ".flake8", ini=["setup.cfg", "tox.ini"]),
    _of_python("pylint", ".pylintrc", "pylintrc", ini=["setup.cfg", "tox.ini"]),
    _of_python("bandit", ".bandit"),
    _Known("eslint", _SCRIPTS, _ESLINT_FILES, {"package.json": "eslintConfig"}, "npm install"),
    _Known("tsc", _SCRIPTS, ("tsconfig.json",), {}, "npm install"),
)
#: Of use without any configuration, and always there: it comes with us.
_OURS = "ruff"


def find_tools(root: Path, languages: Collection[str]) -> Iterator[Tool]:
    """The tools that the repository configures for its languages, and ruff where there is Python."""
    for known in _KNOWN:
        where = known.configured_in(root)
        if known.languages.intersection(languages) and (where or known.name == _OURS):
            program = _OURS if known.name == _OURS else own_program(known.name, root)
            yield Tool(known.name, where, program, known.install)


def own_program(name: str, root: Path) -> str | None:
    """How to call a program: by its path in the repository, else by its name; None where it is missing.

    The repository's own comes first, since it sees what the project depends on.
    """
    found = find_program(name)
    for home in _HOMES:
        path = f"{home}/{name}"
        if os.access(root / path, os.X_OK):
            return name if found and (root / path).samefile(found) else path
    return name if found else None


def _has_section(file: Path, section: str) -> bool:
    if file.suffix == ".json":
        return lookup(read_package(file.parent), section) is not None
    if file.suffix == ".toml":
        return lookup(read_toml(file), section) is not None
    return any(name == section or name.startswith(f"{section}.") for name in read_ini(file).sections())
