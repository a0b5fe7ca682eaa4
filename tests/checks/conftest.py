"""What the tests of checks share: a tree to look at, and proof that a look leaves nothing in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.options import build

AWKWARD = ("a b.py", 'it\'s "x".py', "new\nline.py", "grüße_日本.py", "-dash.py", "@at.py", "sub dir/..x.py")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """An empty tree; after the test, it must hold nothing but what the test wrote with `write`."""
    root = tmp_path / "tree"
    root.mkdir()
    yield Tree(root, tmp_path / "cache")
    footprints = ("__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache", ".hypothesis", ".coverage")
    assert [path for path in root.rglob("*") if path.name in footprints] == []


@pytest.fixture
def write(tree: Tree) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        file = tree.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    """A command that runs some Python."""

    def script(code: str) -> list[str]:
        file = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        file.write_text(code, "utf-8")
        return [sys.executable, "-I", str(file)]

    return script


@pytest.fixture
def make() -> Callable[..., Any]:
    """A check as the pipeline makes it: from raw options."""
    return lambda plugin, **options: build(plugin, "mine", options, "checks.mine")


@pytest.fixture
def awkward() -> tuple[str, ...]:
    return AWKWARD
