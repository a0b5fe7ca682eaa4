"""Where pipelines come from, what they inherit, what overrides change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stomper_sdk.config import (
    builtin_pipelines,
    load_pipeline,
    parse_duration,
    parse_override,
    shipped_dir,
)
from stomper_sdk.errors import PipelineError, StomperError, UsageError
from stomper_sdk.model.pipeline import Pipeline

MINIMAL = "version: 1\nstages: [initialize]\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def message(source: object, **options: object) -> str:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(source, **{"environ": {}, **options})  # type: ignore[arg-type]
    return str(caught.value)


def test_without_a_source_the_repository_decides() -> None:
    assert load_pipeline(repo="repo").name == "default"
    write("repo/pipelines/default.yaml", MINIMAL + "name: own\n")
    assert load_pipeline(repo="repo").name == "own"


def test_a_shipped_pipeline_is_found_by_its_usual_path_unless_the_user_has_one() -> None:
    assert load_pipeline("pipelines/strict.yaml").accept == "all"
    write("repo/pipelines/strict.yaml", MINIMAL)
    assert load_pipeline("pipelines/strict.yaml", repo="repo").accept == "improved"
    write("pipelines/strict.yaml", MINIMAL + "on_error: abort\n")
    assert load_pipeline(Path("pipelines/strict.yaml"), repo="repo").on_error == "abort"


def test_a_name_is_the_built_in_even_if_a_program_of_that_name_lies_here() -> None:
    write("ruff", "#!/bin/sh\n")
    assert load_pipeline("ruff").name == "ruff"


def test_text_in_one_line_is_no_path() -> None:
    assert load_pipeline("{version: 1, stages: [initialize]}").stages[0].name == "initialize"


def test_what_is_not_there_is_said_with_the_nearest_name() -> None:
    assert message("strct") == (
        "strct: there is no such file, and no built-in pipeline of that name "
        "(branch, default, direct, mypy, ruff, strict) (did you mean 'strict'?)"
    )
    assert "no such file" in message("x" * 5000)
    assert "no such file" in message(Path("a: b"))


def test_the_name_is_the_files_unless_it_says_otherwise() -> None:
    assert load_pipeline(write("lint.yaml", MINIMAL)).name == "lint"
    assert load_pipeline(MINIMAL).name == "pipeline"
    assert load_pipeline(write("lint.yaml", MINIMAL + "name: mine\n")).name == "mine"


def test_stages_know_where_they_stand() -> None:
    path = write("p.yaml", "version: 1\nstages:\n  - initialize\n  - for_each_file: [attempt_x]\n")
    pipeline = load_pipeline(path)
    assert [stage.where for stage in pipeline.stages] == ["p.yaml:3:5", "p.yaml:4:5"]
    assert pipeline.stages[1].children[0].where == "p.yaml:4:21"
    assert pipeline.origin == "p.yaml"


def test_extends_merges_mappings_and_replaces_lists() -> None:
    write("base/base.yaml", MINIMAL + "files: {include: [a, b], max_files: 3}\nname: base\n")
    write("base/middle.yaml", "extends: base.yaml\nfiles: {exclude: [x]}\n")
    top = write("top.yaml", "extends: base/middle.yaml\nname: top\nfiles: {include: [c]}\n")
    pipeline = load_pipeline(top)
    assert pipeline.name == "top"
    assert pipeline.files.include == ("c",)
    assert (pipeline.files.exclude, pipeline.files.max_files) == (("x",), 3)


def test_a_mistake_that_was_inherited_is_shown_in_the_file_that_has_it() -> None:
    write("base.yaml", MINIMAL + "retry:\n  start_from: bets\n")
    top = write("top.yaml", "extends: base.yaml\nretry: {max_attempts: 0}\n")
    assert message(top).splitlines() == [
        "base.yaml:4:15: retry.start_from: expected one of best, clean, got 'bets' (did you mean 'best'?)",
        "top.yaml:2:23: retry.max_attempts: expected a whole number of at least 1, got 0",
    ]


def test_a_circle_is_refused_with_the_whole_chain() -> None:
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "extends: a.yaml\n")
    assert message("a.yaml") == ("b.yaml:1:10: extends: extends goes in a circle: a.yaml -> b.yaml -> a.yaml")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("nope.yaml", "there is no file nope.yaml"),
        ("defalt", "there is no file defalt (did you mean 'default'?)"),
        ("[default]", "expected a path or the name of a built-in pipeline"),
        ("'${X}'", "what is extended cannot come from the environment"),
    ],
)
def test_what_cannot_be_extended_is_placed(value: str, expected: str) -> None:
    assert message(f"name: x\nextends: {value}\n") == f"<text>:2:10: extends: {expected}"


def test_overrides_reach_any_key_and_are_named_when_wrong() -> None:
    overrides = {
        "retry.max_attempts": 5,
        "retry.backoff.max": "1.5s",
        "checks.ruff.args": ["--preview"],
        "stages": ["initialize"],
        "workspace.root": Path("elsewhere"),
    }
    pipeline = load_pipeline("default", overrides=overrides)
    assert (pipeline.retry.max_attempts, pipeline.retry.backoff.max) == (5, 1.5)
    assert pipeline.checks[0].options == {"args": ["--preview"]}
    assert [stage.name for stage in pipeline.stages] == ["initialize"]
    assert pipeline.workspace.root == "elsewhere"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (
            "retry.max_atempts",
            5,
            "override retry.max_atempts: retry.max_atempts: unknown key 'max_atempts'; expected "
            "one of max_attempts, start_from, on, backoff (did you mean 'max_attempts'?)",
        ),
        ("accept", "al", "override accept: accept: expected one of all, improved, got 'al' "
                         "(did you mean 'all'?)"),
        ("retry.", 5, "override retry.: retry.: expected a dotted path such as retry.max_attempts"),
        ("extends", "ruff", "override extends: extends: extends is not overridden: "
                            "name the pipeline"),
        ("version.x", 1, "override version.x: version: expected 1, got a mapping"),
        ("checks.ruff.args", [object()], "override checks.ruff.args: checks.ruff.args.[0]: expected "
                                         "text, a number, a list or a mapping, got object"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_refused(key: str, value: object, expected: str) -> None:
    assert message("default", overrides={key: value}) == expected


def test_an_override_fills_in_for_a_variable_that_is_missing() -> None:
    overrides = {"agents.main.run": "true"}
    assert load_pipeline("mypy", overrides=overrides, environ={}).agents[0].options["run"] == "true"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry.max_attempts=5", ("retry.max_attempts", 5)),
        ("files.since=HEAD~3", ("files.since", "HEAD~3")),
        ("files.since=", ("files.since", None)),
        ("files.include=[a, 'b']", ("files.include", ["a", "b"])),
        ("apply.branch=a=b", ("apply.branch", "a=b")),
        ("prompt.template=@x", ("prompt.template", "@x")),
        ("x=**/y", ("x", "**/y")),
    ],
)
def test_the_value_of_an_override_is_yaml(text: str, expected: tuple[str, object]) -> None:
    assert parse_override(text) == expected


def test_an_override_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="expected KEY=VALUE"):
        parse_override("retry.max_attempts")
    with pytest.raises(PipelineError, match=r"override a:1:\d+: not YAML"):
        parse_override("a=[1")


def test_a_pipeline_is_returned_and_overridden() -> None:
    first = load_pipeline("default")
    assert load_pipeline(first) == first
    second = load_pipeline(first, overrides={"retry.max_attempts": 1})
    assert second.retry.max_attempts == 1
    assert load_pipeline(second, overrides={"retry.max_attempts": 3}) == first
    assert "expected one of all, improved" in message(first, overrides={"accept": "x"})


def test_a_pipeline_made_in_python_is_checked_when_overridden() -> None:
    wrong = Pipeline("mine", (), accept="bogus")  # type: ignore[arg-type]
    assert "<Pipeline>: accept: expected one of" in message(wrong, overrides={"name": "x"})


@pytest.mark.parametrize("name", builtin_pipelines())
def test_every_shipped_pipeline_survives_the_way_back(name: str) -> None:
    pipeline = load_pipeline(name, environ={"STOMPER_AGENT_COMMAND": "my-agent"})
    assert load_pipeline(pipeline, overrides={"name": pipeline.name}, environ={}) == pipeline


def test_guarded_globs_survive_the_way_back() -> None:
    pipeline = load_pipeline(MINIMAL + "guard: {scope: {files: ['src/**']}}\n")
    assert pipeline.guard.scope == ("src/**",)
    assert load_pipeline(pipeline, overrides={"name": "x"}).guard.scope == ("src/**",)


def test_an_agent_of_python_replaces_the_one_of_the_text() -> None:
    assert "STOMPER_AGENT_COMMAND is not set" in message("mypy")
    pipeline = load_pipeline("mypy", environ={}, extra_agents=["main"])
    assert pipeline.agents == ()
    call = pipeline.stage("call_agent")
    assert call is not None
    assert call.options == {"use": ["main"]}
    assert load_pipeline(load_pipeline("default"), extra_agents=["builtin"]).agents == ()


def test_call_agent_without_names_calls_all_in_order() -> None:
    text = MINIMAL + "agents: {b: {use: python}, a: {use: python}}\n"
    pipeline = load_pipeline(text, overrides={"stages": ["call_agent"]}, extra_agents=["c"])
    assert pipeline.stages[0].options == {"use": ["b", "a", "c"]}


def test_use_is_the_name_where_it_is_left_out() -> None:
    text = MINIMAL + "checks: {ruff: {select: [F]}}\nagents: {ruff-fix: {}}\n"
    pipeline = load_pipeline(text)
    assert (pipeline.checks[0].use, pipeline.agents[0].use) == ("ruff", "ruff-fix")
    assert pipeline.checks[0].options == {"select": ["F"]}


def test_durations() -> None:
    written = ["30s", "10m", "1h", "1.5s", "500ms", 7]
    assert [parse_duration(value) for value in written] == [30, 600, 3600, 1.5, 0.5, 7]  # type: ignore[arg-type]
    with pytest.raises(PipelineError, match="expected a duration such as 30s"):
        parse_duration("soon")


def test_the_shipped_files_are_found_from_another_folder(tmp_path: Path) -> None:
    code = "from stomper_sdk.config import builtin_pipelines; print(*builtin_pipelines())"
    checkout = str(shipped_dir("schema").parent)
    environ = {**os.environ, "PYTHONPATH": checkout}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.stdout.split() == ["branch", "default", "direct", "mypy", "ruff", "strict"], done.stderr


def test_a_wheel_has_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stomper_sdk.config.sources._PACKAGE", tmp_path / "site" / "stomper_sdk")
    with pytest.raises(StomperError, match="lacks its pipelines folder"):
        shipped_dir("pipelines")
    write("site/pipelines/other.yaml", "")
    inside = write("site/stomper_sdk/_shipped/pipelines/default.yaml", MINIMAL)
    assert shipped_dir("pipelines") == tmp_path / inside.parent


def test_another_kind_of_agent_takes_the_place_of_the_inherited_one(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "extends: default\nagents: {builtin: {use: command, run: 'true'}}\nchecks: {ruff: {select: [F]}}\n"
    )
    loaded = load_pipeline(tmp_path / "p.yaml")
    assert dict(loaded.agents[0].options) == {"run": "true"}
    assert dict(loaded.checks[0].options) == {"select": ["F"]}
