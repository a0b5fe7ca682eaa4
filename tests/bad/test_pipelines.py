"""Pipelines and options that cannot be: refused with 2 before anything runs, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk.errors import PipelineError

Pipeline = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "folder: no regular file, hence no pipeline"),
        ("pipe", "pipe: no regular file, hence no pipeline"),
        ("/dev/zero", "/dev/zero: no regular file, hence no pipeline"),
        ("/proc/self/mem", "/proc/self/mem: cannot be read: "),
        ("dangling", "dangling: no regular file, hence no pipeline"),
        ("", "expected a path or the name of a pipeline (branch, default, "),
        ("missing.yaml", "missing.yaml: there is no such file, and no built-in pipeline of that name"),
        ("a" * 5000, "there is no such file"),
    ],
)
@pytest.mark.parametrize("word", ["run", "validate"])
def test_what_is_no_file_is_refused_unread(
    word: str, name: str, said: str, command: Any, checkout: Any, at: Path
) -> None:
    (at / "folder").mkdir()
    os.mkfifo(at / "pipe")
    (at / "dangling").symlink_to("nowhere")
    shown = command(word, name, "--repo", checkout.root)
    assert (shown.code, said in shown.err, shown.out) == (2, True, "")


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/zero"])
def test_nor_is_it_extended(name: str, command: Any, pipeline: Pipeline) -> None:
    path = pipeline(f"extends: {name}\n")
    (path.parent / "folder").mkdir()
    os.mkfifo(path.parent / "pipe")
    shown = command("validate", path)
    assert (shown.code, f"{path}:1:10: extends: {name} is no regular file" in shown.err) == (2, True)


def test_a_file_that_may_not_be_read_says_so(start: Any, pipeline: Pipeline, unprivileged: list[str]) -> None:
    path = pipeline("version: 1\n")
    path.chmod(0)
    seen = start("validate", path, before=unprivileged)
    assert (seen.code, "cannot be read: Permission denied" in seen.err) == (2, True)


@pytest.mark.parametrize("name", ["no\0name", "\0"])
def test_a_name_that_no_file_can_have_is_refused(name: str, checkout: Any) -> None:
    with pytest.raises(PipelineError, match="there is no such file"):
        stomper_sdk.run(name, repo=checkout.root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "expected KEY=VALUE, such as retry.max_attempts=5, got 'x'"),
        ("=1", "expected KEY=VALUE"),
        ("a..b=1", "a..b: expected a dotted path such as retry.max_attempts"),
        (f"{'a.' * 3000}b=1", "expected a dotted path"),
        ("stages=[]", "stages: expected a list of stages, at least one, got an empty list"),
        ("stages=[", "override stages:1:2: not YAML"),
        ("retry.max_attempts=0", "retry.max_attempts: expected a whole number of at least 1, got 0"),
        ("budget.tokens=-4", "budget.tokens: expected a whole number of at least 1, or null, got -4"),
        (
            "retry.max_attempts.x=1",
            "retry.max_attempts: expected a whole number",
        ),
        ("checks.ruff=null", "checks.ruff: expected a mapping of options such as {use: ruff}, got nothing"),
    ],
)
def test_an_override_that_cannot_be_is_refused(text: str, said: str, command: Any, checkout: Any) -> None:
    shown = command("run", "default", "--repo", checkout.root, "--set", text)
    assert (shown.code, said in shown.err, checkout.subjects) == (2, True, ["start"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-parallel-files", "0"], "expected a whole number of at least 1, got 0"),
        (["--max-parallel-files", "-5"], "expected a whole number of at least 1, got -5"),
        (["--max-parallel-files", "abc"], "abc"),
        (["--max-attempts", "1.5"], "1.5"),
        (["--check", "ruf"], "the pipeline has no check 'ruf'; did you mean 'ruff'?\nThere are: ruff."),
        (["--agent", "bultin"], "the pipeline has no agent 'bultin'; did you mean 'builtin'?"),
        (["--test-validation", "nonsense"], "full, quick, final"),
        (["--since", "nonsense"], "there is no revision 'nonsense'"),
        (["--since=--output=x"], "there is no revision '--output=x'"),
        (["--files", ""], "expected text that is not empty, got ''"),
    ],
)
def test_an_option_out_of_range_is_refused(words: list[str], said: str, command: Any, checkout: Any) -> None:
    shown = command("run", "default", "--repo", checkout.root, *words)
    assert (shown.code, said in shown.err, checkout.subjects) == (2, True, ["start"])


def test_more_files_at_a_time_than_there_can_be_cost_nothing(command: Any, checkout: Any) -> None:
    shown = command("run", "default", "--repo", checkout.root, "--max-parallel-files", 99_999_999)
    assert (shown.code, checkout.subjects) == (0, ["start", "fix(ruff): F401 in a.py"])


def test_names_that_there_are_not_are_told_together_each_at_its_place(
    command: Any, pipeline: Pipeline
) -> None:
    path = pipeline(
        "extends: default\n"
        "checks: {x: {use: ruf}}\n"
        "agents: {builtin: {use: ruff-fx}}\n"
        "reducers: {a: {reduce: summ, from: fixed_count}, b: {reduce: sum, from: nonsense}}\n"
    )
    shown = command("validate", path)
    assert shown.code == 2
    assert (
        f"{path}:2:" in shown.err and "checks.x.use: unknown check 'ruf' (did you mean 'ruff'?)" in shown.err
    )
    assert f"{path}:3:" in shown.err and "agents.builtin.use: unknown agent 'ruff-fx'" in shown.err
    assert f"{path}:4:" in shown.err and "unknown reducer 'summ' (did you mean 'sum'?)" in shown.err
    assert "reducers.b.from: unknown field 'nonsense' of a file's result" in shown.err
    assert "your own is named as package.module:name" in shown.err


def test_a_stage_given_twice_is_refused(command: Any, pipeline: Pipeline) -> None:
    shown = command("validate", pipeline("extends: default\nstages: [initialize, initialize]\n"))
    assert (shown.code, "stages: initialize stands twice" in shown.err) == (2, True)


@pytest.mark.parametrize("words", [["--code", "F402"], ["--files", "nothing/**"]])
def test_narrowing_to_nothing_does_not_read_as_nothing_to_fix(
    words: list[str], command: Any, checkout: Any
) -> None:
    shown = command("run", "default", "--repo", checkout.root, *words)
    assert shown.code == 0
    assert "left out: 1 finding, none of them in the files and of the codes asked for" in shown.err
