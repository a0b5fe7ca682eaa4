"""Runs under a budget: what cannot be paid is not begun, what is at work is kept, the rest can be resumed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask, RunResult, Usage
from stomper_sdk.cli import main
from stomper_sdk.errors import PipelineError

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {
    **{f"{number:02}.py": "import os\n" for number in range(24)},
    "ruff.toml": 'lint.select = ["F"]\n',
}
PIPELINE = """
version: 1
extends: default
agents: {builtin: {use: ruff-fix}}
test_validation: {mode: none}
"""


@attrs.define
class Spender:
    """Removes the unused import, as an agent that uses so many tokens for each file.

    It answers once so many are at work `together`.
    """

    name: str = "builtin"
    timeout: float = 60.0
    once: bool = False
    uses: Callable[[AgentTask], int] = lambda task: 1000
    together: int = 1
    asked: list[str] = attrs.field(factory=list)
    spent: int = 0
    now: int = 0
    peak: int = 0

    async def edit(self, task: AgentTask) -> AgentReply:
        self.asked.append(task.path)
        self.now += 1
        self.peak = max(self.peak, self.now)
        with trio.move_on_after(30):
            while self.peak < self.together:
                await trio.sleep(0.01)
        self.now -= 1
        (task.workspace / task.path).write_text("")
        tokens = self.uses(task)
        self.spent += tokens
        return AgentReply(tokens_in=tokens - 100, tokens_out=100, cost_usd=tokens / 10_000)


@attrs.define
class Forteller(Spender):
    """The same, and it says beforehand what it may use at most."""

    says: int = 1000

    def at_most(self, task: AgentTask) -> Usage:
        return Usage(self.says - 100, 100)


def run(repo: Checkout, agent: Spender, budget: Mapping[str, object], **asked: Any) -> RunResult:
    overrides = {"parallelism.max_parallel_files": 16, "budget": budget}
    given = {"pipeline": PIPELINE, "agents": {"builtin": agent}, **asked}
    return stomper_sdk.run(repo=repo.root, overrides=overrides, **given)


def test_what_cannot_be_paid_is_not_begun_and_a_larger_budget_goes_on(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo, agent = make_checkout(FILES), Forteller()
    result = run(repo, agent, {"tokens": 10_500})
    assert (result.status, result.exit_code) == ("stopped", 4)
    assert agent.spent == 10_000
    assert result.count("fixed") == 10
    assert len(repo.subjects) == 11
    (reason, *others) = {file.reason for file in result.files if file.outcome == "cancelled"}
    assert "an attempt of builtin may use 1,000 tokens, and budget.tokens has 500 tokens left" in reason
    assert len(others) <= 1
    assert result.spent.tokens == 10_000
    assert f"run --resume {result.session_id} --set budget.tokens=MORE" in result.notices[-1]
    assert repo.leftovers() == []

    same = run(repo, agent, {"tokens": 10_000}, resume=result.session_id)
    assert (same.status, same.exit_code) == ("stopped", 4)
    assert agent.spent == 10_000, "a budget that is used up asks nobody"
    assert same.count("cancelled") == 14

    more = run(repo, agent, {"tokens": 30_000}, resume=result.session_id)
    assert (more.status, more.exit_code) == ("completed", 0)
    assert more.count("fixed") == 24
    assert sorted(agent.asked) == sorted(FILES)[:24], "nobody was asked twice"
    assert more.spent.tokens == 24_000
    assert more.spent.cost_usd == pytest.approx(2.4)


@pytest.mark.parametrize("agent", [Spender(), Forteller(says=600)], ids=["unsaid", "too little"])
def test_sixteen_at_once_overrun_by_one_attempts_error_at_most(
    agent: Spender, make_checkout: Callable[..., Checkout]
) -> None:
    repo, sizes = make_checkout(FILES), random.Random(5)
    agent.uses = lambda task: sizes.randint(600, 1200)
    result = run(repo, agent, {"tokens": 12_000})
    assert result.exit_code == 4
    assert 12_000 - 1200 < agent.spent <= 12_000 + 600
    assert result.spent.tokens == agent.spent
    assert len(agent.asked) == result.count("fixed")


def test_sixteen_are_at_work_where_the_budget_is_ample(make_checkout: Callable[..., Checkout]) -> None:
    agent = Forteller(together=16)
    result = run(make_checkout(FILES), agent, {"tokens": 10**6})
    assert (result.exit_code, result.count("fixed")) == (0, 24)
    assert agent.peak == 16


TWO = {"a.py": "import os\nprint(undefined)\n", "b.py": "import os\nprint(undefined)\n"}


def test_a_file_that_has_something_to_commit_keeps_it_when_the_money_is_gone(
    make_checkout: Callable[..., Checkout],
) -> None:
    """The first attempt fixes one of two findings, and there is nothing for a second one."""
    repo, agent = make_checkout({**TWO, "ruff.toml": FILES["ruff.toml"]}), Forteller()

    async def edit(task: AgentTask) -> AgentReply:
        await Spender.edit(agent, task)
        (task.workspace / task.path).write_text("print(undefined)\n")
        return AgentReply(tokens_in=900, tokens_out=100)

    budget = {"tokens": 1500}
    result = run(repo, agent=_with(agent, edit), budget=budget)
    assert result.exit_code == 4
    kept = next(file for file in result.files if file.commit)
    assert (kept.outcome, len(kept.attempts)) == ("partial", 1)
    assert kept.reason == (
        "1 finding left; an attempt of builtin may use 1,000 tokens, and budget.tokens has 500 tokens left"
    )
    assert repo.read(kept.path) == "print(undefined)\n"
    assert [file.outcome for file in result.files if file is not kept] == ["cancelled"]


def test_a_file_that_has_used_its_own_budget_ends_and_the_run_goes_on(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo, agent = make_checkout({**TWO, "c.py": "import os\n", "ruff.toml": FILES["ruff.toml"]}), Spender()

    async def edit(task: AgentTask) -> AgentReply:
        await Spender.edit(agent, task)
        mended = TWO["b.py"] if task.path == "b.py" else "print(undefined)\n"
        (task.workspace / task.path).write_text(mended)
        return AgentReply(tokens_in=900, tokens_out=100)

    budget = {"per_file": {"tokens": 1900}}
    result = run(repo, _with(agent, edit), budget)
    assert (result.status, result.exit_code) == ("completed", 1)
    ends = {file.path: (file.outcome, len(file.attempts), file.reason) for file in result.files}
    why = "an attempt of builtin may use 1,000 tokens, and budget.per_file.tokens has 900 tokens left"
    assert ends == {
        "a.py": ("partial", 1, f"1 finding left; {why}"),
        "b.py": ("unfixed", 1, why),
        "c.py": ("unfixed", 1, why),
    }


def _with(agent: Spender, edit: Callable[[AgentTask], Any]) -> Any:
    """The agent with another way to edit."""

    class Changed(type(agent)):  # type: ignore[misc]
        async def edit(self, task: AgentTask) -> AgentReply:
            return await edit(task)

    return Changed()


def test_when_the_time_is_up_those_at_work_end_and_no_file_begins(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo, clock = make_checkout(FILES), {"now": 0.0}

    def slow(task: AgentTask) -> int:
        clock["now"] = 61.0
        return 1000

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stomper_sdk.api.starting._clock", lambda: lambda: clock["now"])
        agent = Spender(uses=slow)
        result = run(repo, agent, {"time": "1m"})
    assert (result.status, result.exit_code) == ("stopped", 4)
    fixed = [file for file in result.files if file.outcome == "fixed"]
    assert {file.path for file in fixed} == set(agent.asked)
    assert 0 < len(fixed) < 24
    reasons = {file.reason for file in result.files if file.outcome == "cancelled"}
    assert all("budget.time of 1:00 min is used up" in reason for reason in reasons)
    assert "--set budget.time=MORE" in result.notices[-1]
    again = run(repo, Spender(), {"time": "1m"}, resume=result.session_id)
    assert again.exit_code == 4, "the time of the earlier part counts"


COSTLY = """
version: 1
extends: default
agents:
  builtin:
    use: scripted
    replies: [{edits: [{find: "import os", replace: ""}], tokens_in: 1000, tokens_out: 100, cost_usd: 9.0}]
    PRICE
test_validation: {mode: none}
budget: {cost_usd: 0.01}
"""


@pytest.mark.parametrize(
    ("price", "fixed", "cost"),
    [
        ("price: {input: 1, output: 10}", 5, "$0.01"),
        ("price: reported", 1, "$9.00"),
        ("price: 0", 24, "$0.00"),
    ],
)
def test_the_command_tells_what_was_spent(
    price: str,
    fixed: int,
    cost: str,
    make_checkout: Callable[..., Checkout],
    capsys: pytest.CaptureFixture[str],
) -> None:
    repo = make_checkout(FILES)
    repo.write({".stomper/pipeline.yaml": COSTLY.replace("PRICE", price)})
    place = ["--repo", str(repo.root)]
    done = main(["run", str(repo.root / ".stomper/pipeline.yaml"), *place, "--no-progress"])
    assert done == (0 if fixed == 24 else 4)
    told = capsys.readouterr()
    assert f"{fixed * 1100:,} tokens, {cost}" in told.out + told.err
    assert main(["runs", "show", *place]) == 0
    shown = capsys.readouterr().out
    assert f"{fixed} fixed" in shown
    assert f"spent     {fixed * 1100:,} tokens, {cost}" in shown
    assert main(["runs", "show", "--output", "json", *place]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["spent"]["tokens_in"] == fixed * 1000
    if fixed < 24:
        more = ["run", "--resume", "last", "--set", "budget.cost_usd=500", *place, "--no-progress"]
        assert main(more) == 0
        capsys.readouterr()
        assert main(["runs", "show", "--output", "json", *place]) == 0
        assert json.loads(capsys.readouterr().out)["spent"]["tokens_out"] == 2400


def test_nothing_is_said_of_what_nobody_told(make_checkout: Callable[..., Checkout]) -> None:
    result = stomper_sdk.run(PIPELINE, repo=make_checkout(FILES).root)
    assert result.exit_code == 0
    assert set(result.to_dict()["spent"].values()) == {None, 0}
    assert "spent" not in stomper_sdk.reports.result_text(result)


def test_an_unknown_price_is_refused_before_the_run(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    with pytest.raises(PipelineError) as refused:
        stomper_sdk.run(COSTLY.replace("    PRICE\n", ""), repo=repo.root)
    assert "<text>:5:3: agents.builtin.price: a budget in cost_usd needs to know what it costs" in str(
        refused.value
    )
    free = stomper_sdk.run(PIPELINE, repo=repo.root, overrides={"budget": {"cost_usd": 0}})
    assert free.exit_code == 0, "an agent without a model costs nothing"


def test_what_a_killed_run_had_spent_is_not_forgotten(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    repo.write({".stomper/pipeline.yaml": COSTLY.replace("PRICE", "price: {input: 1, output: 10}")})
    command = [sys.executable, "-m", "stomper_sdk", "run", str(repo.root / ".stomper/pipeline.yaml")]
    place = ["--repo", str(repo.root), "--no-progress"]
    env = {**os.environ, "STOMPER_FAULTS": "spent:3=kill"}
    died = subprocess.run([*command, *place], env=env, capture_output=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    (journal,) = (repo.root / ".stomper" / "sessions").glob("*/journal")
    before = journal.read_text().count('["Spent"')
    result = stomper_sdk.run(repo=repo.root, resume="last")
    assert result.exit_code == 4
    assert result.spent.tokens == 5 * 1100
    assert sum(len(file.attempts) for file in result.files) <= 5
    assert before >= 3


def test_a_plan_tells_what_past_runs_let_expect(
    make_checkout: Callable[..., Checkout], capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout(FILES)
    repo.write({".stomper/pipeline.yaml": COSTLY.replace("PRICE", "price: {input: 1, output: 10}")})
    asked = [str(repo.root / ".stomper/pipeline.yaml"), "--repo", str(repo.root), "--no-progress"]
    assert main(["plan", *asked]) == 0
    assert "forecast  none: too little was learned yet" in "".join(capsys.readouterr())
    assert main(["run", *asked, "--set", "budget.cost_usd=100"]) == 0
    repo.commit({name: text for name, text in FILES.items() if name < "08.py"})
    capsys.readouterr()
    assert main(["run", "--dry-run", *asked]) == 0
    told = " ".join("".join(capsys.readouterr()).split())
    assert "forecast 8 attempts, 8,800 tokens, $0.016, " in told
    assert "(from 24 attempts)" in told
    assert main(["plan", "--output", "json", *asked]) == 0
    forecast = json.loads(capsys.readouterr().out)["forecast"]
    assert forecast["tokens"] == {"low": 8800, "high": 8800}
    assert forecast["learned"] == 24


def test_what_agents_used_in_past_runs_is_known_to_the_next(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    assert run(repo, Spender(), {}).exit_code == 0
    repo.commit(FILES)
    agent = Spender()
    result = run(repo, agent, {"tokens": 900})
    assert (result.exit_code, agent.asked) == (4, [])
    agent = Spender(together=6)
    assert run(repo, agent, {"tokens": 40_000}).exit_code == 0
    assert agent.peak >= 6, "nobody has to begin alone"


def test_a_full_disk_when_something_was_spent_is_said(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    repo.write({".stomper/pipeline.yaml": COSTLY.replace("PRICE", "price: 0")})
    command = [sys.executable, "-m", "stomper_sdk", "run", str(repo.root / ".stomper/pipeline.yaml")]
    place = ["--repo", str(repo.root), "--no-progress"]
    env = {**os.environ, "STOMPER_FAULTS": "spent:3=raise"}
    full = subprocess.run(
        [*command, *place], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert full.returncode == 3
    assert "No space left on device" in full.stderr
    assert "bug" not in full.stderr
    assert repo.leftovers() == []
    assert stomper_sdk.run(repo=repo.root, resume="last").exit_code == 0


def test_an_agent_that_tells_nothing_stops_the_run_until_it_is_said_to_cost_nothing(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo = make_checkout(FILES)
    edit = ["sed", "-i", "/^import os$/d", "{file}"]
    agents = {"builtin": {"use": "command", "run": edit, "prompt": "none"}}
    file = repo.root / ".stomper" / "pipeline.yaml"
    body = {"version": 1, "extends": "default", "agents": agents, "test_validation": {"mode": "none"}}
    repo.write({".stomper/pipeline.yaml": json.dumps({**body, "budget": {"tokens": 1000}})})
    result = stomper_sdk.run(file, repo=repo.root)
    assert (result.exit_code, result.count("fixed")) == (4, 1)
    assert "agent builtin does not tell how many tokens it uses" in result.notices[-1]
    assert "say agents.builtin.price: 0 if it uses no model. Go on with: " in result.notices[-1]
    said = {"agents.builtin.price": 0}
    more = stomper_sdk.run(repo=repo.root, resume="last", overrides=said)
    assert (more.exit_code, more.count("fixed")) == (0, 24)
    assert more.spent.tokens is None


@pytest.mark.parametrize("told", [float("nan"), float("inf"), -1000, 10**400])
@pytest.mark.parametrize("limit", ["tokens", "cost_usd"])
def test_what_nobody_can_have_used_holds_no_budget(
    told: Any, limit: str, make_checkout: Callable[..., Checkout]
) -> None:
    """It is as if nothing were told: the run stops with words, and neither waits for ever nor overdraws."""
    checkout = make_checkout(FILES)

    def agent(task: AgentTask) -> AgentReply:
        (task.workspace / task.path).write_text("")
        return AgentReply(tokens_in=told, tokens_out=told, cost_usd=told)

    result = stomper_sdk.run(
        PIPELINE,
        repo=checkout.root,
        overrides={"budget": {limit: 10}, "agents.builtin.price": "reported"},
        agents={"builtin": agent},
    )
    assert (result.status, result.exit_code, result.count("fixed")) == ("stopped", 4, 1)
    assert (result.spent.tokens, result.spent.cost_usd) == (None, None)
    assert any(f"budget.{limit} cannot be kept" in (file.reason or "") for file in result.files)
