"""Sandboxes as this machine has them; a kind that does not work here is skipped with the reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import trio

from stomper_sdk.errors import MachineError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.sandbox import find_sandbox


@cache
def _refusal(kind: str) -> str:
    spec = SandboxSpec(kind=kind)  # type: ignore[arg-type]
    try:
        trio.run(find_sandbox, spec, Path.cwd())
    except MachineError as error:
        return error.message
    return ""


@pytest.fixture
def refusal() -> Callable[[str], str]:
    """Tells why a kind does not work here; empty where it does."""
    return _refusal


@pytest.fixture(params=["bubblewrap", "landlock"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of sandbox that works here."""
    name = str(request.param)
    if reason := _refusal(name):
        pytest.skip(reason)
    return name
