"""A repository with findings that agents of known skill can fix or leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk

LINES = ("import os", "import sys", "import re", "import json")
PIPELINE = {
    "version": 1,
    "name": "unused",
    "checks": {"ruff": {"select": ["F401"]}},
    "agents": {"main": {"use": "ruff-fix"}},
    "retry": {"max_attempts": 1},
    "test_validation": {"mode": "none"},
    "parallelism": {"max_parallel_files": 4},
    "stages": [
        "initialize",
        "collect_errors",
        {
            "for_each_file": [
                "create_worktree",
                {"attempt": ["generate_prompt", "call_agent", "verify_fixes"]},
                "extract_diff",
                "apply_to_main",
                "commit_in_main",
                "destroy_worktree",
            ]
        },
        "aggregate_results",
        "cleanup",
    ],
}


def files(count: int, each: int = 2) -> dict[str, str]:
    """So many files with so many unused imports each."""
    text = "".join(f"{line}\n" for line in LINES[:each]) + "\nX = 1\n"
    return {f"f{number:02}.py": f'"""{number}."""\n\n{text}' for number in range(count)}


def drops(lines: Iterable[str] = LINES, paths: Callable[[str], bool] = lambda path: True) -> Any:
    """An agent that removes some lines from some files."""
    wanted = {f"{line}\n" for line in lines}

    def agent(task: stomper_sdk.AgentTask) -> None:
        if paths(task.path):
            place: Path = task.workspace / task.path
            kept = [it for it in place.read_text().splitlines(keepends=True) if it not in wanted]
            place.write_text("".join(kept))

    return agent


@pytest.fixture
def user(new_checkout: Callable[[Path, Mapping[str, str]], Any], tmp_path: Path) -> Any:
    return new_checkout(tmp_path / "repo", files(8))
