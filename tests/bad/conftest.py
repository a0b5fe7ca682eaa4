"""Runs as a user starts them, where something is bad or odd: what they see, and what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.cli import main

_SECONDS = 100


@attrs.frozen
class Seen:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def files(self) -> dict[str, tuple[str, str | None]]:
        """Outcome and reason of each file, of a run with `--output json`."""
        return {file["path"]: (file["outcome"], file["reason"]) for file in json.loads(self.out)["files"]}

    def tells(self, *words: str) -> bool:
        """Whether all of these words were said, wherever lines are broken."""
        said = " ".join(f"{self.out} {self.err}".split())
        assert "Traceback" not in said, said
        assert "this is a bug" not in said, said
        missing = [word for word in words if word not in said]
        assert not missing, f"{missing} not in:\n{self.out}\n{self.err}"
        return True


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Seen]:
    """The command line in this process."""

    def command(*words: object) -> Seen:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Seen(code, said.out, said.err)

    return command


@pytest.fixture
def checkout(make_checkout: Callable[..., Any]) -> Any:
    """A repository with one file, which has one finding."""
    return make_checkout({"a.py": "import os\n\nprint(1)\n"})


@pytest.fixture
def pipeline(tmp_path: Path) -> Callable[[str], Path]:
    """A pipeline of this text, outside of any repository."""

    def pipeline(text: str) -> Path:
        path = tmp_path / "pipeline.yaml"
        path.write_text(text)
        return path

    return pipeline


@pytest.fixture
def start() -> Callable[..., Seen]:
    """The command line in a process of its own: `before` are the words in front of it."""

    def start(*arguments: object, before: Sequence[str] = (), **environment: str | None) -> Seen:
        done = subprocess.run(
            [*before, sys.executable, "-m", "stomper_sdk", *map(str, arguments)],
            env=changed(os.environ, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_SECONDS,
            check=False,
        )
        return Seen(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture
def edited_by(tmp_path: Path, pipeline: Callable[[str], Path]) -> Callable[..., Path]:
    """A pipeline in which Python code edits; it has the file as `file`, and `more` from `sys.argv[2:]`."""

    def edited_by(code: str, *more: object, sections: str = "") -> Path:
        program = tmp_path / "agent.py"
        program.write_text(f"import os, sys\nfrom pathlib import Path\nfile = Path(sys.argv[1])\n{code}")
        words = json.dumps([sys.executable, str(program), "{file}", *map(str, more)])
        return pipeline(
            "extends: default\n"
            "checks: {ruff: {use: ruff, select: [F401]}}\n"
            f"agents: {{builtin: {{use: command, run: {words}, prompt: none}}}}\n{sections}"
        )

    return edited_by


def changed(environment: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The environment with some values in it, and without those that are None."""
    kept = {name: value for name, value in environment.items() if name not in changes}
    return {**kept, **{name: value for name, value in changes.items() if value is not None}}


@pytest.fixture
def mounts(tmp_path: Path) -> Callable[[str], list[str]]:
    """The words that start a program where a shell script has mounted something, for it alone."""

    def mounts(script: str) -> list[str]:
        options = ["--mount"] if os.getuid() == 0 else ["--mount", "--map-root-user"]
        words = ["unshare", *options, "sh", "-ec", f'{script}\nexec "$@"', "sh"]
        try:
            tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no unshare here")
        if tried.returncode != 0:
            pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")
        return words

    return mounts


@pytest.fixture
def unprivileged() -> list[str]:
    """The words that start a program which permissions hold for, also where root starts it."""
    if os.getuid() != 0:
        return []
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    try:
        subprocess.run([*words, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root cannot be denied anything here")
    return words
