"""Plug-ins by name: a definition may come again, and a name has no two owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.errors import PipelineError
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.stages.base import STAGES

DECORATORS = [
    pytest.param(stomper_sdk.agent, AGENTS, id="agent"),
    pytest.param(stomper_sdk.check, CHECKS, id="check"),
    pytest.param(stomper_sdk.reducer, REDUCERS, id="reducer"),
    pytest.param(stomper_sdk.stage, STAGES, id="stage"),
]


@pytest.fixture(autouse=True)
def _apart(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered here is unknown elsewhere."""
    for kept in ("_registered", "_origins"):
        monkeypatch.setattr(registry, kept, {**getattr(registry, kept)})


@pytest.mark.parametrize(("decorator", "registry"), DECORATORS)
def test_a_cell_that_is_run_twice_registers_what_it_says_now(decorator: Any, registry: Any) -> None:
    def cell() -> Callable[..., Any]:
        async def mine(*_: object) -> None: ...

        return mine

    decorator("run-twice")(cell())
    first = registry.get("run-twice")
    decorator("run-twice")(cell())
    assert registry.get("run-twice") is not first


@pytest.mark.parametrize(("decorator", "registry"), DECORATORS)
def test_a_name_that_another_has_is_refused(decorator: Any, registry: Any) -> None:
    async def one(*_: object) -> None: ...

    async def another(*_: object) -> None: ...

    decorator("taken")(one)
    first = registry.get("taken")
    for name, function in (("taken", another), (registry.built_in()[0], one)):
        with pytest.raises(PipelineError, match=f"{name}' exists already: choose another name"):
            decorator(name)(function)
    assert registry.get("taken") is first
