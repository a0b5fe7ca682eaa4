"""What a first look at a repository sees; nothing of the repository is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from stomper_sdk.survey import Survey, take_survey, tools
from stomper_sdk.testing import write_files

PYTHON = {"app.py": "x = 1\n"}
SCRIPTS = {"app.ts": "export const x = 1;\n"}


def program(root: Path, path: str) -> None:
    write_files(root, {path: "#!/bin/sh\n"})
    (root / path).chmod(0o755)


def surveyed(root: Path, files: Mapping[str, str], *, untracked: Mapping[str, str] | None = None) -> Survey:
    write_files(root, {**files, **(untracked or {})})
    return take_survey(root, tuple(files))


def package(**scripts: str) -> dict[str, str]:
    return {"package.json": json.dumps({"scripts": scripts})}


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_program", lambda name: None)


def test_languages_are_counted_by_what_git_tracks_and_people_write(tmp_path: Path) -> None:
    files = dict.fromkeys(("a.ts", "b.tsx", "c.py", "vendor/d.js", "e_pb2.py", "README.md"), "")
    seen = surveyed(tmp_path, files, untracked={"f.py": ""})
    assert list(seen.languages.items()) == [("TypeScript", 2), ("Python", 1)]
    assert seen.foreign == ("**/vendor/**", "*_pb2.py")


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("mypy", "mypy.ini", ""),
        ("mypy", "setup.cfg", "[mypy]\nstrict = true\n"),
        ("mypy", "pyproject.toml", "[tool.mypy]\nstrict = true\n"),
        ("pyright", "pyrightconfig.json", "{}"),
        ("flake8", "tox.ini", "[flake8]\nmax-line-length = 100\n"),
        ("pylint", "pyproject.toml", "[tool.pylint.main]\njobs = 2\n"),
        ("pylint", "setup.cfg", "[pylint.main]\njobs = 2\n"),
        ("bandit", ".bandit", "[bandit]\n"),
    ],
)
def test_a_tool_is_used_where_it_is_configured(tmp_path: Path, name: str, file: str, text: str) -> None:
    assert [tool.name for tool in surveyed(tmp_path, PYTHON).tools] == ["ruff"]
    _, tool = surveyed(tmp_path, PYTHON, untracked={file: text}).tools
    assert (tool.name, tool.configured_in, tool.program) == (name, file, None)
    program(tmp_path, f".venv/bin/{name}")
    _, tool = take_survey(tmp_path, tuple(PYTHON)).tools
    assert tool.program == f".venv/bin/{name}"


def test_a_tool_of_another_language_is_not(tmp_path: Path) -> None:
    assert surveyed(tmp_path / "a", PYTHON, untracked={"eslint.config.js": ""}).tools[1:] == ()
    assert surveyed(tmp_path / "b", SCRIPTS, untracked={"mypy.ini": ""}).tools == ()


def test_ruff_needs_no_configuration_but_it_is_named_where_there_is_one(tmp_path: Path) -> None:
    assert surveyed(tmp_path, PYTHON).tools[0].configured_in == ""
    assert surveyed(tmp_path, PYTHON, untracked={"ruff.toml": ""}).tools[0].configured_in == "ruff.toml"


def test_what_our_own_environment_has_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the active environment is the repository's own, a path would only tie the two together."""
    program(tmp_path, ".venv/bin/mypy")
    monkeypatch.setattr(tools, "find_program", lambda name: str(tmp_path / ".venv/bin/mypy"))
    seen = surveyed(tmp_path, PYTHON, untracked={"mypy.ini": ""})
    assert (seen.tools[1].program, seen.links) == ("mypy", ())


@pytest.mark.parametrize(
    "files", [{"eslint.config.mjs": ""}, {".eslintrc.json": "{}"}, {"package.json": '{"eslintConfig": {}}'}]
)
def test_eslint_where_it_is_configured(tmp_path: Path, files: Mapping[str, str]) -> None:
    program(tmp_path, "node_modules/.bin/eslint")
    seen = surveyed(tmp_path, {**SCRIPTS, **files})
    assert [tool.program for tool in seen.tools] == ["node_modules/.bin/eslint"]
    assert seen.links == ("node_modules",)


def test_a_folder_that_git_tracks_is_not_linked(tmp_path: Path) -> None:
    program(tmp_path, "node_modules/.bin/eslint")
    files = {**SCRIPTS, "eslint.config.js": "", "node_modules/.bin/eslint": "#!/bin/sh\n"}
    assert surveyed(tmp_path, files).links == ()


def test_pytest_where_there_are_tests(tmp_path: Path) -> None:
    files = {**PYTHON, "tests/test_app.py": "def test(): pass\n"}
    missing = surveyed(tmp_path, files).tests
    assert (missing.kind, missing.command) == ("none", ())
    assert missing.notes == ("there are tests, but pytest is missing: pip install pytest",)
    program(tmp_path, ".venv/bin/pytest")
    seen = surveyed(tmp_path, files)
    assert (seen.tests.kind, seen.tests.command) == ("pytest", (".venv/bin/pytest",))
    assert seen.links == (".venv",)


@pytest.mark.parametrize(
    ("scripts", "command"),
    [
        ({"test": "vitest"}, ("env", "CI=true", "npm", "run", "test")),
        ({"test": 'echo "Error: no test specified" && exit 1'}, ()),
        ({"test": "jest --watch"}, ()),
        ({"test": "jest --watchAll=false"}, ("env", "CI=true", "npm", "run", "test")),
        ({"test": "vitest watch", "test:run": "vitest run"}, ("env", "CI=true", "npm", "run", "test:run")),
        ({"build": "tsc"}, ()),
    ],
)
def test_a_script_of_package_json_that_is_one_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str], command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("stomper_sdk.survey.testing.find_program", lambda name: f"/usr/bin/{name}")
    assert surveyed(tmp_path, {**SCRIPTS, **package(**scripts)}).tests.command == command


def test_the_package_manager_is_the_one_whose_lock_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stomper_sdk.survey.testing.find_program", lambda name: f"/usr/bin/{name}")
    files = {**SCRIPTS, **package(test="vitest"), "pnpm-lock.yaml": ""}
    (tmp_path / "node_modules").mkdir()
    seen = surveyed(tmp_path, files)
    assert seen.tests.command[2] == "pnpm"
    assert seen.links == ("node_modules",)


def test_pytest_comes_before_a_script_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stomper_sdk.survey.testing.find_program", lambda name: f"/usr/bin/{name}")
    program(tmp_path, "venv/bin/pytest")
    tests = surveyed(tmp_path, {"test_a.py": "", **package(test="vitest")}).tests
    assert tests.command == ("venv/bin/pytest",)
    assert tests.notes == ("not run: npm run test, since a pipeline has one test command",)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"scripts": 1}', '{"scripts": {"test": 1}}', "[" * 100_000])
def test_a_package_json_that_is_none_says_nothing(tmp_path: Path, text: str) -> None:
    assert surveyed(tmp_path, {**SCRIPTS, "package.json": text}).tests.kind == "none"
