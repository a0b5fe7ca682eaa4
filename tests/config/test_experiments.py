"""The declaration of an experiment: the language of pipelines, with every mistake at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from jsonschema import Draft202012Validator

from stomper_sdk.config import load_experiment_spec, load_pipeline, load_schema
from stomper_sdk.config.validation import Document
from stomper_sdk.errors import PipelineError
from stomper_sdk.laboratory.variants import loaded_variants
from stomper_sdk.model.experiment import ExperimentSpec

HEAD = "version: 1\n"
TWO = HEAD + "variants: {a: {}, b: {}}\n"


def told(text: str, **given: Any) -> str:
    """What is said of a text that is wrong."""
    with pytest.raises(PipelineError) as caught:
        load_experiment_spec(text, environ=given)
    return str(caught.value)


def told_of_variants(text: str) -> str:
    with pytest.raises(PipelineError) as caught:
        loaded_variants(load_experiment_spec(text, environ={}), {}, Path())
    return str(caught.value)


def test_the_keys_their_types_and_their_defaults_are_those_of_the_declaration() -> None:
    keys = load_schema("experiment")["properties"]
    fields = {field.name: field.default for field in attrs.fields(ExperimentSpec) if field.name != "places"}
    assert keys.keys() - {"version"} == fields.keys()
    for name, key in keys.items():
        default = fields.get(name)
        if name not in ("version", "name", "pipeline"):
            plain = {} if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]
            assert key["default"] == (list(plain) if isinstance(plain, tuple) else plain), name


@pytest.mark.parametrize("document", ["experiment", "experiment-result"])
def test_the_schema_is_one_and_describes_every_key(document: Document) -> None:
    schema = load_schema(document)
    Draft202012Validator.check_schema(schema)
    parts = [schema, *schema["$defs"].values()]
    bare = [name for part in parts for name, key in part.get("properties", {}).items() if not said(key)]
    assert bare == []


def said(key: dict[str, Any]) -> bool:
    return bool(key.get("description", "").endswith("."))


def test_a_whole_declaration_is_read(tmp_path: Path) -> None:
    (tmp_path / "levels.yaml").write_text(
        HEAD + "pipeline: mine.yaml\n"
        "overrides: {retry.max_attempts: 2}\n"
        "matrix: {prompt.strategy: [escalate, adaptive], guard.max_changed_lines: [10, 20]}\n"
        "variants: {plain: {}}\nagainst: plain\nrepeats: 3\nsample: 200\nseed: 7\nstop: sequential\n"
        "max_variants: 9\nchecks: [ruff]\ncodes: [F401]\n"
    )
    (tmp_path / "mine.yaml").write_text(HEAD + "extends: default\n")

    spec = load_experiment_spec(tmp_path / "levels.yaml")

    assert spec == ExperimentSpec(
        pipeline=str(tmp_path / "mine.yaml"),
        name="levels",
        overrides={"retry.max_attempts": 2},
        matrix={"prompt.strategy": ("escalate", "adaptive"), "guard.max_changed_lines": (10, 20)},
        variants={"plain": {}},
        against="plain",
        repeats=3,
        sample=200,
        seed=7,
        stop="sequential",
        max_variants=9,
        checks=("ruff",),
        codes=("F401",),
    )


def test_a_pipeline_may_stand_in_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(HEAD + "extends: default\nretry: {max_attempts: 7}\n")
    file = tmp_path / "experiment.yaml"
    file.write_text(TWO + "pipeline:\n  extends: base.yaml\n  guard:\n    max_changed_lines: 5\n")
    pipeline = load_pipeline(load_experiment_spec(file).pipeline)
    assert (pipeline.retry.max_attempts, pipeline.guard.max_changed_lines) == (7, 5)

    file.write_text(TWO + "pipeline:\n  extends: base.yaml\n  guard:\n    max_changed_line: 5\n")
    with pytest.raises(PipelineError, match=r"experiment.yaml:6:5: guard.max_changed_line: unknown key"):
        loaded_variants(load_experiment_spec(file), {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "<text>: empty: expected at least the keys version and matrix or variants"),
        ("- a\n", "<text>:1:1: expected a mapping with the keys version and matrix or variants, got a list"),
        ("a: b: c\n", "<text>:1:5: not YAML"),
        ("variants: {}\n", "version: the key 'version' is required and missing"),
        (TWO + "repeat: 2\n", "<text>:3:1: repeat: unknown key 'repeat'"),
        (TWO + "repeat: 2\n", "did you mean 'repeats'?"),
        (TWO + "repeats: 0\n", "<text>:3:10: repeats: expected a whole number of at least 1, got 0"),
        (TWO + "sample: -1\n", "<text>:3:9: sample: expected a whole number of at least 0, got -1"),
        (TWO + "seed: -1\n", "<text>:3:7: seed: expected a whole number of at least 0, got -1"),
        (TWO + "stop: sequentil\n", "expected one of never, sequential, got 'sequentil' (did you mean"),
        (TWO + "codes: F401\n", "<text>:3:8: codes: expected a list, got 'F401'"),
        (HEAD + "variants: [a, b]\n", "<text>:2:11: variants: expected a mapping of names to overrides"),
        (HEAD + "variants:\n  a: 3\n", "<text>:3:6: variants.a: expected a mapping of dotted paths"),
        (HEAD + "variants:\n  a: {}\n  a: {}\n", "the key 'a' stands twice, on lines 3 and 4"),
        (HEAD + "matrix:\n  a.b: 1\n", "<text>:3:8: matrix['a.b']: expected a list of different values"),
        (HEAD + "matrix:\n  a: []\n", "expected a list of different values to try, at least one"),
        (
            HEAD + "matrix:\n  a: [1, 1]\n",
            "expected a list of different values to try, at least one, got rep",
        ),
        (TWO + "pipeline: defualt\n", "<text>:3:11: pipeline: there is no file 'defualt', and no built-in"),
        (TWO + "pipeline: defualt\n", "did you mean 'default'?"),
        (TWO + f"pipeline: {'a/' * 3000}\n", "<text>:3:11: pipeline: there is no file 'a/a/a/"),
        (TWO + "pipeline: /\n", "<text>:3:11: pipeline: there is no file '/', and no built-in pipeline"),
        (TWO + "pipeline: 3\n", "<text>:3:11: pipeline: expected text or a mapping, got 3"),
        (
            HEAD + "variants:\n  a:\n    agents.builtin: my_module:fix\n",
            "<text>:4:21: variants.a['agents.builtin']: expected a mapping of options such as {use: chat}, "
            "got 'my_module:fix'; a function is {use: python, call: \"package.module:function\"}",
        ),
        (HEAD + "overrides:\n  a: ${NOPE}\n", "<text>:3:6: overrides.a: the environment variable NOPE"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, message: str) -> None:
    assert message in told(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + "matrix:\n  retry.max_attempts:\n    - 1\n    - none\n",
            "<text>:5:7: retry.max_attempts: expected a whole number of at least 1, got 'none'",
        ),
        (
            HEAD + "variants:\n  a: {}\n  b:\n    prompt.stratgy: escalate\n",
            "<text>:5:5: prompt.stratgy: unknown key 'stratgy'; expected one of template, strategy",
        ),
        (
            TWO + "overrides:\n  guard.scop: file\n",
            "<text>:4:3: guard.scop: unknown key 'scop'",
        ),
        (
            HEAD + "variants:\n  a: {}\n  b:\n    agents.builtin: {use: ruff-fixx}\n",
            "<text>:5:5: agents.builtin.use: unknown agent 'ruff-fixx'",
        ),
    ],
)
def test_what_is_wrong_in_an_override_is_told_with_its_place_and_once(text: str, message: str) -> None:
    said = told_of_variants(text)
    assert said.startswith(message)
    assert said.count("<text>") == 1


def test_a_variant_may_have_another_kind_of_agent() -> None:
    text = HEAD + "variants:\n  a: {}\n  b: {agents.builtin: {use: python, call: 'math:floor'}}\n"
    a, b = loaded_variants(load_experiment_spec(text), {}, Path())
    assert [it.pipeline.agents[0].use for it in (a, b)] == ["ruff-fix", "python"]
    assert b.pipeline.agents[0].options == {"call": "math:floor"}


def test_what_comes_from_the_environment_is_used_and_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", "hush-hush")
    text = HEAD + "matrix:\n  agents.builtin.select: ['${MODEL}', F]\ncodes: ['${MODEL}']\n"
    spec = load_experiment_spec(text)
    first, second = loaded_variants(attrs.evolve(spec, codes=()), {}, Path())

    assert spec.codes == ("hush-hush",)
    assert first.pipeline.agents[0].options["select"] == "hush-hush"
    assert "hush-hush" not in repr((first.name, first.kept))
    assert second.name == "select=F"
    assert "the name of an experiment cannot come" in told(TWO + "name: ${MODEL}\n", MODEL="hush-hush")
    assert "hush-hush" not in told(TWO + "stop: ${MODEL}\n", MODEL="hush-hush")


def test_the_example_is_an_experiment() -> None:
    root = Path(__file__).parents[2]
    spec = load_experiment_spec(root / "docs" / "examples" / "experiment.yaml")
    assert [it.name for it in loaded_variants(spec, {}, root)] == ["safe", "unsafe"]


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "no.yaml", "no such file"), (tmp_path, "no regular file")):
        with pytest.raises(PipelineError, match=message):
            load_experiment_spec(path)


def test_variants_of_a_matrix_are_told_apart_and_hold_no_secret() -> None:
    text = (
        HEAD + "matrix:\n  agents.builtin:\n"
        "    - {use: chat, model: m, api_key: a1, base_url: 'http://x'}\n"
        "    - {use: chat, model: m, api_key: a2, base_url: 'http://x'}\n"
        "    - {use: ruff-fix, select: F}\n"
    )
    names = [it.name for it in loaded_variants(load_experiment_spec(text), {}, Path())]
    assert names == [
        "builtin={use: chat, model: m, api_key: ***, base_url: http://x}",
        "builtin={use: chat, model: m, api_key: ***, base_url: http://x} (2)",
        "builtin={use: ruff-fix, select: F}",
    ]
    twins = {"agents.builtin": (lambda task: None, lambda task: None)}
    spec = ExperimentSpec(pipeline="default", matrix=twins)
    assert [it.name for it in loaded_variants(spec, {}, Path())] == [
        "builtin=<lambda>",
        "builtin=<lambda> (2)",
    ]
