"""Drawings of pipelines: what they show, and that nothing in a name is obeyed by what draws them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stomper_sdk.config import load_pipeline
from stomper_sdk.model.pipeline import (
    AgentSpec,
    CheckSpec,
    ParallelismSpec,
    Pipeline,
    ReducerSpec,
    RetrySpec,
    StageSpec,
)
from stomper_sdk.reports.graph import Box, drawing_of
from stomper_sdk.reports.mermaid import mermaid
from stomper_sdk.reports.svg import svg

MAIN = frozenset({"apply_to_main", "commit_in_main"})
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"]; click n1 "x"\n%%{init: {}}%% <script>alert(1)</script> & `md` _x_ \x1b[2J\u202e\ud800'


def pipeline_named(name: str, **fields: Any) -> Pipeline:
    """A small pipeline in which everything has one name."""
    called = StageSpec("call_agent", {"use": [name]})
    attempt = StageSpec("attempt", children=(StageSpec("generate_prompt"), called))
    stages = (StageSpec("for_each_file", children=(attempt, StageSpec("apply_to_main"))), StageSpec(name))
    given: dict[str, Any] = {
        "description": name,
        "checks": (CheckSpec(name, name),),
        "agents": (AgentSpec(name, "command"),),
        "reducers": (ReducerSpec(name, "sum", "fixed_count"),),
        **fields,
    }
    return Pipeline(name, stages, **given)


def boxes(pipeline: Pipeline) -> tuple[Box, ...]:
    return drawing_of(pipeline, MAIN).boxes


def default(**overrides: object) -> Pipeline:
    return load_pipeline("default", repo=".", overrides=overrides)


def test_the_mermaid_text_of_the_default_pipeline() -> None:
    assert mermaid(drawing_of(default(), MAIN)).splitlines() == [
        "flowchart TD",
        '  n1("checks<br/>ruff")',
        '  n2["initialize"]',
        '  n3["collect_errors"]',
        '  subgraph n4["for each file, 4 at a time"]',
        "    direction TB",
        '    n5["create_worktree"]',
        '    subgraph n6["attempt, up to 3 times"]',
        "      direction TB",
        '      n7["generate_prompt<br/>adaptive"]',
        '      n8["call_agent<br/>→ builtin (ruff-fix)"]',
        '      n9["verify_fixes<br/>the checks look again<br/>a fix may change its own file only"]',
        '      n10["run_tests<br/>mode quick"]',
        "    end",
        '    n11["extract_diff"]',
        '    subgraph n12["main lock, one file at a time"]',
        "      direction TB",
        '      n13["apply_to_main"]',
        '      n14["commit_in_main<br/>to the current branch"]',
        "    end",
        '    n15["destroy_worktree"]',
        "  end",
        '  n16["aggregate_results"]',
        '  n17["cleanup"]',
        '  n18("reducers<br/>successful_fixes = append of path, succeeded'
        "<br/>failed_fixes = append of path, failed<br/>total_errors_fixed = sum of fixed_count"
        '<br/>fixed_by_code = tally of fixed_codes<br/>seconds_per_file = mean of duration_seconds")',
        "  n7 --> n8",
        "  n8 --> n9",
        "  n9 --> n10",
        '  n10 -. "again after agent_error, unfixed, new_findings, guard, tests_failed, conflict" .-> n7',
        "  n13 --> n14",
        "  n5 --> n6",
        "  n6 --> n11",
        "  n11 --> n12",
        "  n12 --> n15",
        "  n1 --> n2",
        "  n2 --> n3",
        "  n3 --> n4",
        "  n4 --> n16",
        "  n16 --> n17",
        "  n17 --> n18",
    ]


def test_the_boxes_tell_how_the_pipeline_is_set() -> None:
    pipeline = pipeline_named(
        "x", parallelism=ParallelismSpec(1), retry=RetrySpec(2, on=("guard",)), agents=(AgentSpec("x", "x"),)
    )
    _, each, _, _ = boxes(pipeline)
    attempt, lock = each.inner
    assert (each.lines, attempt.lines, attempt.again) == (
        ("one at a time",),
        ("up to 2 times",),
        "again after guard",
    )
    assert attempt.inner[1].lines == ("→ x",)
    assert (lock.title, [box.title for box in lock.inner]) == ("main lock", ["apply_to_main"])


def test_one_round_has_no_way_back() -> None:
    text = mermaid(drawing_of(pipeline_named("x", retry=RetrySpec(1)), MAIN))
    assert "up to 1 time" in text
    assert ".->" not in text


def test_stages_under_the_lock_share_a_box_only_with_their_neighbours() -> None:
    names = ("apply_to_main", "commit_in_main", "other", "apply_to_main")
    drawn = boxes(Pipeline("p", tuple(StageSpec(name) for name in names)))
    assert [[inner.title for inner in box.inner] or box.title for box in drawn] == [
        ["apply_to_main", "commit_in_main"],
        "other",
        ["apply_to_main"],
    ]


@pytest.mark.parametrize("draw", [mermaid, svg])
def test_what_came_from_the_environment_is_not_drawn(draw: Any) -> None:
    pipeline = pipeline_named("tell-s3cret-agent", secrets=frozenset({"s3cret"}))
    assert "s3cret" not in draw(drawing_of(pipeline, MAIN))


LABEL = r'"(?:[\w ,()→=-]|#\d+;|<br/>)*"'
LINE = re.compile(
    rf"flowchart TD| *direction TB| *end| *n\d+\[{LABEL}\]| *n\d+\({LABEL}\)| *subgraph n\d+\[{LABEL}\]"
    rf"|  n\d+ --> n\d+|  n\d+ -\. {LABEL} \.-> n\d+"
)


@given(st.text(max_size=30) | st.just(HOSTILE))
@settings(deadline=None)
def test_no_name_gets_out_of_its_label(name: str) -> None:
    """Every line is one of ours, and a label holds nothing but words and the numbers of characters."""
    lines = mermaid(drawing_of(pipeline_named(name), MAIN)).split("\n")
    assert [line for line in lines if not LINE.fullmatch(line)] == []


def test_a_label_reads_as_the_name() -> None:
    text = mermaid(drawing_of(pipeline_named("1. **a_b** _c_"), frozenset()))
    assert 'n2["1. **a_b** _c_"]' not in text
    assert '["#49;#46; #42;#42;a_b#42;#42; #95;c#95;"]' in text


@given(st.text(max_size=30) | st.just(HOSTILE))
@settings(deadline=None)
def test_the_image_is_well_formed_whatever_the_names_are(name: str) -> None:
    image = ET.fromstring(svg(drawing_of(pipeline_named(name), MAIN)))
    assert {part.tag for part in image.iter()} == {
        SVG + tag for tag in ("svg", "title", "desc", "style", "rect", "path", "text")
    }


def test_the_image_asks_for_nothing_and_tells_all_in_words() -> None:
    text = svg(drawing_of(default(), MAIN))
    assert set(re.findall(r"\w+://\S+", text)) == {'http://www.w3.org/2000/svg"'}
    assert not re.search(r"url\(|@import|href|<script|<image", text)
    image = ET.fromstring(text)
    title, desc = image.find(f"{SVG}title"), image.find(f"{SVG}desc")
    assert title is not None and desc is not None
    assert image.get("role") == "img"
    assert image.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "Pipeline default"
    for word in (
        "one isolated worktree per file",
        "main lock, one file at a time",
        "again after agent_error",
    ):
        assert word in (desc.text or "")
    assert "prefers-color-scheme:dark" in text


def test_two_images_on_a_page_do_not_style_each_other() -> None:
    one, two = (svg(drawing_of(pipeline_named(name), MAIN)) for name in "ab")
    classes = [re.findall(r"^\.([\w-]+) ", text, re.MULTILINE) for text in (one, two)]
    assert len(set(classes[0])) == len(set(classes[1])) == 1
    assert classes[0][0] != classes[1][0]


@pytest.mark.parametrize("name", ["x", "a-long-name-" * 12, "漢" * 200, "W " * 200])
def test_every_text_and_box_lies_in_the_image(name: str) -> None:
    image = ET.fromstring(svg(drawing_of(pipeline_named(name), MAIN)))
    width, height = (float(image.get(side, "0")) for side in ("width", "height"))
    for text in image.iter(f"{SVG}text"):
        wide = sum(2 if char == "漢" else 1 for char in text.text or "") * 7.8
        assert float(text.get("x", "0")) + wide * (1.2 if text.get("class") == "name" else 1) <= width
        assert float(text.get("y", "0")) < height
    for rect in image.iter(f"{SVG}rect"):
        assert float(rect.get("x", "0")) + float(rect.get("width", "0")) <= width
        assert float(rect.get("y", "0")) + float(rect.get("height", "0")) <= height
