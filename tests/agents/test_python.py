"""A Python function as an agent."""

from __future__ import annotations

import contextvars
import reprlib
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from stomper_sdk.agents.base import AgentReply, AgentTask
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.options import build

MakeTask = Callable[..., AgentTask]
CODE = """
from stomper_sdk.agents.base import AgentReply

def fix(task):
    file = task.workspace / task.path
    file.write_text(file.read_text().replace("import os\\n", ""))
    return AgentReply("fixed", tokens_in=3)

class Fixer:
    def fix(self, task): ...

fixer = Fixer()
number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "users_agent.py").write_text(CODE)
    (tmp_path / "users_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "users_agent", raising=False)
    return "users_agent"


def agent(call: object) -> PythonAgent:
    made = build(PythonAgent, "mine", {"call": call}, "agents.mine")
    assert isinstance(made, PythonAgent)
    return made


@pytest.mark.trio
async def test_a_function_named_in_the_pipeline_edits_the_workspace(module: str, make_task: MakeTask) -> None:
    task = make_task()
    reply = await agent(f"{module}:fix").edit(task)
    assert reply == AgentReply("fixed", tokens_in=3)
    assert (task.workspace / "a.py").read_text() == "import sys\n\nprint(sys.argv)\n"
    assert await agent(f"{module}:fixer.fix").edit(task) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{}:fixx", "agents.mine.call: users_agent has no 'fixx' (did you mean 'fix'?)"),
        ("{}:fixer.fixx", "no 'fixx'"),
        ("{}:number", "is no function but int"),
        ("no_such_module:fix", "agents.mine.call: no_such_module cannot be imported: ModuleNotFoundError"),
        ("users_broken:fix", "ZeroDivisionError"),
        ("{}", "agents.mine.call: expected package.module:function"),
        (":fix", "expected package.module:function"),
        (3, "expected package.module:function"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused(module: str, call: object, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        agent(call.format(module) if isinstance(call, str) else call)
    assert message in str(caught.value)


@pytest.mark.trio
async def test_plain_functions_overlap(make_task: MakeTask) -> None:
    """All must be at work at once to pass the barrier; trio's own limit of threads is 40."""
    barrier = threading.Barrier(50)

    def meet(task: AgentTask) -> None:
        barrier.wait(20)

    meeting = PythonAgent.of("meeting", meet)
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(meeting.edit, make_task())
    assert not barrier.broken


@pytest.mark.trio
async def test_a_function_sees_the_context_of_its_caller(make_task: MakeTask) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    reply = await PythonAgent.of("mine", lambda task: AgentReply(variable.get())).edit(make_task())
    assert reply == AgentReply("set")


@pytest.mark.trio
async def test_async_functions_are_awaited_however_they_are_made(make_task: MakeTask) -> None:
    async def edit(task: AgentTask, text: str = "plain") -> AgentReply:
        await trio.lowlevel.checkpoint()
        return AgentReply(text)

    class Caller:
        async def __call__(self, task: AgentTask) -> AgentReply:
            return await edit(task, "object")

    made = {"plain": edit, "partial": partial(edit, text="partial"), "object": Caller()}
    made["wrapped"] = lambda task: edit(task, "wrapped")  # type: ignore[assignment]
    for text, function in made.items():
        assert await PythonAgent.of("mine", function).edit(make_task()) == AgentReply(text)


@pytest.mark.trio
@pytest.mark.parametrize(
    "wrong",
    ["done", 3, (None,), AgentReply(5), AgentReply(model=7), AgentReply(agent_session=b"x")],  # type: ignore[arg-type]
)
async def test_what_is_no_reply_is_refused(wrong: object, make_task: MakeTask) -> None:
    with pytest.raises(AgentError) as caught:
        await PythonAgent.of("mine", lambda task: wrong).edit(make_task())  # type: ignore[arg-type,return-value]
    assert reprlib.repr(wrong) in str(caught.value) and "AgentReply, or None" in caught.value.hint


def fails(task: AgentTask) -> None:
    (task.workspace / "missing").read_text()


async def fails_later(task: AgentTask) -> None:
    async with trio.open_nursery():
        raise KeyError("name")


def leaves(task: AgentTask) -> None:
    sys.exit("no key")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("function", "shown"),
    [(fails, "FileNotFoundError"), (fails_later, "KeyError"), (leaves, "SystemExit: no key")],
)
async def test_an_exception_is_an_agent_error_with_its_place(
    function: Callable[[AgentTask], None], shown: str, make_task: MakeTask
) -> None:
    with pytest.raises(AgentError) as caught:
        await PythonAgent.of("mine", function).edit(make_task())
    first = function.__code__.co_firstlineno
    places = [f"test_python.py:{first + offset}, in {function.__name__}" for offset in (1, 2)]
    assert shown in str(caught.value)
    assert any(place in str(caught.value) for place in places), str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.trio
async def test_an_agent_error_passes_as_it_is(make_task: MakeTask) -> None:
    def refuse(task: AgentTask) -> None:
        raise AgentError("quota used up", "Wait an hour.")

    with pytest.raises(AgentError, match=r"^quota used up"):
        await PythonAgent.of("mine", refuse).edit(make_task())


@pytest.mark.trio
async def test_slow_functions_are_given_up_at_the_time_limit(make_task: MakeTask) -> None:
    async def slow(task: AgentTask) -> None:
        await trio.sleep(60)

    asked_to_end = threading.Event()
    for function in (slow, lambda task: asked_to_end.wait()):
        with pytest.raises(AgentError, match=r"time limit of 0\.1 s"):
            await PythonAgent.of("mine", function, timeout=0.1).edit(make_task())
    asked_to_end.set()
