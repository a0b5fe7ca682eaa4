"""The agent that answers from a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from stomper_sdk.agents.base import AgentReply, AgentTask
from stomper_sdk.agents.scripted import ScriptedAgent
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.options import build

MakeTask = Callable[..., AgentTask]


def agent(replies: Any, **options: object) -> ScriptedAgent:
    made = build(ScriptedAgent, "mine", {"replies": replies, **options}, "agents.mine")
    assert isinstance(made, ScriptedAgent)
    return made


@pytest.mark.trio
async def test_each_attempt_has_its_reply_and_the_last_one_repeats(make_task: MakeTask) -> None:
    mine = agent([{"text": "first"}, {"text": "second", "tokens_in": 1, "tokens_out": 2, "cost_usd": 0.5}])
    said = [await mine.edit(make_task(attempt=attempt)) for attempt in (1, 2, 3)]
    second = AgentReply("second", tokens_in=1, tokens_out=2, cost_usd=0.5)
    assert said == [AgentReply("first"), second, second]


@pytest.mark.trio
async def test_the_first_glob_that_matches_the_path_decides(make_task: MakeTask) -> None:
    mine = agent({"src/**": [{"text": "src"}], "*.py": [{"text": "python"}]})
    texts = []
    for path in ("src/a.py", "lib/b.py", "c.py"):
        reply = await mine.edit(make_task(path=path))
        assert reply is not None
        texts.append(reply.text)
    assert texts == ["src", "python", "python"]
    with pytest.raises(AgentError, match=r"no reply for d\.txt"):
        await mine.edit(make_task(path="d.txt"))


@pytest.mark.trio
async def test_edits_writes_and_deletions(make_task: MakeTask) -> None:
    task = make_task(files={"a.py": "x = 1\r\nx = 1\r\nx = 1\r\n", "b.py": "b", "gone.py": ""})
    edits = [{"find": "x = 1", "replace": "y", "count": 2}, {"path": "b.py", "find": "b", "replace": "ü"}]
    await agent([{"edits": edits, "write": {"new/c.py": "c\r\n"}, "delete": ["gone.py"]}]).edit(task)
    contents = {name: (task.workspace / name).read_bytes() for name in ("a.py", "b.py", "new/c.py")}
    assert contents == {"a.py": b"y\r\ny\r\nx = 1\r\n", "b.py": "ü".encode(), "new/c.py": b"c\r\n"}
    assert not (task.workspace / "gone.py").exists()


@pytest.mark.trio
async def test_an_edit_that_does_not_fit_is_an_error(make_task: MakeTask) -> None:
    task = make_task()
    with pytest.raises(AgentError, match=r"a\.py does not contain 'import json'"):
        await agent([{"edits": [{"find": "import json", "replace": ""}]}]).edit(task)
    with pytest.raises(AgentError, match="No such file"):
        await agent([{"delete": ["b.py"]}]).edit(task)


@pytest.mark.trio
async def test_a_reply_may_fail_after_it_has_edited(make_task: MakeTask) -> None:
    task = make_task()
    with pytest.raises(AgentError, match="agent mine: the model is overloaded"):
        await agent([{"write": {"half.py": ""}, "error": "the model is overloaded"}]).edit(task)
    assert (task.workspace / "half.py").exists()


@pytest.mark.trio
async def test_links_do_not_lead_out_of_the_workspace(make_task: MakeTask) -> None:
    task = make_task()
    outside = task.workspace.parent / "outside.py"
    outside.write_text("import os\n")
    (task.workspace / "link.py").symlink_to(outside)
    (task.workspace / "up").symlink_to(task.workspace.parent)
    for reply in (
        {"edits": [{"path": "link.py", "find": "import os", "replace": ""}]},
        {"write": {"link.py": ""}},
        {"write": {"up/new.py": ""}},
        {"delete": ["up/outside.py"]},
    ):
        with pytest.raises(AgentError, match="leads out of the workspace"):
            await agent([reply]).edit(task)
    assert outside.read_text() == "import os\n"
    assert not (task.workspace.parent / "new.py").exists()


@pytest.mark.trio
async def test_delays_and_the_time_limit(make_task: MakeTask, autojump_clock: trio.testing.MockClock) -> None:
    task, started = make_task(), trio.current_time()
    await agent([{"delay": "1h"}], timeout="2h").edit(task)
    assert trio.current_time() - started == pytest.approx(3600)
    with pytest.raises(AgentError, match="time limit of 60 s"):
        await agent([{"delay": "1h"}], timeout="1m").edit(task)
    with trio.move_on_after(5) as scope:
        await agent([{"delay": "1h"}]).edit(attrs.evolve(task, attempt=2))
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ([], "expected replies to be a list of replies, not empty"),
        ({}, "a reply at least"),
        ("text", "replies to be a list"),
        ({"*.py": []}, "replies.*.py to be a list of replies, not empty"),
        (["text"], "replies[0] to be a mapping with edits, write"),
        ([{"edit": []}], "got 'edit' (did you mean 'edits'?)"),
        ([{}, {"edits": [{"find": "a"}]}], "replies[1].edits[0] to have 'replace'"),
        ([{"edits": [{"find": "", "replace": "a"}]}], "replies[0].edits[0].find not to be empty"),
        ([{"edits": [{"find": "a", "replace": "b", "count": 0}]}], "count to be at least 1"),
        ([{"write": {"../a.py": ""}}], "to be a path inside the workspace, got '../a.py'"),
        ([{"delete": ["/etc/passwd"]}], "replies[0].delete[0] to be a path inside the workspace"),
        ([{"edits": [{"path": "a/../../b", "find": "a", "replace": "b"}]}], "a path inside the workspace"),
        ([{"delay": "soon"}], "replies[0].delay to be a duration such as 30s"),
        ([{"tokens_in": -1}], "tokens_in to be a whole number"),
        ([{"cost_usd": "free"}], "cost_usd to be a number"),
    ],
)
def test_wrong_replies_are_refused(replies: object, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        agent(replies)
    assert message in str(caught.value)
