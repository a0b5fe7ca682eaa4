"""Every mistake in one go: its place, what was expected, what was probably meant."""

import pytest

from stomper_sdk.config import load_pipeline
from stomper_sdk.errors import PipelineError, Problem

HEAD = "version: 1\nstages: [initialize]\n"


def problems(text: str, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text, environ={}, **options)  # type: ignore[arg-type]
    return caught.value.problems


def test_everything_that_is_wrong_is_told_at_once_and_in_order() -> None:
    text = """version: 2
acept: all
retry:
  max_attempts: x
  start_from: bets
  backoff: {jitter: 3, max: [1]}
guard: {scope: fil}
reducers:
  r: {reduce: sum, where: fxed}
"""
    told = [(p.line, p.column, p.path, p.message.split(";")[0], p.suggestion) for p in problems(text)]
    where = "any, succeeded, failed, fixed, partial, unfixed, rejected, conflict, error, skipped"
    assert told == [
        (1, 1, "stages", "the key 'stages' is required and missing", ""),
        (1, 10, "version", "expected 1, got 2", ""),
        (2, 1, "acept", "unknown key 'acept'", "accept"),
        (4, 17, "retry.max_attempts", "expected a whole number of at least 1, got 'x'", ""),
        (5, 15, "retry.start_from", "expected one of best, clean, got 'bets'", "best"),
        (6, 21, "retry.backoff.jitter", "expected a number from 0 to 1, got 3", ""),
        (6, 29, "retry.backoff.max",
         "expected a duration such as 30s, 10m, 1h or 1.5s, got a list", ""),
        (7, 16, "guard.scope",
         "expected one of file, repo, {files: [globs]}, got 'fil'", "file"),
        (9, 6, "reducers.r.from", "the key 'from' is required and missing", ""),
        (9, 27, "reducers.r.where", f"expected one of {where}, cancelled, got 'fxed'", "fixed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checks: {ruff: ruff}", "expected a mapping of options such as {use: ruff}, got 'ruff'"),
        ("checks: {a b: {}}", "expected a name of letters, digits, - and _, got 'a b'"),
        ("checks: {c: {severity: {E*: fatal}}}", "expected one of error, warning, info, got 'fatal'"),
        ("accept:", "expected one of all, improved, got nothing"),
        ("apply: {commit: {sign: yes}}", "expected true or false, got 'yes'"),
        ("files: {include: a}", "expected a list, got 'a'"),
        ("files: {include: [1]}", "expected text, got 1"),
        ("files: {since: 1234567}", "expected text or null, got 1234567"),
        ("retry: {on: [guard, guard]}", "expected a list without repetitions, got repetitions"),
        ("prompt: {levels: []}", "expected a list with at least one entry, got an empty list"),
        ("prompt: {strategy: fixed:nomal}", "expected a level that prompt.levels has, got "
                                            "'fixed:nomal' (did you mean 'fixed:normal'?)"),
        ("guard: {scope: {globs: []}}", "unknown key 'globs'; expected one of files"),
        ("retry: {max_attempts: true}", "expected a whole number of at least 1, got true"),
        ("sandbox: {network: deny}", "sandbox.kind: the key 'kind' is required and missing"),
        ("sandbox: {kind: auto, memory: 2 GB}", "expected a size such as 512M, 2G or 1.5G, got '2 GB'"),
        ("sandbox: {kind: auto, processes: 1}", "expected a whole number of at least 8, got 1"),
        ("name: ''", "expected text that is not empty, got ''"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_has_plain_words(text: str, expected: str) -> None:
    assert expected in "\n".join(str(each) for each in problems(HEAD + text + "\n"))


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("[attempt: [a]]", "3:10: stages[0]: attempt must stand inside for_each_file"),
        ("[for_each_file: [for_each_file: [a]]]",
         "3:26: stages[0].for_each_file[0]: for_each_file cannot stand inside for_each_file"),
        ("[for_each_file: [attempt: [attempt: [a]]]]",
         "3:36: stages[0].for_each_file[0].attempt[0]: attempt cannot stand inside attempt"),
        ("[for_each_file: [a], for_each_file: [b]]",
         "3:30: stages[1]: for_each_file can stand only once"),
        ("[for_each_file]", "3:10: stages[0]: for_each_file is a block: expected a list of stages"),
        ("[for_each_file: {a: b}]",
         "3:25: stages[0].for_each_file: expected a list of stages, at least one, got a mapping"),
        ("[{initialize: {x: 1}}]",
         "3:24: stages[0].initialize.x: unknown key 'x'; stages[0].initialize has no options"),
        ("[{call_agent: null, use: x}]",
         "3:10: stages[0]: expected one stage: its name, or its name with options indented below "
         "it, got 2 keys: 'call_agent', 'use'"),
        ("[7]", "3:10: stages[0]: expected one stage: its name, or its name with options"),
        ("['a b']", "3:10: stages[0]: expected one stage: its name, or its name with options"),
        ("[]", "3:9: stages: expected a list of stages, at least one, got an empty list"),
        ("[call_agent: {use: [buildin]}]",
         "3:29: stages[0].call_agent.use[0]: expected the name of an agent, got 'buildin' "
         "(did you mean 'builtin'?)"),
        ("[call_agent: {use: other}]",
         "3:28: stages[0].call_agent.use: expected the name of an agent, got 'other'"),
    ],
)  # fmt: skip
def test_a_tree_that_cannot_be_is_refused(stages: str, expected: str) -> None:
    text = f"version: 1\nagents: {{builtin: {{use: ruff-fix}}}}\nstages: {stages}\n"
    found = problems(text)
    assert len(found) == 1
    assert expected in str(found[0])


def test_call_agent_needs_an_agent() -> None:
    text = "version: 1\nstages: [call_agent, call_agent: {}]\n"
    assert [problem.path for problem in problems(text)] == ["stages[0]", "stages[1].call_agent"]
    assert load_pipeline(text, extra_agents=["mine"]).stages[0].options == {"use": ["mine"]}


def test_a_stage_of_ones_own_takes_any_options() -> None:
    pipeline = load_pipeline("version: 1\nstages: [my_package.stages:Mine: {deep: {x: [1]}}]\n")
    assert pipeline.stages[0].name == "my_package.stages:Mine"
    assert pipeline.stages[0].options == {"deep": {"x": [1]}}


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("workspace: {kind: pooled}", "workspace.kind", "'pooled' is"),
        ("workspace: {kind: overlay}", "workspace.kind", "'overlay' is"),
    ],
)
def test_what_is_not_built_is_refused_by_name(text: str, path: str, what: str) -> None:
    (problem,) = problems(HEAD + text + "\n")
    assert problem.path == path
    assert problem.message.startswith(f"{what} not available yet; ")


def test_what_says_nothing_is_no_use_of_what_is_not_built() -> None:
    text = "guard: {forbid: []}\nsandbox: {kind: none}\n"
    assert load_pipeline(HEAD + text).guard.forbid == ()
