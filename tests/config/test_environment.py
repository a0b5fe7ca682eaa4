"""`${NAME}`: what it brings in, and that it never comes out."""

import pytest

from stomper_sdk.config import load_pipeline
from stomper_sdk.errors import PipelineError

TEXT = "version: 1\nstages: [initialize]\n"
SECRET = "s3cr3t-value"


def message(text: str, environ: dict[str, str] | None = None, **options: object) -> str:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text, environ=environ or {}, **options)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a ${A}-${A} b", "a x-x b"),
        ("${A:-other}", "x"),
        ("${NONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${NONE:-}", ""),
        ("$${A} $$${A} $A", "${A} $${A} $A"),
    ],
)
def test_references_are_replaced(written: str, read: str) -> None:
    environ = {"A": "x", "EMPTY": ""}
    pipeline = load_pipeline(TEXT + f"description: '{written}'\n", environ=environ)
    assert pipeline.description == read


def test_what_came_from_the_environment_is_a_secret_and_a_default_is_not() -> None:
    text = TEXT + "checks: {c: {env: {K: '${KEY}'}}}\ndescription: '${NONE:-plain}'\n"
    pipeline = load_pipeline(text, environ={"KEY": SECRET})
    assert pipeline.secrets == {SECRET}
    assert pipeline.checks[0].options == {"env": {"K": SECRET}}
    assert "secrets" not in repr(pipeline)


def test_missing_variables_are_named_at_their_place() -> None:
    assert message(TEXT + "description: '${ONE} ${TWO} ${ONE}'\n") == (
        "<text>:3:14: description: the environment variables ONE, TWO are not set"
    )
    assert message(TEXT + "accept: ${ONE}\n") == (
        "<text>:3:9: accept: the environment variable ONE is not set"
    )


@pytest.mark.parametrize("written", ["${}", "${1}", "${A", "${A?no}"])
def test_what_only_looks_like_a_reference_is_refused(written: str) -> None:
    assert "expected ${NAME} or ${NAME:-default}" in message(TEXT + f"name: '{written}'\n")


def test_a_value_that_no_text_can_hold_is_refused() -> None:
    told = message(TEXT + "name: ${KEY}\n", {"KEY": "\udc80"})
    assert told == "<text>:3:7: name: the environment's value is no text"


@pytest.mark.parametrize(
    "wrong",
    [
        "accept: ${KEY}",
        "apply: {commit: {style: 'x${KEY}'}}",
        "parallelism: {max_parallel_files: '${KEY}'}",
        "prompt: {strategy: '${KEY}'}",
        "prompt: {strategy: 'fixed:${KEY}'}",
        "prompt: {strategy: 'fixed:s3cr3t', levels: ['${KEY}']}\naccept: ${KEY}",
        "test_validation: {timeout: '${KEY}'}",
        "retry: {on: ['${KEY}', '${KEY}'], max_attempts: '${KEY}'}",
        "sandbox: {kind: '${KEY}', other: '${KEY}'}",
        "reducers: {r: {reduce: sum, from: x, where: '${KEY}'}}",
        "stages: ['${KEY}']",
        "stages: [call_agent: {use: '${KEY}'}]",
        "stages: [call_agent: {use: ['${KEY}']}]",
        "stages: [initialize: '${KEY}']",
    ],
)
def test_no_message_shows_what_the_environment_held(wrong: str) -> None:
    told = message(f"version: 1\n{wrong}\n", {"KEY": SECRET})
    assert SECRET not in told
    assert "environment" in told


def test_a_pipeline_that_is_loaded_again_keeps_its_secrets() -> None:
    text = TEXT + "name: '${KEY}'\ndescription: '$${NOT} a reference'\n"
    first = load_pipeline(text, environ={"KEY": SECRET})
    again = load_pipeline(first, overrides={"accept": "all"}, environ={})
    assert again.secrets == {SECRET}
    assert again.description == "${NOT} a reference"
    with pytest.raises(PipelineError) as caught:
        load_pipeline(
            load_pipeline(TEXT + "agents: {a: {timeout: '${T}'}}\n", environ={"T": "77s"}),
            overrides={"accept": "x", "agents.a.timeout": "${LATER}"},
            environ={"LATER": SECRET},
        )
    assert SECRET not in str(caught.value)
    assert "agents.a.timeout: expected a duration" in str(caught.value)


def test_a_word_that_is_refused_for_now_is_not_shown_either() -> None:
    told = message(TEXT + "workspace: {kind: '${KIND}'}\n", {"KIND": "pooled"})
    assert told.endswith("a value from the environment is not available yet; use worktree or direct")
