"""What an option is worth: on the command line, in the environment, in `pyproject.toml`, by default."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from stomper_sdk import orphans
from stomper_sdk.commands import COMMANDS, settings
from stomper_sdk.commands.parser import full_parser, parse
from stomper_sdk.errors import UsageError


def options(words: str, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    return parse(words.split(), environment or {})


def project(folder: Path, lines: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.stomper_sdk]\n{lines}\n")


def test_the_nearest_word_wins(at: Path) -> None:
    assert options("run").max_attempts is None
    project(at, "max_attempts = 1")
    assert options("run").max_attempts == 1
    assert options("run", {"STOMPER_MAX_ATTEMPTS": "2"}).max_attempts == 2
    assert options("run --max-attempts 3", {"STOMPER_MAX_ATTEMPTS": "2"}).max_attempts == 3


def test_a_list_that_is_given_replaces_the_one_below(at: Path) -> None:
    project(at, 'check = ["ruff", "mypy"]\nset = ["retry.max_attempts=5"]')
    assert options("run").check == ["ruff", "mypy"]
    assert options("run").overrides == ["retry.max_attempts=5"]
    assert options("run", {"STOMPER_CHECK": "'my check' mypy"}).check == ["my check", "mypy"]
    assert options("run --check pyright", {"STOMPER_CHECK": "mypy"}).check == ["pyright"]


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("YES", True), ("off", False), ("", False)])
def test_a_switch_is_true_or_false(text: str, meant: bool, at: Path) -> None:
    assert options("run", {"STOMPER_FAIL_FAST": text}).fail_fast is meant
    assert options("run", {"STOMPER_NO_PROGRESS": text}).progress is not meant
    assert options("run", {"STOMPER_QUIET": text}).loudness == ("quiet" if meant else None)


@pytest.mark.parametrize("name", ["max-parallel-files", "max_parallel_files", "jobs"])
def test_a_setting_goes_by_any_name_of_its_option(name: str, at: Path) -> None:
    project(at, f"{name} = 7")
    assert options("run").max_parallel_files == 7
    assert options("run", {f"STOMPER_{name.upper().replace('-', '_')}": "8"}).max_parallel_files == 8
    assert options("run -j 9").max_parallel_files == 9


def test_the_pipeline_can_be_set_and_true_is_a_word_of_toml(at: Path) -> None:
    project(at, 'pipeline = "strict"\nfail-fast = true')
    assert (options("run").pipeline, options("run").fail_fast) == ("strict", True)
    assert options("run ruff").pipeline == "ruff"
    assert options("plan", {"STOMPER_PIPELINE": "mypy"}).pipeline == "mypy"


def test_a_command_takes_what_is_its_own_and_leaves_the_rest(at: Path) -> None:
    project(at, "max_attempts = 2\nfail_level = 'error'")
    cleaned = options("clean", {"STOMPER_FAIL_LEVEL": "error"})
    assert not {"max_attempts", "exit_zero", "fail_level"} & vars(cleaned).keys()


def test_the_project_is_that_of_the_repository(at: Path) -> None:
    (at / "repo" / "sub").mkdir(parents=True)
    (at / "repo" / ".git").mkdir()
    project(at, "max_attempts = 1")
    assert options("run --repo repo/sub").max_attempts is None
    project(at / "repo", "max_attempts = 2")
    assert options("run", {"STOMPER_REPO": "repo/sub"}).max_attempts == 2


@pytest.mark.parametrize("content", ["not TOML", "[tool]\nstomper = 1\n", "tool = 3\n", "\xff"])
def test_what_is_no_setting_of_ours_is_left_alone(content: str, at: Path) -> None:
    (at / "pyproject.toml").write_bytes(content.encode("latin-1"))
    assert options("run").max_attempts is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("max-atempts = 2", "max-atempts: no such option\nDid you mean 'max_attempts'?"),
        ('repo = "elsewhere"', "repo: no such option"),
        ('log_file = "/etc/elsewhere"', "log_file: no such option"),
        ("report = 'elsewhere.html'", "report: no such option"),
        ("exit_zero = true", "exit_zero: no such option"),
        ("jobs = 'many'", "jobs: expected a whole number, got 'many'"),
        ("jobs = [1]", "jobs: expected one value, got a list"),
        ("fail-fast = 'maybe'", "fail-fast: expected true or false, got 'maybe'"),
        ("fail-level = 'fatal'", "fail-level: expected none, error, warning or any, got 'fatal'"),
    ],
)
def test_a_wrong_setting_is_refused_at_its_place(lines: str, said: str, at: Path) -> None:
    project(at, lines)
    with pytest.raises(UsageError) as refused:
        options("run")
    assert str(refused.value).startswith(f"{at}/pyproject.toml: [tool.stomper_sdk] {said}")


def test_a_section_that_is_no_table_is_refused(at: Path) -> None:
    (at / "pyproject.toml").write_text("[tool]\nstomper_sdk = 3\n")
    with pytest.raises(UsageError, match="expected a table of options"):
        options("run")


def test_a_wrong_variable_is_refused_by_name(at: Path) -> None:
    with pytest.raises(UsageError, match="STOMPER_JOBS: expected a whole number, got 'x'"):
        options("run", {"STOMPER_JOBS": "x"})
    with pytest.raises(UsageError, match="STOMPER_CHECK: No closing quotation"):
        options("run", {"STOMPER_CHECK": "'open"})


def test_a_variable_that_looks_mistyped_is_told_once(at: Path) -> None:
    environment = {
        "STOMPER_MAX_ATEMPTS": "3",
        "STOMPER_KEEP": "x",
        "STOMPER_COMMAND": "x",
        "STOMPER_ZZZ": "x",
    }
    assert options("run", environment).doubts == (
        "the environment variable STOMPER_MAX_ATEMPTS is no option and does nothing; "
        "did you mean STOMPER_MAX_ATTEMPTS?",
    )


def test_the_mark_of_our_processes_is_no_option() -> None:
    assert orphans.MARKER in settings._NO_OPTIONS


def test_every_command_is_declared_and_performed() -> None:
    assert full_parser().below.keys() == COMMANDS.keys()
    for entry in COMMANDS.values():
        assert entry.meaning[0].islower()
        assert not entry.meaning.endswith(".")
