from __future__ import annotations

import pytest

from stomper_sdk import load_pipeline
from stomper_sdk.errors import PipelineError
from stomper_sdk.interpreter.program import compile_stages

FILE = (
    "[create_worktree, {attempt: [generate_prompt, call_agent, verify_fixes, run_tests]}, extract_diff, "
    "apply_to_main, commit_in_main, destroy_worktree]"
)


def around(inner: str = FILE) -> str:
    return f"[initialize, collect_errors, {{for_each_file: {inner}}}]"


def problems(stages: str, more: str = "") -> str:
    text = f"version: 1\nchecks: {{ruff: {{}}}}\nagents: {{a: {{use: ruff-fix}}}}\nstages: {stages}\n{more}"
    with pytest.raises(PipelineError) as caught:
        compile_stages(load_pipeline(text))
    return str(caught.value)


def test_the_shipped_order_works() -> None:
    program = compile_stages(load_pipeline("default"))
    assert [stage.name for stage in program.stages()][:4] == [
        "initialize",
        "collect_errors",
        "create_worktree",
        "generate_prompt",
    ]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (f"[initialize, {{for_each_file: {FILE}}}]", "for_each_file can only stand after collect_errors"),
        (f"[collect_errors, {{for_each_file: {FILE}}}]", "collect_errors can only stand after initialize"),
        (
            around(FILE.replace("create_worktree, ", "")),
            "generate_prompt can only stand after create_worktree",
        ),
        (
            around(FILE.replace("extract_diff, ", "")),
            "apply_to_main can only stand after extract_diff",
        ),
        (
            around(FILE.replace("verify_fixes, ", "")),
            "run_tests can only stand after verify_fixes",
        ),
        (
            around(FILE.replace(", commit_in_main", "")),
            "apply_to_main and commit_in_main only work together",
        ),
        (
            f"[initialize, collect_errors, {{for_each_file: {FILE}}}, create_worktree]",
            "its place is for_each_file",
        ),
        (
            f"[initialize, collect_errors, aggregate_results, {{for_each_file: {FILE}}}]",
            "only stand after for_each_file",
        ),
        (f"[initialize, collect_errors, {{for_each_file: {FILE}}}, notifyy]", "unknown stage 'notifyy'"),
        (
            around(FILE.replace("create_worktree", "create_worktre")),
            "did you mean 'create_worktree'?",
        ),
        (f"[initialize, initialize, collect_errors, {{for_each_file: {FILE}}}]", "initialize stands twice"),
        (
            "[initialize, collect_errors, {for_each_file: [create_worktree, call_agent]}]",
            "call_agent stands in for_each_file; its place is attempt",
        ),
        (
            around(FILE.replace("extract_diff, ", "destroy_worktree, extract_diff, ")),
            "extract_diff can only stand after create_worktree",
        ),
    ],
)
def test_a_tree_that_cannot_work_is_refused_with_the_reason(stages: str, said: str) -> None:
    assert said in problems(stages)


def test_all_mistakes_come_at_once() -> None:
    said = problems(
        "[initialise, collect_errors, {for_each_file: [create_worktree, {attempt: [generate_promt]}]}, tidy]"
    )
    for name in ("initialise", "generate_promt", "tidy"):
        assert name in said


def test_a_folder_of_ones_own_has_no_worktree_and_no_commit() -> None:
    said = problems(around(FILE), "workspace: {kind: direct}")
    assert "create_worktree has no place where workspace.kind is direct" in said
    assert "parallelism.max_parallel_files" in said


def test_the_shipped_pipeline_for_folders_works() -> None:
    assert compile_stages(load_pipeline("direct"))
