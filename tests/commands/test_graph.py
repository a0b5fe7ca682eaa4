"""`graph`, and how a notebook shows a pipeline."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

import stomper_sdk
from stomper_sdk.cli import main

Captured = pytest.CaptureFixture[str]
LOCKING = """
import stomper_sdk

@stomper_sdk.stage("mine", block="file", scope="main")
async def mine(state, context):
    return state
"""
PIPELINE = """
extends: default
name: own
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {call_agent: {use: [builtin]}}, verify_fixes]
      - locking_stage:mine
  - aggregate_results
"""


def test_mermaid_is_printed_by_default(at: Path, capsys: Captured) -> None:
    assert main(["graph"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("flowchart TD\n")
    assert out.endswith("n17 --> n18\n")
    assert err == ""


def test_an_image_with_what_is_overridden(at: Path, capsys: Captured) -> None:
    words = ["graph", "strict", "--format", "svg", "--set", "parallelism.max_parallel_files=9", "--quiet"]
    assert main(words) == 0
    image = "".join(ET.fromstring(capsys.readouterr().out).itertext())
    assert "9 at a time" in image
    assert "Pipeline strict" in image


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "png"], "expected mermaid or svg, got 'png'"),
        (["no-such.yaml"], "no-such.yaml"),
        (["--set", "retry.max_attempts=many"], "retry.max_attempts"),
    ],
)
def test_what_cannot_be_drawn_is_told(words: list[str], said: str, at: Path, capsys: Captured) -> None:
    assert main(["graph", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_stage_of_ones_own_is_drawn_under_the_lock_if_it_says_so(at: Path, capsys: Captured) -> None:
    (at / "locking_stage.py").write_text(LOCKING)
    (at / "own.yaml").write_text(PIPELINE)
    assert main(["graph", "own.yaml"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    lock = lines.index('subgraph n10["main lock, one file at a time"]')
    assert lines[lock + 2 : lock + 4] == ['n11["locking_stage#58;mine"]', "end"]


def test_a_stage_that_cannot_be_found_is_drawn_all_the_same(at: Path, capsys: Captured) -> None:
    (at / "own.yaml").write_text(PIPELINE.replace("locking_stage", "no_such_module"))
    assert main(["graph", "own.yaml"]) == 0
    assert '["no_such_module#58;mine"]' in capsys.readouterr().out


def test_a_notebook_shows_the_drawing_and_a_short_text(at: Path) -> None:
    data, _ = DisplayFormatter().format(stomper_sdk.load_pipeline("default"))
    assert set(data) == {"text/plain", "image/svg+xml"}
    assert data["text/plain"] == (
        "<Pipeline default: checks ruff; agents builtin; "
        "stages initialize, collect_errors, for_each_file, aggregate_results, cleanup; "
        "reducers successful_fixes, failed_fixes, total_errors_fixed, fixed_by_code, seconds_per_file>"
    )
    drawn = list(ET.fromstring(data["image/svg+xml"]).itertext())
    assert drawn.index("main lock · one file at a time") < drawn.index("apply_to_main")
