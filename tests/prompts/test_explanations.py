"""What the tools say of their codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from stomper_sdk.prompts import Explanations


@pytest.mark.trio
async def test_ruff_explains_its_codes() -> None:
    said = await Explanations().get("ruff", ["F401", "invalid-syntax", "ZZZ999", "F401"])
    assert set(said) == {"F401"}
    assert "What it does\nChecks for unused imports." in said["F401"]
    assert "Why is this bad?" in said["F401"]
    assert len(said["F401"]) <= 1510


@pytest.mark.trio
async def test_pylint_explains_its_messages() -> None:
    explanations = Explanations()
    said = await explanations.get(
        "pylint", ["unused-import", "no-such-thing", "--version", "too-many-locals"]
    )
    assert set(said) == {"unused-import", "too-many-locals"}
    assert said["unused-import"].startswith(
        "*Unused %s*: Used when an imported module or variable is not used."
    )
    assert "No such message" not in "".join(said.values())
    assert await explanations.get("pylint", ["no-such-thing"]) == {}


@pytest.mark.trio
async def test_other_checks_explain_nothing() -> None:
    assert await Explanations().get("mypy", ["attr-defined"]) == {}


@pytest.fixture
def counting_ruff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, found first, which counts its calls and prints no JSON for E1."""
    tool = tmp_path / "bin" / "ruff"
    tool.parent.mkdir()
    answer = '[ $2 = E1 ] && echo oops || echo \'{"summary": "short", "explanation": ""}\''
    tool.write_text(f"#!/bin/sh\necho $2 >> {tmp_path}/calls\nsleep 0.1\n{answer}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    return tmp_path / "calls"


@pytest.mark.trio
async def test_each_code_is_asked_for_once_however_many_wait(counting_ruff: Path) -> None:
    explanations, answers = Explanations(), []

    async def ask() -> None:
        answers.append(await explanations.get("ruff", ["F1", "E1"]))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert answers == [{"F1": "short"}] * 5
    assert sorted(counting_ruff.read_text().split()) == ["E1", "F1"]


@pytest.mark.trio
async def test_without_the_tool_there_is_just_no_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    assert await Explanations().get("ruff", ["F401"]) == {}
