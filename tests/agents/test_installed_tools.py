"""Which coding-agent tools are there: what `agents` and `doctor` say, and how a tool is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stomper_sdk.agents.presets import installed
from stomper_sdk.agents.presets.installed import look_for
from stomper_sdk.agents.presets.table import PRESETS
from stomper_sdk.cli import main
from tests.conftest import Checkout

PIPELINE = """
version: 1
checks: {ruff: {use: ruff}}
agents: {tool: {use: codex}}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {call_agent: {use: [tool]}}, verify_fixes]
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder of the path."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", f"{found}:/usr/bin:/bin")
    return found


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ('echo "2.1.197 (Claude Code)"', "2.1.197"),
        ("echo codex-cli 0.169.0", "0.169.0"),
        ("echo This is version 2.4.6.", "2.4.6"),
        ('echo "1.0" > "$HOME/x"; cat "$HOME/x"; [ -d "$TMPDIR" ]', "1.0"),
        ("echo usage: none; exit 0", ""),
        ("echo 1.2.3; exit 1", ""),
    ],
)
async def test_a_tool_tells_its_version(folder: Path, script: str, version: str) -> None:
    program(folder / "codex", script)
    (tool,) = await look_for([PRESETS["codex"]])
    assert (tool.path, tool.version) == (str(folder / "codex"), version)


async def test_a_tool_that_hangs_has_no_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_SECONDS", 0.2)
    program(folder / "codex", "sleep 60")
    found = await look_for([PRESETS["aider"], PRESETS["codex"]])
    assert [tool.said for tool in found] == ["not installed", "installed: version unknown"]


def test_the_list_of_agents_says_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(folder / "codex", "echo codex-cli 0.169.0")
    assert main(["agents", "--output", "json"]) == 0
    told = {agent["name"]: agent for agent in json.loads(capsys.readouterr().out)["agents"]}
    assert told["codex"]["state"] == "installed: 0.169.0"
    assert told["aider"]["state"] == "not installed"
    assert told["ruff-fix"]["state"] is None
    for name, preset in PRESETS.items():
        assert told[name]["facts"]["install"] == preset.install
    assert main(["agents"]) == 0
    lines = " ".join(capsys.readouterr().out.split())
    assert "codex Runs Codex CLI in the workspace, with a home of its own. (installed: 0.169.0)" in lines


def test_the_doctor_says_how_to_install_what_a_pipeline_needs(
    folder: Path, make_checkout: Callable[..., Checkout], capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_checkout({"a.py": "x = 1\n", "p.yaml": PIPELINE})
    command = ["doctor", str(user.root / "p.yaml"), "--repo", str(user.root), "--output", "json"]

    def remarks() -> dict[str, dict[str, str]]:
        main(command)
        return {each["what"]: each for each in json.loads(capsys.readouterr().out)["remarks"]}

    missing = remarks()["agent tool"]
    assert (missing["state"], missing["remedy"]) == ("problem", "npm install -g @openai/codex")
    program(folder / "codex", "echo codex-cli 0.169.0")
    there = remarks()
    assert (there["agent tool"]["state"], "Codex CLI 0.169.0" in there["agent tool"]["said"]) == ("ok", True)
    assert "installed: codex 0.169.0; not installed: aider" in there["agent tools"]["said"]
