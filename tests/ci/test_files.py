"""The files that CI systems read are what their schemas ask for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    "action.yml": "vendor.github-actions",
    "docs/examples/github-pull-request.yml": "vendor.github-workflows",
    "docs/examples/gitlab-ci.yml": "vendor.gitlab-ci",
}

Document = Callable[[str], Any]


def accepted(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_satisfies_its_schema(name: str) -> None:
    accepted("check_jsonschema", "--builtin-schema", SCHEMAS[name], name)


def test_pre_commit_takes_the_hooks() -> None:
    accepted("pre_commit", "validate-manifest", ".pre-commit-hooks.yaml")


@pytest.mark.parametrize(
    ("path", "taken"),
    [("pipelines/default.yaml", True), ("docs/pipelines/a.yaml", False), ("action.yml", False)],
)
def test_the_hook_looks_at_pipelines_only(path: str, taken: bool, document: Document) -> None:
    (hook,) = document(".pre-commit-hooks.yaml")
    assert bool(re.search(hook["files"], path)) is taken


def scripts(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "run")
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from scripts(each)


@pytest.mark.parametrize("name", ["action.yml", "docs/examples/github-pull-request.yml"])
def test_no_value_is_pasted_into_a_script(name: str, document: Document) -> None:
    found = list(scripts(document(name)))
    assert found
    assert [script for script in found if "${{" in script] == []


def test_only_the_job_that_runs_no_code_of_the_pull_request_may_write(document: Document) -> None:
    workflow = document("docs/examples/github-pull-request.yml")
    fix, push = workflow["jobs"]["fix"], workflow["jobs"]["push"]
    assert (workflow["permissions"], fix["permissions"]) == ({}, {"contents": "read"})
    assert fix["steps"][0]["with"]["persist-credentials"] is False
    assert push["permissions"] == {"contents": "write"}
    assert "head.repo.full_name == github.repository" in push["if"]
    assert not any("stomper" in str(step.get("uses")) for step in push["steps"])
