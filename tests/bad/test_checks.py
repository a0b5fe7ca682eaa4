"""Checks that misbehave: 3, the reason in the tool's own words, no commit, and never "no findings"."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk import Finding
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.errors import CheckError
from stomper_sdk.model.result import RunResult

LINES = r"^(?P<path>[^:\n]*):(?P<line>-?\w+): (?P<message>.*)$"
IN_THE_TREE = '[ -d .git ] && echo "a.py:1: bad" || exit 3'
IN_A_WORKSPACE = '[ -d .git ] && exit 3 || echo "a.py:1: bad"'


def run(repo: Any, check: dict[str, Any]) -> RunResult:
    overrides = {"checks.ruff": check, "test_validation.mode": "none", "retry.max_attempts": 1}
    return stomper_sdk.run(
        "default", repo=repo.root, overrides=overrides, agents={"builtin": lambda task: None}
    )


def lines_of(script: str, **more: Any) -> dict[str, Any]:
    return {"use": "regex", "command": ["bash", "-c", script], "pattern": LINES, **more}


def sarif_of(script: str) -> dict[str, Any]:
    return {"use": "sarif", "command": ["bash", "-c", script]}


def log(**region: Any) -> str:
    place = {"artifactLocation": {"uri": "a.py"}, "region": region}
    result = {"ruleId": "R", "message": {"text": "bad"}, "locations": [{"physicalLocation": place}]}
    run = {"tool": {"driver": {"name": "x"}}, "results": [result]}
    return f"echo '{json.dumps({'version': '2.1.0', 'runs': [run]})}'"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (
            {"use": "regex", "command": "no-such-tool", "pattern": LINES},
            "the program 'no-such-tool' is missing",
        ),
        (lines_of("kill -SEGV $$"), "bash was killed by SIGSEGV: it printed nothing"),
        (lines_of("echo oh no >&2; exit 2"), "bash exited with 2: oh no"),
        (lines_of("echo broken; exit 1"), "bash exited with 1: no line matches the pattern: broken"),
        (lines_of("sleep 60", timeout="1s"), "was ended at its time limit of 1 s"),
        (lines_of("echo ../x.py:1: bad"), "it reports on '../x.py', outside of the tree"),
        (lines_of("echo /etc/passwd:1: bad"), "it reports on '/etc/passwd', outside of the tree"),
        (lines_of("echo :1: bad"), "it reports on '', outside of the tree"),
        (lines_of(r"printf 'a\0.py:1: bad\n'"), r"it reports on 'a\x00.py', outside of the tree"),
        (lines_of("echo a.py:one: bad"), "it printed what cannot be read"),
        (lines_of("echo hi", pattern="(?P<path>zz)?hi"), "the pattern matches 'hi' without a path"),
        (lines_of(IN_THE_TREE), "bash exited with 3: it printed nothing\nThat was in a fresh checkout"),
        (lines_of(IN_A_WORKSPACE), "bash exited with 3"),
        (sarif_of("true"), "it printed nothing, where findings were expected"),
        (sarif_of('echo \'{"version": "3.0"}\''), "SARIF of version 3.0, where 2.1.0 was expected"),
        (sarif_of('echo \'{"version": "2.1\''), "it printed what cannot be read"),
        (sarif_of("printf '[%.0s' {1..100000}"), "it printed what cannot be read"),
        (sarif_of(log(startLine="one")), "expected a line or column, got 'one'"),
    ],
)
def test_a_program_that_cannot_be_believed_ends_the_run(
    check: dict[str, Any], said: str, checkout: Any
) -> None:
    with pytest.raises(CheckError) as caught:
        run(checkout, check)
    assert str(caught.value).startswith("check ruff: ") and said in str(caught.value)
    assert (caught.value.exit_code, checkout.subjects) == (3, ["start"])


@pytest.mark.parametrize(
    "check",
    [
        *(lines_of(f"echo a.py:{line}: bad") for line in ("-4", "0", "999", "9" * 30)),
        lines_of("echo $PWD/a.py:1: bad"),
        lines_of(r"printf 'a.py:1: caf\xe9 \033[2J\n'"),
        lines_of("printf 'a.py:1: '; head -c 3M /dev/zero | tr '\\0' x; echo"),
        sarif_of(log(startLine=-7, startColumn=0)),
    ],
)
def test_a_place_that_there_is_not_leaves_the_finding_a_finding(check: dict[str, Any], checkout: Any) -> None:
    (file,) = run(checkout, check).files
    assert (file.path, file.outcome, file.remaining_count) == ("a.py", "unfixed", 1)


def test_a_pattern_that_takes_for_ever_is_ended_at_the_limit(checkout: Any) -> None:
    started = time.monotonic()
    check = lines_of("printf 'a%.0s' {1..40}; echo !", pattern="(?P<path>(a+)+)$", timeout="1s")
    with pytest.raises(CheckError, match="its pattern took more than 1 s on what was printed\nWrite"):
        run(checkout, check)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "expected a regular expression (missing )"),
        ("x", "expected a regular expression with a group (?P<path>...)"),
        ("(?P<path>x)(?P<colour>y)", "not colour"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_at_its_place(
    pattern: str, said: str, command: Any, pipeline: Callable[[str], Path]
) -> None:
    path = pipeline(f"extends: default\nchecks: {{my: {{use: regex, command: x, pattern: '{pattern}'}}}}\n")
    shown = command("validate", path)
    assert (shown.code, f"{path}:2:" in shown.err, said in shown.err) == (2, True, True)


@pytest.mark.parametrize(
    ("tool", "version", "needed"), [("ruff", "0.0.200", "0.1 or newer"), ("mypy", "0.600", "0.971 or newer")]
)
def test_a_tool_that_is_too_old_says_so_and_which_is_needed(
    tool: str, version: str, needed: str, checkout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "venv" / "bin" / tool
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {tool} {version} && exit\nexit 2\n')
    program.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
    with pytest.raises(CheckError) as caught:
        run(checkout, {"use": tool})
    assert f"{tool} {version} is too old, {needed} is needed ({program})" in str(caught.value)
    assert f"pip install {tool}" in caught.value.hint


@pytest.mark.parametrize(
    ("tool", "name", "text", "said"),
    [
        ("ruff", "ruff.toml", "nonsense = [\n", "unclosed array"),
        ("ruff", "pyproject.toml", "[tool.ruff\n", "unclosed table"),
        ("mypy", "mypy.ini", "nonsense\n", "mypy.ini: File contains no section headers"),
        ("mypy", "pyproject.toml", "[tool.mypy\n", "pyproject.toml: Expected ']'"),
        ("mypy", "mypy.ini", "[mypy]\nplugins = nope\n", 'Error importing plugin "nope"'),
    ],
)
def test_settings_that_the_tool_cannot_read_are_told_in_its_words(
    tool: str, name: str, text: str, said: str, checkout: Any
) -> None:
    checkout.commit({name: text})
    with pytest.raises(CheckError) as caught:
        run(checkout, {"use": tool})
    assert said in str(caught.value)


def outside(tree: Any, paths: Any) -> Iterable[Finding]:
    yield Finding("", "X", "bad", "/etc/passwd")


def leaves(tree: Any, paths: Any) -> Iterable[Finding]:
    sys.exit(0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (outside, "it reports on '/etc/passwd', outside of the tree"),
        (leaves, "it raised SystemExit: 0"),
        (lambda tree, paths: None, "it raised TypeError"),
        (lambda tree, paths: ["a.py"], "it raised AttributeError"),
    ],
)
def test_a_function_that_cannot_be_believed_ends_the_run(
    function: Any, said: str, checkout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHECKS._registered, "mine", function)
    with pytest.raises(CheckError) as caught:
        run(checkout, {"use": "mine"})
    assert said in str(caught.value)
