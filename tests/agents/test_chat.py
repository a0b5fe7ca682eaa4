"""The agent that asks a model and makes its edits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import trio
import trio.testing

from stomper_sdk.agents.base import Agent, AgentReply, AgentTask
from stomper_sdk.agents.chat import ChatAgent
from stomper_sdk.endpoint import Answer, Endpoint, Meter, Question
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.price import Usage
from stomper_sdk.options import build
from stomper_sdk.testing import AgentContract
from tests.model_server import ModelServer, Reply

MakeTask = Callable[..., AgentTask]
KEY = "sk-secret-0123456789"
BLOCK = "```\n<<<<<<< SEARCH\nimport os\n=======\n>>>>>>> REPLACE\n```\n"
FIX = f"Here:\n\n{BLOCK}"
ARROW = BLOCK.replace("=======\n", "=======\nx = '→'\n")


def agent(server: ModelServer | None = None, **options: Any) -> ChatAgent:
    address = {"base_url": f"{server.url}/v1"} if server else {}
    made = build(ChatAgent, "mine", {"model": "m", "api_key": KEY, **address, **options}, "agents.mine")
    assert isinstance(made, ChatAgent)
    return made


async def edit(task: AgentTask, answer: str | Reply, **options: Any) -> AgentReply:
    with ModelServer([answer if isinstance(answer, Reply) else Reply(answer)]) as server:
        reply = await agent(server, **options).edit(task)
    assert reply is not None
    return reply


async def refusal(task: AgentTask, answer: str | Reply, **options: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await edit(task, answer, **options)
    return caught.value


def asked(task: AgentTask, server: ModelServer) -> tuple[str, str]:
    """What the last question held: what is the same for all, and the rest."""
    system, user = server.requests[-1].texts
    return system, user


class TestChat(AgentContract):
    @pytest.fixture
    def agent(self) -> Iterator[Agent]:
        with ModelServer([Reply(FIX, delay=0.1)]) as server:
            yield agent(server)


async def test_it_makes_the_edits_and_says_what_they_took(make_task: MakeTask) -> None:
    task = make_task()
    reply = await edit(task, Reply(FIX, tokens_in=900, tokens_out=30, tokens_cached=800))
    assert (task.workspace / "a.py").read_text() == "import sys\n\nprint(sys.argv)\n"
    assert reply == AgentReply(FIX, 900, 30, None, 1, "m", None, 800)


@pytest.mark.parametrize(
    ("edit_format", "answer"),
    [
        ("whole-file", "a.py\n```python\nimport sys\n\nprint(sys.argv)\n```\n"),
        ("unified-diff", "```diff\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1 @@\n-import os\n import sys\n```\n"),
    ],
)
async def test_the_other_formats(edit_format: str, answer: str, make_task: MakeTask) -> None:
    task = make_task()
    await edit(task, answer, edit_format=edit_format)
    assert (task.workspace / "a.py").read_text() == "import sys\n\nprint(sys.argv)\n"


async def test_what_is_the_same_for_all_files_comes_first(make_task: MakeTask) -> None:
    one, other = make_task(), make_task({"b.py": "x = 1\n"}, path="b.py", prompt="Fix b.py.")
    with ModelServer([Reply(FIX), Reply(FIX.replace("import os", "x = 1"))]) as server:
        mine = agent(server, temperature=0.5)
        await mine.edit(one)
        first = asked(one, server)
        await mine.edit(other)
        second = asked(other, server)
    assert first[0] == second[0] and "<<<<<<< SEARCH" in first[0]
    assert (
        first[1] == "Fix a.py.\n\n## The file `a.py`\n\n```\nimport os\nimport sys\n\nprint(sys.argv)\n```\n"
    )
    assert server.requests[0].body["temperature"] == 0.5
    assert server.requests[0].body["max_tokens"] == 8192


async def test_a_file_that_the_prompt_holds_whole_is_not_told_twice(make_task: MakeTask) -> None:
    task = make_task(prompt="Fix it:\n```\nimport os\nimport sys\n\nprint(sys.argv)\n```")
    with ModelServer([Reply(FIX)]) as server:
        await agent(server).edit(task)
        assert asked(task, server)[1] == task.prompt + "\n"


async def test_of_a_long_file_the_head_and_what_is_around_findings_is_shown(make_task: MakeTask) -> None:
    lines = [f"x{number} = {number}  # a line of a long file" for number in range(1, 3001)]
    finding = Finding("ruff", "F841", "unused", "a.py", 2000, 1)
    task = make_task({"a.py": "\n".join(lines) + "\n"}, findings=(finding,))
    answer = "<<<<<<< SEARCH\n2000 | x2000 = 2000  # a line of a long file\n=======\n>>>>>>> REPLACE\n"
    with ModelServer([Reply(answer)]) as server:
        await agent(server, max_input_tokens=4000).edit(task)
        shown = asked(task, server)[1]
    for line in ("It has 3001 lines.", "   1 | x1 = 1 ", "2000 | x2000 = 2000 "):
        assert line in shown
    assert "1000 | " not in shown
    assert 6000 < len(shown) < 12_000
    assert (task.workspace / "a.py").read_text().splitlines() == [*lines[:1999], *lines[2000:]]


async def test_what_does_not_fit_is_refused_before_it_is_paid_for(make_task: MakeTask) -> None:
    with ModelServer([Reply(FIX)]) as server:
        with pytest.raises(AgentError, match=r"does not fit max_input_tokens \(500\)\nRaise it, or take a"):
            await agent(server, max_input_tokens=500).edit(make_task(prompt="word " * 1000))
        long = make_task({"a.py": "x = 1\n" * 2000})
        with pytest.raises(AgentError, match=r"the file of 4000 tokens is longer than an answer may be"):
            await agent(server, edit_format="whole-file", max_output_tokens=500).edit(long)
    assert server.requests == []


async def test_a_file_that_is_none_is_not_waited_for(make_task: MakeTask) -> None:
    os.mkfifo(make_task().workspace / "pipe.py")
    assert "pipe.py is not there, or no file" in (await refusal(make_task({}, path="pipe.py"), FIX)).message
    assert "b.py is not there, or no file" in (await refusal(make_task({}, path="b.py"), FIX)).message


async def test_of_a_file_that_is_long_and_has_no_lines_the_head_is_shown(make_task: MakeTask) -> None:
    finding = Finding("mypy", "misc", "something is wrong", "a.py", None, None)
    task = make_task({"a.py": "import os\n" + "x = 1\n" * 9000}, findings=(finding,))
    with ModelServer([Reply(FIX)]) as server:
        await agent(server, max_input_tokens=1000).edit(task)
        shown = asked(task, server)[1]
    assert "   1 | import os\n" in shown and "  20 | x = 1\n```" in shown


async def test_all_edits_are_made_or_none(make_task: MakeTask) -> None:
    task = make_task({"a.py": "import os\n", "b.py": "x = 1\n"})
    more = "<<<<<<< SEARCH\n{}\n=======\n>>>>>>> REPLACE\n"
    wrong = FIX + "b.py\n" + more.format("x = 2") + more.format("wholly other") + "c.py\n" + more.format("y")
    error = await refusal(task, Reply(wrong, tokens_in=900, tokens_out=30))
    assert error.message.startswith("agent mine: the lines to replace are not in b.py:\n  x = 2\n")
    for told in ("The nearest lines that are there:\n  x = 1", "\n  wholly other", "there is no file c.py"):
        assert told in error.message
    assert (error.failure, error.reply.tokens_in, error.reply.text) == ("error", 900, wrong)
    assert (task.workspace / "a.py").read_text() == "import os\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I'm sorry, I cannot help with that.", "it said: I'm sorry, I cannot help with that."),
        (FIX.replace("=======\n", "=======\nimport os\n"), "the edits change nothing"),
        (Reply(FIX, finish="length"), "the answer was cut at its longest, 10 tokens"),
        (Reply(FIX, finish="content_filter"), "held the answer back"),
        ("../b.py\n" + BLOCK, "../b.py leads out of the workspace"),
        (".git/config\n" + BLOCK, ".git/config belongs to git"),
        ("folder.d/\n" + BLOCK.replace("import os\n", ""), "is no file that can be edited"),
        ("pipe.py\n" + BLOCK, "pipe.py is no file that can be edited"),
        ("link.py\n" + BLOCK, "link.py leads out of the workspace"),
        ("b" * 300 + "/a.py\n" + BLOCK, "File name too long: 'bbb"),
        ("b" * 300 + ".py\n" + BLOCK, "File name too long: 'bbb"),
        (
            "latin.py\n" + ARROW,
            "encoded in iso-8859-1, which has no",
        ),
    ],
)
async def test_what_cannot_be_made(answer: str | Reply, said: str, make_task: MakeTask) -> None:
    task = make_task({"a.py": "import os\n", "latin.py": "# coding: latin-1\nimport os\n", "folder.d/x": ""})
    os.mkfifo(task.workspace / "pipe.py")
    (task.workspace / ".git").mkdir()
    (task.workspace / "link.py").symlink_to(task.workspace.parent / "outside.py")
    error = await refusal(task, answer)
    assert said in error.message and error.failure == "error"


async def test_paths_that_are_shortened_or_lengthened_mean_the_file_of_the_task(make_task: MakeTask) -> None:
    for path in ("a.py", "repo/src/a.py", "./src/a.py"):
        task = make_task({"src/a.py": "import os\nx = 1\n"}, path="src/a.py")
        await edit(task, path + "\n" + BLOCK)
        assert (task.workspace / "src/a.py").read_text() == "x = 1\n"


async def test_new_files_and_line_ends(make_task: MakeTask) -> None:
    task = make_task({"a.py": "\ufeffimport os\r\nx = 'ü'\r\n"})
    await edit(task, FIX + "lib/new.py\n<<<<<<< SEARCH\n=======\ny = 1\n>>>>>>> REPLACE\n")
    assert (task.workspace / "a.py").read_bytes() == "\ufeffx = 'ü'\r\n".encode()
    assert (task.workspace / "lib/new.py").read_text() == "y = 1\n"


async def test_at_its_time_limit_it_tells_what_was_spent(
    make_task: MakeTask, mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(self: Endpoint, question: Question, meter: Meter, **_: object) -> None:
        meter.add(Answer("half of it", 900, 3))
        mock_clock.jump(601)
        await trio.sleep_forever()

    monkeypatch.setattr(Endpoint, "ask", ask)
    with pytest.raises(AgentError) as caught:
        await agent().edit(make_task())
    assert caught.value.message == "agent mine was ended at its time limit of 600 s"
    assert caught.value.failure == "timeout"
    assert (caught.value.reply.text, caught.value.reply.tokens_in) == ("half of it", 900)


async def test_a_key_that_is_refused_has_cost_nothing(make_task: MakeTask) -> None:
    error = await refusal(make_task(), Reply(status=401, message=f"{KEY} is wrong"))
    assert (error.failure, error.reply) == ("auth", None)
    assert error.message.endswith("refused the key (401): *** is wrong")


async def test_the_key_is_in_nothing_that_is_said(make_task: MakeTask) -> None:
    assert KEY not in repr(agent())
    reply = await edit(make_task(), f"Your key is {KEY}.\n{FIX}")
    assert KEY not in repr(reply)


async def test_the_most_that_an_attempt_takes(make_task: MakeTask) -> None:
    task = make_task()
    with ModelServer([Reply(FIX)]) as server:
        mine = agent(server, max_output_tokens=1000)
        await mine.edit(task)
        said = sum(map(len, asked(task, server)))
    most = mine.at_most(task)
    assert most == Usage(most.tokens_in, 2000)
    assert most.tokens_in is not None and 2 * said / 3 < most.tokens_in < 2 * said / 3 + 500
    assert agent(max_input_tokens=100).at_most(task) == Usage(200, 2 * 8192)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "localhost:8080"}, "base_url: expected an address such as https://"),
        ({"base_url": "ftp://a/v1"}, "base_url: expected an address"),
        ({"base_url": "http://a b/v1"}, "base_url: expected an address"),
        ({"base_url": "http://[a/v1"}, "base_url: expected an address"),
        ({"api_key": "sk-\nsecret"}, "api_key: expected a key of letters, digits and signs"),
        ({"api_key": "sk-sécret"}, "api_key: expected a key"),
        ({"edit_format": "diff"}, "edit_format: expected one of search-replace, whole-file, unified-diff"),
        ({"temperature": 3}, "temperature: expected a number from 0 to 2"),
        ({"max_output_tokens": 0}, "max_output_tokens: expected a whole number above zero"),
        ({"max_retries": -1}, "max_retries: expected a whole number"),
        ({"modle": "x"}, "unknown option 'modle' of 'mine' (did you mean 'model'?)"),
    ],
)
def test_wrong_options_are_refused(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        agent(**options)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PipelineError) as caught:
        agent()
    assert "agents.mine.use: the agent chat needs the package openai" in str(caught.value)
    assert caught.value.hint == "Install it: pip install 'stomper_sdk[chat]'"


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = "import sys, stomper_sdk.agents.chat as c; c.ChatAgent(name='a', model='m'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"openai", "httpx2", "tiktoken"}.isdisjoint(done.stdout.split())
