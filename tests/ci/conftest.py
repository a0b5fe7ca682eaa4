"""What a CI system does with our files: it reads their steps and runs the scripts in bash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Ended:
    """A script that has ended, with the lines of its standard output."""

    code: int
    log: list[str]
    errors: str


@pytest.fixture
def document() -> Callable[[str], Any]:
    """Reads one of our files."""
    return lambda name: yaml.safe_load((ROOT / name).read_text())


@pytest.fixture
def bash(tmp_path: Path) -> Callable[..., Ended]:
    """Runs a script as GitHub's `shell: bash` does, with our program in place of an installed one."""
    programs = tmp_path / "temp" / "stomper-sdk" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("stomper-sdk", "-m stomper_sdk"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)

    def run(script: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
        file = tmp_path / "script.sh"
        file.write_text(script)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=cwd,
            env={**os.environ, "RUNNER_TEMP": str(programs.parents[1]), "PATH": path, **(env or {})},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout.splitlines(), done.stderr)

    return run
