"""`config_edits`: a fix that changes what is looked for, or how, has fixed nothing.

Files that hold other things too (`pyproject.toml`, `setup.cfg`, `package.json`) may change outside the
sections of linters, type checkers, formatters, tests, coverage and hooks; any may change in how it is laid
out.
"""

from __future__ import annotations

import ast
import configparser
import fnmatch
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from stomper_sdk.guard.base import Edit, Refusal
from stomper_sdk.guard.python import parsed

__all__ = ["config_edits", "silenced"]

# Files that do nothing else, as globs of names, or of paths where there is a slash.
_WHOLE = (
    "ruff.toml", ".ruff.toml", ".flake8", "mypy.ini", ".mypy.ini", ".pylintrc", "pylintrc",
    ".pylintrc.toml", ".bandit", "pytest.ini", ".pytest.ini", "tox.ini", "tox.toml", "noxfile.py",
    ".coveragerc", "bandit.y*ml", ".codespellrc", "pyrightconfig.json", ".isort.cfg", ".style.yapf",
    ".pydocstyle*", ".pre-commit-config.yaml", "codecov.y*ml", ".eslintrc*", "eslint.config.*",
    ".eslintignore", "tsconfig*.json", "jsconfig.json", "biome.json*", ".oxlintrc.json", ".prettierrc*",
    "prettier.config.*", ".prettierignore", "jest.config.*", "vitest.config.*", "vitest.workspace.*",
    ".mocharc*", "karma.conf.*", "cypress.config.*", "playwright.config.*", ".nycrc*", ".c8rc*",
    ".stylelintrc*", "tslint.json", "deno.json*", "babel.config.*", ".babelrc*", "angular.json", ".swcrc",
    "lefthook.yml", ".editorconfig", ".golangci.*", "clippy.toml", ".clippy.toml", "rustfmt.toml",
    ".rustfmt.toml", ".clang-tidy", ".clang-format", ".rubocop*.yml", ".rspec", "phpunit.xml*",
    "phpstan.neon*", "psalm.xml*", ".phpcs.xml*", "checkstyle*.xml", "detekt.yml", ".swiftlint.yml",
    ".yamllint*", ".markdownlint*", ".hadolint.y*ml", ".shellcheckrc", ".sqlfluff*", ".semgrepignore",
    ".semgrep.y*ml", "sonar-project.properties", "sitecustomize.py", "usercustomize.py", "*.pth",
    ".gitattributes", ".gitmodules", "Jenkinsfile", ".travis.yml", "appveyor.yml", "azure-pipelines.y*ml",
    ".gitlab-ci.y*ml", "bitbucket-pipelines.yml", "buildspec.y*ml", "Makefile", "justfile",
    "Taskfile.y*ml", "*/.github/workflows/*", "*/.github/actions/*", "*/.circleci/*", "*/.buildkite/*",
    "*/.woodpecker*", "*/.stomper/*", "*/.husky/*",
)  # fmt: skip
_IS_WHOLE = re.compile("|".join(fnmatch.translate(glob if "/" in glob else f"*/{glob}") for glob in _WHOLE))
# Files that hold these among other sections.
_MIXED = frozenset({"pyproject.toml", "setup.cfg", "package.json", "composer.json", "Cargo.toml"})
_TOOLS = (
    "ruff", "flake8", "pycodestyle", "pydocstyle", "pyflakes", "mypy", "mypy-.*", "pyright",
    "basedpyright", "pytype", "pyre", "ty", "pylint", "pytest", "tox", "nox", "coverage", "bandit",
    "black", "isort", "yapf", "autopep8", "codespell", "vulture", "interrogate", "pyrefly", "stomper_sdk",
    r"hatch\.envs", r"pdm\.scripts", "poe", "taskipy", "eslintConfig", "eslintIgnore", "jest", "mocha",
    "ava", "nyc", "c8", "prettier", "stylelint", "xo", "standard", "tsd", "lint-staged", "husky",
    "commitlint", "vitest", "simple-git-hooks", r"(?:workspace\.)?lints", "MESSAGES CONTROL", "FORMAT",
    "DESIGN", r"scripts\.(?:pre|post)?(?:test|lint|check|type-?check|coverage|prepare|ci|format)",
)  # fmt: skip
_IS_TOOL = re.compile(rf"(?:tool[.:])?(?:{'|'.join(_TOOLS)})(?:[.: ].*)?", re.IGNORECASE)
_SILENCING = re.compile(
    r"(?:extend[-_])?(?:per[-_]file[-_])?(?:ignores?|ignored[-_\w]*|exclude[-_\w]*|disable[-_\w]*|omit|skips?|suppress\w*"
    r"|unfixable|allowlist|ignorePatterns|filterwarnings|norecursedirs|deselect|ignore[-_](?:errors|missing\w*))",
    re.IGNORECASE,
)
_TOO_LONG = 50_000  # characters: long texts can be slow to parse, and are judged by their lines
_OFF = ("off", 0, "none", False, "allow")


def config_edits(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Each section that configures tools, tests or CI and was changed in what it says."""
    for edit in edits:
        if _is_config(edit.path):
            before, after = (_sections(edit.path, lines) for lines in (edit.old_lines, edit.new_lines))
            for name in sorted(name for name in {*before, *after} if before.get(name) != after.get(name)):
                said = f"changes the settings of {name}" if name else "changes what tools, tests or CI do"
                yield Refusal("config_edits", edit.path, 0, name or edit.path, said)


def silenced(edit: Edit) -> Iterator[str]:
    """What the new text of a configuration leaves out and the old one did not, as `ruff.ignore E501`."""
    if _is_config(edit.path):
        before, after = (set(_entries((), _read(edit.path, text))) for text in (edit.old, edit.new))
        yield from sorted(after - before)


def _is_config(path: str) -> bool:
    return _is_whole(path) or PurePosixPath(path).name in _MIXED


def _is_whole(path: str) -> bool:
    return _IS_WHOLE.fullmatch(f"/{path}") is not None


def _sections(path: str, lines: Sequence[str]) -> Mapping[str, Any]:
    """What the sections that speak of tools say; of what cannot be read, its lines without comments."""
    read = _read(path, "\n".join(lines))
    if read is None:
        kept = [line.split() for line in lines if line.strip() and not line.lstrip().startswith(("#", "//"))]
        return {"": kept} if kept else {}
    if _is_whole(path):
        return {"": read} if read else {}
    return dict(_tools(read, ""))


def _tools(mapping: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if _IS_TOOL.fullmatch(prefix + key):
            yield prefix + key, value
        elif isinstance(value, dict):
            yield from _tools(value, f"{prefix}{key}.")


def _read(path: str, text: str) -> Mapping[str, Any] | None:
    """The text as nested mappings; None where it cannot be read as what its name says."""
    name = PurePosixPath(path).name
    if len(text) > _TOO_LONG:
        return None
    try:
        if name.endswith(".json"):
            read = json.loads(text or "{}")
        elif name.endswith(".toml"):
            read = tomllib.loads(text)
        elif name.endswith(".py"):
            read = _texts(text)
        elif name.endswith((".ini", ".cfg", "rc", ".flake8")):
            read = _ini(text)
        else:
            return None
    # AttributeError: what configparser makes of a key without a value that goes on in the next line.
    except (ValueError, AttributeError, configparser.Error, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _texts(text: str) -> Mapping[str, Any] | None:
    """What a configuration written in Python names, without the code about it."""
    if (tree := parsed(text)) is None:
        return None
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {"texts": sorted(repr(value) for value in constants)}


def _ini(text: str) -> Mapping[str, Any]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {
        name: {key: (value or "").split() for key, value in parser[name].items()}
        for name in parser.sections()
    }


def _entries(trail: tuple[str, ...], value: Any) -> Iterator[str]:
    """Every single thing that a configuration silences."""
    for key, item in value.items() if isinstance(value, dict) else ():
        here = (*trail, str(key))
        if any(_SILENCING.fullmatch(step) for step in here):
            yield from (f"{'.'.join(here)} {word}" for word in _words(item))
        elif item in _OFF and not {"rules", "lints"}.isdisjoint(here):
            yield f"{'.'.join(here)} off"
        else:
            yield from _entries(here, item)


def _words(item: Any) -> Iterator[str]:
    match item:
        case dict():
            for key, value in item.items():
                yield from (f"{key} {word}" for word in _words(value))
        case list():
            for each in item:
                yield from _words(each)
        case str():
            yield from (word for word in re.split(r"[\s,]+", item) if word)
        case _ if item:
            yield str(item)
