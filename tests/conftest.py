"""Guard rails: no test reads the home folder or the git settings of whoever runs it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

# Who starts the tests in the background, or with nohup, has these ignored, here and in what we start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# A thousand processes of ours are started: none of them is to compile our sources anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how many runs to kill at a random moment")


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith(("GIT_", "STOMPER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Checkout:
    """A git checkout looked at from outside, by git's own words."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *argv: str, ok: bool = True) -> str:
        done = subprocess.run(["git", *argv], cwd=self.root, capture_output=True, text=True, check=False)
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "change") -> str:
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def shown(self, revision: str, name: str) -> str:
        return self.git("show", f"{revision}:{name}")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    @property
    def tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}").strip()

    @property
    def status(self) -> str:
        return self.git("status", "--porcelain", "--untracked-files=all")

    @property
    def subjects(self) -> list[str]:
        """Commit subjects, the oldest first."""
        return self.git("log", "--reverse", "--format=%s").splitlines()

    def leftovers(self) -> list[str]:
        """What a run must not leave: worktrees, branches, locks, workspaces."""
        worktrees = self.git("worktree", "list", "--porcelain").split("\n\n")[1:]
        branches = self.git("for-each-ref", "--format=%(refname)", "refs/heads").split()[1:]
        locks = [str(path) for path in (self.root / ".git").rglob("*.lock")]
        admin = [str(path) for path in (self.root / ".git" / "worktrees").glob("*")]
        records = [str(path) for path in (self.root / ".stomper").glob("sessions/*/session.json")]
        places = [
            path for parent in ("/dev/shm", tempfile.gettempdir()) for path in Path(parent).glob("stomper-*/")
        ]
        mine = [
            str(place) for place in places if any(self._points_here(file) for file in place.glob("*/.git"))
        ]
        left = (*worktrees, *branches, *locks, *admin, *records, *mine)
        return [text for text in left if text.strip()]

    def _points_here(self, file: Path) -> bool:
        try:
            return str(self.root) in file.read_text()
        except OSError:  # another test's, gone while we look
            return False


@pytest.fixture(scope="session")
def new_checkout() -> Callable[[Path, Mapping[str, str | bytes]], Checkout]:
    """Makes a repository in a new folder, on branch `main`, with files in its first commit."""

    def make(root: Path, files: Mapping[str, str | bytes]) -> Checkout:
        root.mkdir()
        checkout = Checkout(root)
        checkout.git("init", "--quiet", "--initial-branch=main")
        checkout.git("config", "user.name", "A User")
        checkout.git("config", "user.email", "user@example.org")
        checkout.commit(files, "start")
        return checkout

    return make


@pytest.fixture
def make_checkout(tmp_path: Path, new_checkout: Callable[..., Checkout]) -> Callable[..., Checkout]:
    """The same in the test's own folder."""

    def make(files: Mapping[str, str | bytes], name: str = "repo") -> Checkout:
        return new_checkout(tmp_path / name, files)

    return make


@pytest.fixture(scope="session")
def node_modules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ESLint and TypeScript, installed once for all sessions that share pytest's cache."""
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("node") if cache else tmp_path_factory.mktemp("node")
    listed = Path(__file__).with_name("node")
    lock = (listed / "package-lock.json").read_bytes()
    installed: Path = folder / hashlib.sha256(lock).hexdigest()[:12]
    if not installed.is_dir():
        draft = Path(tempfile.mkdtemp(dir=folder))
        shutil.copytree(listed, draft, dirs_exist_ok=True)
        _npm_install(draft)
        with contextlib.suppress(OSError):  # another worker was faster
            draft.rename(installed)
    return installed / "node_modules"


def _npm_install(folder: Path) -> None:
    argv = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        problem = done.stderr[-500:] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        shutil.rmtree(folder)
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"npm cannot install ESLint and TypeScript: {problem}")
