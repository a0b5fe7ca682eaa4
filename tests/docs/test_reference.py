"""The reference tells all that there is, and nothing else."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
import yaml

import stomper_sdk
from stomper_sdk.config import builtin_pipelines, load_schema
from stomper_sdk.model.result import FAILED, OUTCOMES, SUCCEEDED, AttemptOutcome, RunStatus
from stomper_sdk.prompts.environment import BUILT_IN, FILTERS
from stomper_sdk.prompts.values import VARIABLES, Constraints, Guide, LastAttempt, Related, Snippet
from stomper_sdk.reducers import FIELDS, REDUCERS
from stomper_sdk.stages.base import STAGES

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))


def page(name: str) -> str:
    """What a page of the reference says, without its examples."""
    text = (ROOT / "docs" / "reference" / f"{name}.md").read_text()
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose first column is headed so."""
    rows = text.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    text = path.read_text()
    assert GENERATE["filled"](text) == text, "run `python docs/generate.py`"


def test_every_section_of_the_language_is_told() -> None:
    told = re.findall(r"^<!-- generated: keys (\w+) -->$", page("language"), re.MULTILINE)
    keys = load_schema()["properties"]
    sections = {name for name, key in keys.items() if "properties" in key}
    assert told.count("top") == 1
    assert set(told) == {"top", *sections, "checks", "agents", "reducers"}


def test_a_key_stands_in_one_table() -> None:
    told = re.findall(r"^\| `([\w.]+)` \|", page("language"), re.MULTILINE)
    keys = dict(GENERATE["keys"](load_schema()))
    assert len(keys) > 40
    assert keys.keys() <= set(told)
    assert len(told) == len(set(told))


def test_a_default_is_written_as_in_a_pipeline() -> None:
    keys = dict(GENERATE["keys"](load_schema()))
    rows = re.findall(r"^\| `([\w.]+)` \|.*?\| `([^`|]+)` \| ", page("language"), re.MULTILINE)
    told = {path: yaml.safe_load(default) for path, default in rows if "default" in keys.get(path, ())}
    assert told["files.include"] == ["**"]
    assert told == {path: keys[path]["default"] for path in told}


def test_words_that_are_refused_are_offered_nowhere() -> None:
    kinds = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]*) \|", page("language"), re.MULTILINE))
    assert code(kinds["workspace.kind"]) == ["worktree", "direct"]
    assert code(kinds["sandbox.network"]) == ["deny", "allow", "model-only"]
    assert code(kinds["prompt.strategy"]) == ["adaptive", "escalate", "fixed:<level>"]


def test_every_stage_is_told() -> None:
    told = {code(row[0])[0] for row in table(page("plugins"), "stage")}
    assert told == {*STAGES.built_in(), "for_each_file", "attempt"}


def test_every_reducer_is_told_with_what_it_makes_of_nothing() -> None:
    rows = table(page("plugins"), "reducer")
    told = {code(name)[0]: yaml.safe_load(code(nothing)[0]) for name, _, nothing in rows}
    assert told == {name: REDUCERS.get(name)([]) for name in REDUCERS.built_in()}


def test_every_field_that_a_reducer_can_fold_is_told() -> None:
    row = re.search(r"^\| `reducers\.NAME\.from` .*$", page("language"), re.MULTILINE)
    assert row and set(FIELDS) <= set(code(row[0]))


def test_every_outcome_is_told_and_what_it_counts_as() -> None:
    counts = {"succeeded": SUCCEEDED, "failed": FAILED, "neither": {"skipped", "cancelled"}}
    rows = table(page("results"), "outcome of a file")
    assert [code(row[0])[0] for row in rows] == list(OUTCOMES)
    assert all(code(row[0])[0] in counts[row[2]] for row in rows)


def test_every_exit_code_and_status_is_told() -> None:
    schema = json.loads((ROOT / "schema" / "result.schema.json").read_text())["properties"]
    codes = [int(row[0]) for row in table(page("exit-codes"), "exit code")]
    assert codes == schema["exit_code"]["enum"]
    assert {*get_args(RunStatus)} <= set(code(page("exit-codes")))
    assert {*get_args(AttemptOutcome), *OUTCOMES} <= set(code(page("results")))


def test_every_built_in_pipeline_is_told() -> None:
    assert set(builtin_pipelines()) <= set(code(page("language")))


def test_every_public_name_is_told() -> None:
    public = page("python").partition("\n## stomper_sdk.agents.base\n")[0]
    told = re.findall(r"^::: stomper_sdk\.(\w+)$", public, re.MULTILINE)
    assert sorted(told) == sorted(set(stomper_sdk.__all__) - {"__version__"})


def test_everything_that_a_template_can_speak_of_is_told() -> None:
    text = (ROOT / "docs" / "how-to" / "prompts.md").read_text()
    variables, _, filters = text.partition("## What a template can speak of")[2].partition(
        "Beside the filters"
    )
    assert set(VARIABLES) <= set(code(variables))
    for kind in (Constraints, LastAttempt, Related, Snippet, Guide):
        assert set(attrs.fields_dict(kind)) <= set(code(variables)), kind
    assert {function.__name__ for function in FILTERS} <= {name.partition("(")[0] for name in code(filters)}
    blocks = re.findall(r"{% block (\w+)", (BUILT_IN / "default" / "_base.md.j2").read_text())
    assert blocks and set(blocks) <= set(code(text.partition("## Override one part")[2].partition("```")[0]))
