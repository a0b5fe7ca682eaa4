"""The contract of agents, kept by all of ours and by one that is nobody's; broken ones are found out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from stomper_sdk.agents.base import Agent, AgentReply, AgentTask
from stomper_sdk.agents.command import CommandAgent
from stomper_sdk.agents.presets.codex import CodexAgent
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.agents.ruff_fix import RuffFixAgent
from stomper_sdk.agents.scripted import ScriptedAgent
from stomper_sdk.errors import AgentError
from stomper_sdk.model.finding import Finding
from stomper_sdk.testing import AgentContract, make_repository

SLOW = "import pathlib, sys, time; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text() + '# seen\\n')"


class TestRuffFix(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        return RuffFixAgent(name="builtin")


class TestCommand(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        return CommandAgent(name="sed", run=[sys.executable, "-c", SLOW, "{file}"])


class TestCommandThatSleeps(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        script = 'echo "# seen" >> $1; setsid sleep 0.4 & sleep 0.4'
        return CommandAgent(name="sh", run=["sh", "-c", script, "sh", "{file}"])


class TestTool(AgentContract):
    @pytest.fixture
    def agent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
        """One that starts another program in a session of its own, as such tools do."""
        stream = Path(__file__).with_name("streams") / "codex-fixed.out"
        program = tmp_path / "bin" / "codex"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "# seen" >> a.py; setsid sleep 0.4 & sleep 0.2; cat {stream}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return CodexAgent(name="tool")


def remove_import(task: AgentTask) -> AgentReply:
    file = task.workspace / task.path
    file.write_text(file.read_text().replace("import os\n", ""))
    return AgentReply("removed it")


class TestPlainFunction(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        return PythonAgent.of("function", remove_import)


class TestAsyncFunction(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        async def edit(task: AgentTask) -> None:
            await trio.sleep(0.05)
            remove_import(task)

        return PythonAgent.of("function", edit)


class TestScripted(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        replies = [{"edits": [{"find": "import os\n", "replace": ""}], "delay": "50ms"}]
        return ScriptedAgent(name="scripted", replies=replies)


@attrs.frozen
class OutsidersAgent:
    """As a third party writes one: no base class of ours."""

    name: str = "outsider"
    timeout: float = 5.0
    once: bool = False

    async def edit(self, task: AgentTask) -> AgentReply | None:
        file = trio.Path(task.workspace / task.path)
        try:
            await file.write_text("print('hello')\n")
        except OSError as error:
            raise AgentError(f"cannot write: {error}") from error
        return None


class TestOutsider(AgentContract):
    @pytest.fixture
    def agent(self) -> Agent:
        return OutsidersAgent()


def broken(edit: Callable[[AgentTask], object]) -> Agent:
    """An agent of an outsider that does something wrong."""

    class Broken(OutsidersAgent):
        async def edit(self, task: AgentTask) -> AgentReply | None:
            return edit(task)  # type: ignore[return-value]

    return Broken()


def write_here(task: AgentTask) -> None:
    Path(task.path).write_text("")


def write_beside(task: AgentTask) -> None:
    remove_import(task)
    (task.workspace.parent / "log.txt").write_text("")


def return_text(task: AgentTask) -> str:
    remove_import(task)
    return "done"


def do_nothing(task: AgentTask) -> None: ...


def edit_the_first_only(task: AgentTask) -> None:
    if task.workspace.name == "workspace":
        remove_import(task)


def leave_a_process(task: AgentTask) -> None:
    left.append(subprocess.Popen(["sleep", "60"], start_new_session=True))


left: list[subprocess.Popen[bytes]] = []
contract = AgentContract()


@pytest.mark.parametrize(
    ("edit", "test"),
    [
        (write_here, contract.test_it_edits_the_workspace_and_nothing_else),
        (write_beside, contract.test_it_edits_the_workspace_and_nothing_else),
        (return_text, contract.test_it_edits_the_workspace_and_nothing_else),
        (do_nothing, contract.test_it_edits_the_workspace_and_nothing_else),
        (remove_import, contract.test_its_errors_are_agent_errors),
        (edit_the_first_only, contract.test_it_works_in_two_workspaces_at_once),
        (leave_a_process, contract.test_it_can_be_cancelled_and_leaves_no_process),
    ],
)
def test_a_broken_agent_fails_the_contract(
    edit: Callable[[AgentTask], object],
    test: Callable[[Agent, AgentTask], None],
    tmp_path: Path,
) -> None:
    task = contract_task(tmp_path)
    with pytest.raises((AssertionError, OSError)):
        test(broken(edit), task)
    while left:
        with left.pop() as process:
            process.kill()


def contract_task(tmp_path: Path) -> AgentTask:
    workspace = make_repository(tmp_path / "workspace", {"a.py": "import os\n\nprint('hello')\n"})
    return AgentTask(workspace, "a.py", (Finding("ruff", "F401", "unused", "a.py", 1),), "Fix it.")


def test_an_agent_without_a_name_or_a_limit_fails_the_contract() -> None:
    for agent in (OutsidersAgent(name=""), OutsidersAgent(timeout=0)):
        with pytest.raises(AssertionError):
            contract.test_it_has_a_name_a_time_limit_and_says_whether_to_ask_once(agent)
