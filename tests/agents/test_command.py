"""Any program as an agent."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stomper_sdk.agents.base import AgentTask
from stomper_sdk.agents.command import MAX_ARGUMENT, CommandAgent
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.options import build

MakeTask = Callable[..., AgentTask]
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], sys.stdin.read(), os.getcwd()]))"


def agent(**options: object) -> CommandAgent:
    made = build(CommandAgent, "mine", options, "agents.mine")
    assert isinstance(made, CommandAgent)
    return made


def showing(*words: str, **options: object) -> CommandAgent:
    """A program that tells its arguments, its standard input and its folder."""
    return agent(run=[sys.executable, "-c", SHOW, *words], **options)


async def shown(agent: CommandAgent, task: AgentTask) -> tuple[list[str], str, str]:
    reply = await agent.edit(task)
    assert reply is not None
    arguments, stdin, folder = json.loads(reply.text)
    return arguments, stdin, folder


@pytest.mark.trio
async def test_a_sed_line_fixes_the_file(make_task: MakeTask) -> None:
    task = make_task()
    await agent(run="sed -i.bak '/^import os$/d' {file}").edit(task)
    assert (task.workspace / "a.py").read_text() == "import sys\n\nprint(sys.argv)\n"


@pytest.mark.trio
async def test_the_prompt_goes_to_standard_input_by_default(make_task: MakeTask) -> None:
    task = make_task(prompt="Fix é.\n", attempt=3)
    arguments, stdin, folder = await shown(showing("{file}", "n={attempt}", "{{}}"), task)
    assert (arguments, stdin) == (["a.py", "n=3", "{}"], "Fix é.\n")
    assert Path(folder) == task.workspace.resolve()


@pytest.mark.trio
async def test_the_prompt_is_the_last_argument_or_where_it_is_named(make_task: MakeTask) -> None:
    task = make_task(prompt="Do {file}; $(rm -rf /)")
    last = await shown(showing("{file}", prompt="argument"), task)
    assert last[:2] == (["a.py", task.prompt], "")
    named = await shown(showing("--say={prompt}", "-x", prompt="argument"), task)
    assert named[0] == [f"--say={task.prompt}", "-x"]


@pytest.mark.trio
async def test_no_prompt_where_none_is_wanted(make_task: MakeTask) -> None:
    assert (await shown(showing(prompt="none"), make_task()))[:2] == ([], "")


@pytest.mark.trio
async def test_prompt_and_findings_as_files_are_outside_the_workspace_and_gone_afterwards(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(exchange))
    code = "import sys; [print(open(p).read(), p, sep='\\0', end='\\0') for p in sys.argv[1:]]"
    task = make_task()
    mine = agent(run=[sys.executable, "-c", code, "{prompt_file}", "{findings_json}"], prompt="file")
    reply = await mine.edit(task)
    assert reply is not None
    prompt, prompt_file, findings, findings_file, _ = reply.text.split("\0")
    assert prompt == task.prompt
    assert json.loads(findings) == [
        {
            "check": "ruff",
            "code": "F401",
            "message": "`os` imported but unused",
            "path": "a.py",
            "line": 1,
            "column": 8,
            "severity": "error",
        }
    ]
    for path in (Path(prompt_file), Path(findings_file)):
        assert exchange in path.parents and not path.exists()
    assert not list(exchange.iterdir())
    assert [path.name for path in task.workspace.iterdir()] == ["a.py"]


@pytest.mark.trio
async def test_a_file_name_that_begins_with_a_dash_is_no_option(make_task: MakeTask) -> None:
    task = make_task(files={"-a.py": ""}, path="-a.py")
    assert (await shown(showing("{file}"), task))[0] == ["./-a.py"]


@pytest.mark.trio
async def test_a_program_of_the_workspace_is_called_by_its_path(make_task: MakeTask) -> None:
    task = make_task(files={"a.py": "", "bin/fix": "#!/bin/sh\necho fixed\n"})
    (task.workspace / "bin/fix").chmod(0o755)
    reply = await agent(run="./bin/fix").edit(task)
    assert reply is not None and reply.text == "fixed\n"


@pytest.mark.trio
async def test_the_environment_is_the_tasks_with_the_options_on_top(make_task: MakeTask) -> None:
    task = make_task(environment={"PATH": "/usr/bin:/bin", "FROM_TASK": "1", "BOTH": "task"})
    reply = await agent(run="env", env={"BOTH": "option"}).edit(task)
    assert reply is not None
    assert {"FROM_TASK=1", "BOTH=option"} <= set(reply.text.splitlines())


@pytest.mark.trio
async def test_a_long_output_keeps_its_end(make_task: MakeTask) -> None:
    reply = await agent(run=[sys.executable, "-c", "print('x' * 100_000 + 'end')"]).edit(make_task())
    assert reply is not None
    assert reply.text.endswith("end\n") and len(reply.text) <= 20_000


@pytest.mark.trio
async def test_an_exit_code_is_an_error_unless_it_is_declared(make_task: MakeTask) -> None:
    run = ["sh", "-c", "echo working; echo 'no key' >&2; exit 3"]
    with pytest.raises(AgentError) as caught:
        await agent(run=run).edit(make_task())
    assert str(caught.value) == "agent mine: sh exited with 3; it said:\nworking\nno key"
    assert await agent(run=run, ok_exit_codes=[0, 3]).edit(make_task()) is not None


@pytest.mark.trio
async def test_a_missing_program_and_a_time_limit_are_errors(make_task: MakeTask) -> None:
    with pytest.raises(AgentError, match="'no-such-agent' is missing"):
        await agent(run="no-such-agent {file}").edit(make_task())
    with pytest.raises(AgentError, match=r"time limit of 0\.3 s; it said:\nthinking"):
        await agent(run=["sh", "-c", "echo thinking; sleep 60"], timeout="300ms").edit(make_task())


@pytest.mark.trio
async def test_a_prompt_that_is_too_long_for_an_argument_says_what_to_do(make_task: MakeTask) -> None:
    mine = agent(run=["true"], prompt="argument")
    assert await mine.edit(make_task(prompt="x" * MAX_ARGUMENT)) is not None
    with pytest.raises(AgentError, match="131072 bytes") as caught:
        await mine.edit(make_task(prompt="x" * (MAX_ARGUMENT + 1)))
    assert "stdin" in caught.value.hint and "{prompt_file}" in caught.value.hint
    long = make_task(prompt="é" * 200_000)
    assert await agent(run=["true"]).edit(long) is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "agents.mine.run: this option must be given"),
        ({"run": "fix {fiel}"}, "did you mean {file}"),
        ({"run": "awk {print}"}, "a literal brace is written twice"),
        ({"run": "awk {"}, "a literal one is written twice"),
        ({"run": "fix {file!r}"}, "got {file!r}"),
        ({"run": "fix {file.name}"}, "got {file.name}"),
        ({"run": "fix {}"}, "got {}"),
        ({"run": ""}, "a command of at least one word"),
        ({"run": "fix 'a"}, "No closing quotation"),
        ({"run": "fix", "prompt": "file"}, "agents.mine.run: prompt: file needs {prompt_file}"),
        ({"run": "fix {prompt}"}, "{prompt} in the command needs prompt: argument"),
        ({"run": "fix", "prompt": "mail"}, "one of stdin, file, argument, none"),
        ({"run": "fix", "max_output": 0}, "a whole number above zero"),
        ({"run": "fix", "env": {"A": 1}}, "agents.mine.env: expected a list of names, or a mapping"),
        ({"run": "fix", "ok_exit_codes": ["0"]}, "a list of whole numbers"),
        ({"run": "fix", "timeut": "1s"}, "did you mean 'timeout'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        agent(**options)
    assert message in str(caught.value)
