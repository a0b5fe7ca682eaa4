"""Who is asked about what: cascades of agents, portions of findings, agents that cannot be asked more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask, RunResult
from stomper_sdk.cli import main
from stomper_sdk.errors import AgentError, PipelineError

if TYPE_CHECKING:
    from tests.conftest import Checkout

Make = Callable[..., "Checkout"]
Work = Callable[[AgentTask], AgentReply | None]
CHECKS = r"""
  words:
    use: regex
    command: [grep, -rHn, "--include=*.txt", "^BAD", "{files}"]
    pattern: '^(?P<path>[^:]+):(?P<line>\d+):(?P<code>BAD\w)(?P<message>.*)$'
    ok_exit_codes: [0, 1]
"""
PIPELINE = f"""
version: 1
checks: {CHECKS}
agents:
%s
test_validation: {{mode: none}}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {{call_agent: {{use: %s}}}}, verify_fixes]
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup
"""
OUT_OF_QUOTA = """
from stomper_sdk.errors import AgentError

def ask(task):
    raise AgentError("no", failure="quota")
"""
MIXED = {"a.txt": "BADA one\nfine\nBADB two\nBADA three\nBADC four\n"}


def pipeline(**agents: str) -> str:
    """A pipeline with a cascade of agents, each by its options in YAML."""
    declared = "\n".join(
        f"  {name}: {{use: python, call: 'x:y'{options}}}" for name, options in agents.items()
    )
    return PIPELINE % (declared, json.dumps(list(agents)))


def lines_of(task: AgentTask) -> list[str]:
    return (task.workspace / task.path).read_text().splitlines(keepends=True)


def curing(*codes: str, seen: list[tuple[str, ...]] | None = None, **spent: Any) -> Work:
    """An agent that removes the lines that it is asked about, if their code is one of these."""

    def agent(task: AgentTask) -> AgentReply:
        if seen is not None:
            seen.append(tuple(finding.code for finding in task.findings))
        gone = {finding.line for finding in task.findings if finding.code in codes}
        kept = [line for number, line in enumerate(lines_of(task), 1) if number not in gone]
        (task.workspace / task.path).write_text("".join(kept))
        return AgentReply("done", **spent)

    return agent


def failing(failure: Any, **spent: Any) -> Work:
    def agent(task: AgentTask) -> AgentReply:
        raise AgentError("the account is empty", failure=failure, reply=AgentReply("no", **spent))

    return agent


def run(repo: Checkout, text: str, agents: Mapping[str, Work], **more: Any) -> RunResult:
    return stomper_sdk.run(text, repo=repo.root, agents=agents, **more)


def told(result: RunResult, path: str = "a.txt") -> list[tuple[str, str]]:
    file = next(file for file in result.files if file.path == path)
    return [(attempt.agent, attempt.outcome) for attempt in file.attempts]


def test_each_agent_fixes_what_it_can_and_the_result_tells_by_whom(make_checkout: Make) -> None:
    repo = make_checkout(MIXED)
    agents = {
        "free": curing("BADA"),
        "cheap": curing("BADB", tokens_in=100, tokens_out=20, cost_usd=0.01),
        "strong": curing("BADC", tokens_in=1000, tokens_out=200, cost_usd=0.5),
    }
    result = run(repo, pipeline(free="", cheap="", strong=""), agents)
    assert result.exit_code == 0
    assert repo.shown("HEAD", "a.txt") == "fine\n"
    assert told(result) == [("free", "partial"), ("cheap", "partial"), ("strong", "fixed")]
    assert [(tier.agent, tier.tried, tier.fixed) for tier in result.tiers] == [
        ("free", 4, 2),
        ("cheap", 2, 1),
        ("strong", 1, 1),
    ]
    strong = result.to_dict()["tiers"][2]
    assert strong["usage"] == {"tokens_in": 1000, "tokens_out": 200, "cost_usd": 0.5}
    assert [(code["code"], code["fixed"], code["cost_usd"]) for code in strong["codes"]] == [("BADC", 1, 0.5)]
    cheap = {
        code["code"]: (code["tried"], code["fixed"], code["tokens"])
        for code in result.to_dict()["tiers"][1]["codes"]
    }
    assert cheap == {"BADB": (1, 1, 60.0), "BADC": (1, 0, 60.0)}


def test_who_takes_over_from_one_that_failed_comes_after_it_in_the_result(make_checkout: Make) -> None:
    result = run(
        make_checkout(MIXED),
        pipeline(model="", builtin=""),
        {"model": failing("error"), "builtin": curing("BADA", "BADB", "BADC")},
    )
    assert told(result) == [("model", "agent_error"), ("builtin", "fixed")]
    assert [tier.agent for tier in result.tiers] == ["model", "builtin"]


def test_an_agent_is_asked_only_about_what_it_is_for(make_checkout: Make) -> None:
    repo, first, second = make_checkout(MIXED), list[tuple[str, ...]](), list[tuple[str, ...]]()
    agents = {
        "letters": curing("BADA", "BADB", seen=first),
        "rest": curing("BADA", "BADB", "BADC", seen=second),
    }
    text = pipeline(letters=", when: {codes: ['BAD[AB]']}", rest="")
    result = run(repo, text, agents)
    assert result.exit_code == 0
    assert (first, second) == ([("BADA", "BADB", "BADA")], [("BADC",)])


def test_an_agent_whose_findings_are_too_many_is_passed_over(make_checkout: Make) -> None:
    repo = make_checkout({**MIXED, "b.txt": "BADA\n"})
    agents = {"small": curing("BADA"), "large": curing("BADA", "BADB", "BADC")}
    result = run(repo, pipeline(small=", when: {max_findings: 2}", large=""), agents)
    assert result.exit_code == 0
    assert told(result, "a.txt") == [("large", "fixed")]
    assert told(result, "b.txt") == [("small", "fixed")]


def test_findings_for_which_nobody_is_are_left_and_told(make_checkout: Make) -> None:
    repo = make_checkout(MIXED)
    result = run(repo, pipeline(only=", when: {codes: [E501]}"), {"only": curing("BADA")})
    assert (result.exit_code, result.files[0].outcome) == (1, "unfixed")
    assert "no agent for these findings" in str(result.files[0].reason)


def test_a_check_that_there_is_not_is_refused_with_the_nearest(make_checkout: Make) -> None:
    repo = make_checkout(MIXED)
    with pytest.raises(
        PipelineError, match=r"agents\.only\.when\.checks\[0\].*'wrods'.*did you mean 'words'"
    ):
        run(repo, pipeline(only=", when: {checks: [wrods]}"), {"only": curing("BADA")})


@pytest.mark.parametrize(
    ("processing", "asked"),
    [
        ("strategy: batch", [("BADA", "BADB", "BADA", "BADC")]),
        ("max_findings_per_attempt: 3", [("BADA", "BADB", "BADA"), ("BADC",)]),
        ("strategy: one_code_at_a_time", [("BADA", "BADA"), ("BADB",), ("BADC",)]),
        ("strategy: one_finding_at_a_time", [("BADA",), ("BADB",), ("BADA",), ("BADC",)]),
        (
            "strategy: one_code_at_a_time, max_findings_per_attempt: 1",
            [("BADA",), ("BADB",), ("BADA",), ("BADC",)],
        ),
    ],
)
@pytest.mark.parametrize("start_from", ["best", "clean"])
def test_a_file_is_worked_on_by_portions(
    make_checkout: Make, processing: str, asked: list[tuple[str, ...]], start_from: str
) -> None:
    repo, seen = make_checkout(MIXED), list[tuple[str, ...]]()
    text = pipeline(main="") + f"processing: {{{processing}}}\n"
    text += f"retry: {{start_from: {start_from}}}\n"
    result = run(repo, text, {"main": curing("BADA", "BADB", "BADC", seen=seen)})
    assert seen == asked
    assert (result.exit_code, repo.shown("HEAD", "a.txt")) == (0, "fine\n")
    assert repo.subjects[1:] == [repo.subjects[1]], "one commit"
    assert sum(tier.fixed for tier in result.tiers) == result.files[0].fixed_count == 4


def test_each_portion_has_the_attempts_of_the_policy_and_what_it_came_to_is_kept(make_checkout: Make) -> None:
    repo, seen = make_checkout(MIXED), list[tuple[str, ...]]()
    text = pipeline(main="") + "processing: {strategy: one_code_at_a_time}\nretry: {max_attempts: 2}\n"
    result = run(repo, text, {"main": curing("BADA", "BADC", seen=seen)})
    assert seen == [("BADA", "BADA"), ("BADB",), ("BADB",), ("BADC",)]
    assert repo.shown("HEAD", "a.txt") == "fine\nBADB two\n"
    assert (result.exit_code, result.files[0].outcome) == (1, "partial")


def test_where_all_must_be_fixed_a_part_is_not_committed_and_yet_built_on(make_checkout: Make) -> None:
    repo = make_checkout(MIXED)
    agents = {"one": curing("BADA", "BADB"), "two": curing("BADC")}
    assert run(repo, pipeline(one="", two="") + "accept: all\n", agents).exit_code == 0
    other = make_checkout(MIXED, "other")
    result = run(other, pipeline(one="") + "accept: all\n", {"one": curing("BADA")})
    assert (result.files[0].outcome, other.subjects) == ("unfixed", ["start"])
    assert [tier.fixed for tier in result.tiers] == [0]


@pytest.mark.parametrize("failure", ["quota", "auth"])
def test_an_agent_out_of_quota_is_asked_once_and_the_run_stops_to_be_resumed(
    make_checkout: Make, failure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout({f"f{number:02}.txt": "BADA\n" for number in range(12)})
    text = pipeline(main="") + "parallelism: {max_parallel_files: 1}\n"
    result = run(repo, text, {"main": failing(failure, tokens_in=7)})
    assert (result.status, result.exit_code) == ("stopped", 4)
    assert {file.outcome for file in result.files} == {"cancelled"}
    assert sum(len(file.attempts) for file in result.files) == 1
    assert result.tiers[0].usage.tokens_in == 7
    assert any("the account is empty" in notice and "--resume" in notice for notice in result.notices)
    assert (repo.subjects, repo.status, repo.leftovers()) == (["start"], "", [])
    again = run(repo, text, {"main": curing("BADA", tokens_in=1)}, resume="last")
    assert (again.exit_code, len(again.files), len(repo.subjects)) == (0, 12, 13)
    assert again.tiers[0].usage.tokens_in == again.spent.tokens_in == 7 + 12
    assert [attempt.failure for attempt in again.files[0].attempts] == [failure, None]


def test_the_next_agent_takes_over_and_the_one_out_of_quota_is_not_asked_again(make_checkout: Make) -> None:
    repo = make_checkout({f"f{number}.txt": "BADA\n" for number in range(6)})
    text = pipeline(main="", spare="") + "parallelism: {max_parallel_files: 1}\n"
    result = run(repo, text, {"main": failing("quota"), "spare": curing("BADA")})
    assert (result.status, result.exit_code) == ("completed", 0)
    assert [(tier.agent, tier.attempts) for tier in result.tiers] == [("main", 1), ("spare", 6)]


def test_files_that_need_no_more_than_the_first_agent_still_end_when_the_last_one_is_gone(
    make_checkout: Make,
) -> None:
    repo = make_checkout({"a.txt": "BADA\nBADB\n", "b.txt": "BADA\n", "c.txt": "BADB\n", "d.txt": "BADA\n"})
    text = pipeline(free="", paid="") + "parallelism: {max_parallel_files: 1}\n"
    result = run(repo, text, {"free": curing("BADA"), "paid": failing("auth")})
    assert [file.outcome for file in result.files] == ["partial", "fixed", "cancelled", "fixed"]
    assert (result.status, result.exit_code) == ("stopped", 4)
    assert sum(attempt.agent == "paid" for file in result.files for attempt in file.attempts) == 1
    assert (repo.shown("HEAD", "a.txt"), repo.status) == ("BADB\n", "")
    assert "the account is empty" in str(result.files[0].reason)


def test_what_a_failed_agent_was_not_asked_about_the_next_one_is(make_checkout: Make) -> None:
    repo, seen = make_checkout(MIXED), list[tuple[str, ...]]()
    text = pipeline(narrow=", when: {codes: [BADA]}", wide="")
    agents = {"narrow": failing("error"), "wide": curing("BADA", "BADB", "BADC", seen=seen)}
    result = run(repo, text, agents)
    assert (result.exit_code, seen) == (0, [("BADA", "BADB", "BADA", "BADC")])
    narrow, wide = result.files[0].attempts
    assert (narrow.failure, wide.failure) == ("error", None)
    assert "BADC" in wide.prompt
    assert "BADC" not in narrow.prompt.partition("```")[0]


def test_the_command_tells_how_to_go_on_with_a_stopped_run(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout({"a.txt": "BADA\n", "b.txt": "BADA\n"})
    repo.write({"agents_of_mine.py": OUT_OF_QUOTA})
    repo.write({"p.yaml": pipeline(main="").replace("x:y", "agents_of_mine:ask")})
    repo.commit()
    monkeypatch.chdir(repo.root)
    assert main(["run", "p.yaml", "--no-progress"]) == 4
    said = capsys.readouterr().err
    assert "stomper-sdk run --resume stomper-" in said


def test_the_cascade_begins_where_most_was_learned_to_be_fixed(make_checkout: Make) -> None:
    repo = make_checkout({f"f{number:02}.txt": "BADA\nBADB\n" for number in range(24)})
    text = pipeline(useless="", good="").replace('"good"]', '"good"], order: learned')
    text += "retry: {max_attempts: 2}\n"
    agents = {"useless": curing("BADX"), "good": curing("BADA", "BADB")}
    told = run(repo, text, agents)
    guesses = [str(attempt.why) for file in told.files for attempt in file.attempts if attempt.round == 1]
    assert all(why.startswith("nothing is learned yet, so ") for why in guesses)
    repo.commit({f"f{number:02}.txt": "BADA\nBADB\n" for number in range(24)})
    result = run(repo, text, agents)
    first = [file.attempts[0] for file in result.files]
    assert sum(attempt.agent == "good" for attempt in first) >= 20
    assert all("expected" in str(attempt.why) for attempt in first)
    assert (result.exit_code, repo.leftovers()) == (0, [])


def test_an_order_that_there_is_not_is_refused(make_checkout: Make) -> None:
    repo = make_checkout(MIXED)
    text = pipeline(main="").replace('"main"]', '"main"], order: learnt')
    with pytest.raises(PipelineError, match=r"order: .*'learnt'.*'learned'"):
        run(repo, text, {"main": curing("BADA")})
