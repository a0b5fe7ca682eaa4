"""Ruff's own fixes, by the real ruff."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stomper_sdk.agents.base import AgentTask
from stomper_sdk.agents.ruff_fix import RuffFixAgent
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import build

MakeTask = Callable[..., AgentTask]


def agent(**options: object) -> RuffFixAgent:
    made = build(RuffFixAgent, "builtin", options, "agents.builtin")
    assert isinstance(made, RuffFixAgent)
    return made


def findings(*codes: str) -> tuple[Finding, ...]:
    return tuple(Finding("ruff", code, "message", "a.py", 1) for code in codes)


async def fixed(
    agent: RuffFixAgent, make_task: MakeTask, source: str, codes: tuple[str, ...], settings: str = ""
) -> str:
    task = make_task(files={"a.py": source, "ruff.toml": settings}, findings=findings(*codes))
    await agent.edit(task)
    assert {path.name for path in task.workspace.iterdir()} == {"a.py", "ruff.toml"}
    return (task.workspace / "a.py").read_text()


@pytest.mark.trio
async def test_only_the_rules_of_the_findings_are_fixed(make_task: MakeTask) -> None:
    source = "import sys\nimport os\n\nprint(f'{sys}')\nx = f'constant'\n"
    assert await fixed(agent(), make_task, source, ("F401",)) == source.replace("import os\n", "")
    assert "'constant'" in await fixed(agent(), make_task, source, ("F541",))
    assert "x = f" not in await fixed(agent(), make_task, source, ("F541",))


@pytest.mark.trio
async def test_a_rule_that_the_settings_do_not_select_is_fixed_all_the_same(make_task: MakeTask) -> None:
    """A check may select more than the settings do; its findings are fixed."""
    source = "import sys\nimport os\n\nprint(sys, os)\n"
    result = await fixed(agent(), make_task, source, ("I001",), 'lint.select = ["E"]')
    assert result == "import os\nimport sys\n\nprint(sys, os)\n"


@pytest.mark.trio
@pytest.mark.parametrize(
    ("source", "settings"),
    [
        ("import os  # noqa: F401\n", ""),
        ("import os\n", 'lint.per-file-ignores = {"a.py" = ["F401"]}'),
        ("import os\n", 'lint.unfixable = ["F401"]'),
    ],
)
async def test_what_the_repository_exempts_stays(make_task: MakeTask, source: str, settings: str) -> None:
    assert await fixed(agent(), make_task, source, ("F401",), settings) == source


@pytest.mark.trio
async def test_unused_noqa_comments_are_told_from_needed_ones(make_task: MakeTask) -> None:
    """With that rule alone selected, ruff would take every noqa for unused."""
    source = "import os  # noqa: F401\nimport sys\n\nprint(sys)  # noqa: F841\n"
    result = await fixed(agent(), make_task, source, ("RUF100",))
    assert result == source.replace("  # noqa: F841", "")


@pytest.mark.trio
async def test_unsafe_fixes_are_applied_where_they_are_asked_for(make_task: MakeTask) -> None:
    source = "def f():\n    x = 1\n"
    assert await fixed(agent(), make_task, source, ("F841",)) == source
    assert await fixed(agent(unsafe_fixes=True), make_task, source, ("F841",)) == "def f():\n    pass\n"


@pytest.mark.trio
async def test_the_rules_may_be_given(make_task: MakeTask) -> None:
    source = "import os\nx = f'constant'\n"
    assert await fixed(agent(select=["F5"]), make_task, source, ("F401",)) == "import os\nx = 'constant'\n"


@pytest.mark.trio
async def test_the_file_is_formatted_where_that_is_asked_for(make_task: MakeTask) -> None:
    assert await fixed(agent(format=True), make_task, "import os\nx=1\n", ("F401",)) == "x = 1\n"


@pytest.mark.trio
async def test_only_the_tasks_file_is_touched_whatever_its_name(make_task: MakeTask) -> None:
    source = "import os\n"
    task = make_task(files={"-a.py": source, "b.py": source}, path="-a.py", findings=findings("F401"))
    await agent(format=True).edit(task)
    assert (task.workspace / "-a.py").read_text() == ""
    assert (task.workspace / "b.py").read_text() == source


@pytest.mark.trio
async def test_codes_that_ruff_does_not_know_are_passed_over(make_task: MakeTask) -> None:
    source = "import os\n"
    codes = ("invalid-syntax", "attr-defined", "C0114", "F401")
    assert await fixed(agent(), make_task, source, codes) == ""
    assert await fixed(agent(), make_task, source, codes[:-1]) == source


@pytest.mark.trio
async def test_a_wrong_configuration_is_an_error_with_what_ruff_said(make_task: MakeTask) -> None:
    with pytest.raises(AgentError, match=r"agent builtin: .*exited with 2(.|\n)*ruff\.toml"):
        await fixed(agent(), make_task, "import os\n", ("F401",), "[lint\n")


@pytest.mark.trio
async def test_a_file_that_cannot_be_formatted_is_an_error(make_task: MakeTask) -> None:
    with pytest.raises(AgentError, match="exited with 2"):
        await fixed(agent(format=True), make_task, "def (:\n", ("invalid-syntax",))


@pytest.mark.trio
async def test_a_missing_ruff_is_an_error_that_says_what_to_do(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AgentError, match="ruff is missing\nInstall it"):
        await agent().edit(make_task())


def test_asking_it_again_is_of_no_use() -> None:
    assert agent().once
    with pytest.raises(PipelineError, match="unsafe_fixes: expected true or false"):
        agent(unsafe_fixes="yes")
