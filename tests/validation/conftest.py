"""Small projects in git, workspaces of them, and what is installed beside them."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest


def write_tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return root


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=Tess", "-c", "user.email=tess@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@attrs.define
class Project:
    """A user's checkout with one commit; it is also the base that lends pristine trees."""

    root: Path
    commit: str
    lent: int = 0
    _made: int = 0

    def workspace(self, changes: Mapping[str, str]) -> Path:
        """A fresh checkout of the commit with a fix in it."""
        self._made += 1
        folder = self.root.parent / f"workspace{self._made}"
        git(self.root, "worktree", "add", "--detach", "--quiet", str(folder), self.commit)
        return write_tree(folder, changes)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Path]:
        self.lent += 1
        folder = self.workspace({})
        try:
            yield folder
        finally:
            git(self.root, "worktree", "remove", "--force", str(folder))


@pytest.fixture
def write() -> Callable[[Path, Mapping[str, str]], Path]:
    return write_tree


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Project]:
    def make(files: Mapping[str, str]) -> Project:
        root = write_tree(tmp_path / "checkout", files)
        git(root, "init", "--quiet")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "Start")
        return Project(root, git(root, "rev-parse", "HEAD"))

    return make


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site-packages of an active virtual environment in which pytest runs, as the user has one."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "ours.pth").write_text(f"{ours}\n")
    pytest_program = home / "bin" / "pytest"
    pytest_program.write_text(f"#!{home}/bin/python\nimport pytest\nraise SystemExit(pytest.main())\n")
    pytest_program.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(home))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return packages
