"""Worlds whose truth is known, as the benchmark has them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.experiments import Trial

Paired = Callable[..., tuple[list[Trial], list[Trial]]]


@pytest.fixture(scope="session")
def worlds() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "inference.py"
    spec = importlib.util.spec_from_file_location("inference_simulation", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference_simulation"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def paired() -> Paired:
    """The trials of two variants from what each file's findings did: pairs of `a fixed it, b fixed it`."""

    def make(*files: Sequence[tuple[int, int]]) -> tuple[list[Trial], list[Trial]]:
        sides: tuple[list[Trial], list[Trial]] = ([], [])
        for file, findings in enumerate(files):
            for number, ends in enumerate(findings):
                for side, end in enumerate(ends):
                    sides[side].append(Trial("ab"[side], f"{file}:{number}", f"{file}.py", bool(end)))
        return sides

    return make
