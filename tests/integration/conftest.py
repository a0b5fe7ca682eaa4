"""Real repositories, looked at from outside: by git, ruff, mypy and pytest, never by the product itself."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import jsonschema
import psutil
import pytest

import stomper_sdk

_PRODUCT = Path(stomper_sdk.__file__).parents[1]
_SCHEMA = json.loads((Path(__file__).parents[2] / "schema" / "result.schema.json").read_text())
_SECONDS = 110
_SUCCEEDED = {"fixed", "partial"}
_FAILED = {"unfixed", "rejected", "conflict", "error"}
_numbers = itertools.count()

_PIPELINE = """
version: 1
{sections}
stages:
  - initialize
  - collect_errors
  - for_each_file:
{before}
      - attempt: [generate_prompt, {{call_agent: {{use: [main]}}}}, verify_fixes, run_tests]
{after}
  - aggregate_results
  - cleanup
reducers:
  successful_fixes: {{reduce: append, from: path, where: succeeded}}
  total_errors_fixed: {{reduce: sum, from: fixed_count}}
  fixed_by_code: {{reduce: tally, from: fixed_codes}}
"""
_COMMITTING = ("extract_diff", "apply_to_main", "commit_in_main", "destroy_worktree")

Found = tuple[str, str, str]
"""What an outside look tells of a finding: path, code, message."""


@attrs.frozen
class Entry:
    """A file of the user's tree: its mode, and a digest of its content or its target."""

    mode: int
    digest: str


@attrs.frozen
class Seen:
    """A repository at one time."""

    findings: Counter[Found]
    files: Mapping[str, Entry]
    status: str
    dirt: str
    refs: Mapping[str, str]
    head: str

    @property
    def total(self) -> int:
        return self.findings.total()

    def of(self, paths: Iterable[str]) -> int:
        """How many findings these files have."""
        wanted = set(paths)
        return sum(count for (path, _, _), count in self.findings.items() if path in wanted)

    def codes(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        for (_, code, _), count in self.findings.items():
            codes[code] += count
        return codes


@attrs.frozen
class Ran:
    """A run: its exit code, its document, what it said to people, and a mark on all its processes."""

    exit_code: int
    document: Mapping[str, Any]
    said: str
    mark: str

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        return {file["path"]: file for file in self.document["files"]}

    @property
    def outcomes(self) -> dict[str, str]:
        return {path: file["outcome"] for path, file in self.files.items()}

    @property
    def fixed(self) -> int:
        return int(self.document["reducers"]["total_errors_fixed"])

    def ends(self, status: str) -> list[dict[str, Any]]:
        return [end for end in self.document["findings"] if end["status"] == status]


class Project:
    """A user's folder, with a home and a folder for temporary files of its own."""

    def __init__(self, root: Path, python: Path | None = None) -> None:
        self.root = root
        self.python = python or Path(sys.executable)
        self.beside = root.with_name(f"{root.name}-beside")
        self.temporary = self.beside / "tmp"
        self.temporary.mkdir(parents=True)
        self.environment = _environment(self.beside, self.temporary)

    def call(
        self, *argv: object, cwd: Path | None = None, ok: Sequence[int] = (0,), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder."""
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=cwd or self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode in ok, f"{argv} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def git(self, *argv: object) -> str:
        return self.call("git", *argv).stdout

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def start(self) -> Project:
        """Make the folder a repository, with all that is in it as its first commit."""
        self.git("init", "--quiet", "--initial-branch=main", "--template=")
        settings = {"user.name": "A User", "user.email": "user@example.org", "gc.auto": "0"}
        for key, value in settings.items():
            self.git("config", key, value)
        return self.commit("start")

    def commit(self, message: str = "change") -> Project:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self

    def dirty(self) -> Project:
        """Give the user some work that is not committed: staged, half staged, and untracked."""
        (self.root / "NOTES.rst").write_text("staged\n")
        self.git("add", "NOTES.rst")
        (self.root / "NOTES.rst").write_text("staged\nand more\n")
        (self.root / "PLANS.rst").write_text("untracked\n")
        return self

    def copy(self, name: str) -> Project:
        """The same folder, in the same state, elsewhere."""
        root = self.root.with_name(f"{self.root.name}-{name}")
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root, self.python)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    @property
    def tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}").strip()

    def read(self, name: str) -> str:
        return (self.root / name).read_bytes().decode()

    def ruff(self, *options: str) -> Counter[Found]:
        """The findings of a ruff of our own."""
        argv = [sys.executable, "-m", "ruff", "check", "--no-cache", "--exit-zero", "--output-format=json"]
        entries = json.loads(self.call(*argv, *options).stdout)
        return self.counted((e["filename"], e["code"] or "invalid-syntax", e["message"]) for e in entries)

    def mypy(self) -> Counter[Found]:
        """The findings of a mypy of our own."""
        argv = [self.python, "-m", "mypy", "--no-error-summary", "--cache-dir", os.devnull, "--output=json"]
        lines = self.call(*argv, ".", ok=(0, 1)).stdout.splitlines()
        entries = [entry for entry in map(json.loads, lines) if entry["severity"] == "error"]
        return self.counted((e["file"], e["code"] or "misc", e["message"]) for e in entries)

    def counted(self, findings: Iterable[Found]) -> Counter[Found]:
        root = self.root.resolve()
        return Counter(
            ((root / path).relative_to(root).as_posix(), code, message) for path, code, message in findings
        )

    def look(self, finder: Callable[[], Counter[Found]] | None = None) -> Seen:
        """Everything that a run may and may not change; the finder is ruff unless another is given."""
        if not (self.root / ".git").exists():
            return Seen((finder or self.ruff)(), self.files(), "", "", {}, "")
        refs = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return Seen(
            findings=(finder or self.ruff)(),
            files=self.files(),
            status=self.git("status", "--porcelain", "-z", "--untracked-files=all"),
            dirt=self.git("diff", "--binary") + self.git("diff", "--binary", "--cached"),
            refs=dict(line.split(" ", 1) for line in refs),
            head=self.git("symbolic-ref", "HEAD").strip(),
        )

    def files(self) -> dict[str, Entry]:
        """All files but those of git and our own state."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in {".git", ".stomper"}]
            for name in (*names, *folders):
                path = Path(folder, name)
                found[path.relative_to(self.root).as_posix()] = _entry(path)
        return found

    def tests(self, revision: str, *arguments: str) -> dict[str, str]:
        """The outcome of each of the project's own tests at a revision, run in a clone of its own."""
        clone = self.beside / f"clone{next(_numbers)}"
        report = clone.with_suffix(".xml")
        self.git("clone", "--quiet", "--shared", "--no-checkout", self.root, clone)
        self.call("git", "checkout", "--quiet", "--detach", revision, cwd=clone)
        argv = [self.python, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", f"--rootdir={clone}"]
        options = ["--continue-on-collection-errors", f"--junitxml={report}", *arguments]
        self.call(*argv, *options, cwd=clone, ok=(0, 1), PYTHONPATH=f"{clone}/src")
        return {_test_id(case): _test_outcome(case) for case in ElementTree.parse(report).iter("testcase")}

    def pipeline(self, sections: Mapping[str, object], *, direct: bool = False) -> Path:
        """A pipeline of these sections and the usual stages, in which the agent `main` edits."""
        text = "\n".join(f"{name}: {json.dumps(section)}" for name, section in sections.items())
        stages = () if direct else _COMMITTING
        path = self.beside / f"pipeline{next(_numbers)}.yaml"
        before, after = (
            "\n".join(f"      - {stage}" for stage in part)
            for part in (("create_worktree",) if stages else (), stages)
        )
        path.write_text(_PIPELINE.format(sections=text, before=before, after=after))
        return path

    def run(self, *options: object) -> Ran:
        """Run a pipeline through the command line, as a user does."""
        mark = uuid.uuid4().hex
        argv = [self.python, "-m", "stomper_sdk", "run", "--output", "json", *options]
        done = self.call(*argv, ok=(0, 1, 2, 3), INTEGRATION_MARK=mark)
        assert done.stdout, f"no document:\n{done.stderr}"
        return Ran(done.returncode, json.loads(done.stdout), done.stderr, mark)

    def hold(self, before: Seen, ran: Ran, finder: Callable[[], Counter[Found]] | None = None) -> Seen:
        """Hold a run on the current branch to what every run promises."""
        after = self.look(finder)
        jsonschema.validate(ran.document, _SCHEMA)
        self._counts_agree(before, after, ran)
        self._commits_agree(before, after, ran)
        self.left_alone(before, after, ran)
        return after

    def _counts_agree(self, before: Seen, after: Seen, ran: Ran) -> None:
        fixed, planned = before.findings - after.findings, set(ran.files)
        assert before.total - after.total == ran.fixed
        assert ran.fixed == len(ran.ends("fixed")) == sum(file["fixed_count"] for file in ran.files.values())
        by_code = {code: count for code, count in (before.codes() - after.codes()).items() if count}
        assert ran.document["reducers"].get("fixed_by_code", by_code) == by_code
        assert fixed.total() - (after.findings - before.findings).total() == ran.fixed
        assert after.of(planned) == len([end for end in ran.ends("remaining") if end["path"] in planned])
        failed = _FAILED.intersection(ran.outcomes.values())
        nothing_left = not after.of(planned) and not ran.ends("skipped") and not failed
        assert ran.exit_code == ran.document["exit_code"] == (0 if nothing_left else 1)

    def _commits_agree(self, before: Seen, after: Seen, ran: Ran) -> None:
        base, head = before.refs[before.head], after.refs[after.head]
        assert (ran.document["base_commit"], ran.document["head_commit"]) == (base, head)
        made = self.git("rev-list", "--first-parent", f"{base}..{head}").split()
        committed = {path: file["commit"] for path, file in ran.files.items() if file["commit"]}
        assert sorted(committed.values()) == sorted(made)
        assert set(committed) == {path for path, outcome in ran.outcomes.items() if outcome in _SUCCEEDED}
        for path, commit in committed.items():
            touched = self.git("show", "--format=", "--name-only", "-z", commit)
            assert touched.split("\0")[:-1] == [path]
        changed = {path for path in before.files if before.files[path] != after.files.get(path)}
        assert changed == set(committed)

    def left_alone(self, before: Seen, after: Seen, ran: Ran) -> None:
        """Hold a run to have left nothing behind, and the user's own work as it was."""
        assert before.files.keys() == after.files.keys()
        assert (before.status, before.dirt) == (after.status, after.dirt)
        assert (before.refs.keys(), before.head) == (after.refs.keys(), after.head)
        assert self.leftovers(ran) == []

    def leftovers(self, ran: Ran) -> list[str]:
        """Worktrees, locks, temporary files, workspaces and processes that a run should have removed."""
        session = ran.document["session_id"]
        places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
        ours = [folder for place in places for folder in place.glob("stomper-*")]
        found = [str(path) for path in self.temporary.iterdir()]
        found += [name for folder in ours for name in (folder.name, *_names(folder)) if session in name]
        if (self.root / ".git").exists():
            found += self.git("worktree", "list", "--porcelain").split("\n\n")[1:]
            found += [str(path) for path in (self.root / ".git").rglob("*.lock")]
            found += [str(path) for path in (self.root / ".git" / "worktrees").glob("*")]
        found += [f"process {process.pid}" for process in _marked(ran.mark)]
        return [text for text in found if text.strip()]


def _environment(home: Path, temporary: Path) -> dict[str, str]:
    """The environment of a user who has no settings, and the product to be imported from here."""
    dropped = ("GIT_", "STOMPER_", "PYTEST_", "COV_", "VIRTUAL_ENV", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    own = {"HOME": home, "XDG_CONFIG_HOME": home / ".config", "TMPDIR": temporary, "PYTHONPATH": _PRODUCT}
    programs = os.pathsep.join([kept.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    fixed = {"GIT_CONFIG_NOSYSTEM": "1", "PATH": programs}
    return {**kept, **{name: str(path) for name, path in own.items()}, **fixed}


def _entry(path: Path) -> Entry:
    mode = path.lstat().st_mode
    content = b""
    if stat.S_ISLNK(mode):
        content = os.fsencode(path.readlink())
    elif stat.S_ISREG(mode):
        content = path.read_bytes()
    return Entry(mode, hashlib.sha256(content).hexdigest())


def _test_id(case: ElementTree.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"


def _test_outcome(case: ElementTree.Element) -> str:
    return next((part.tag for part in case if part.tag in {"failure", "error", "skipped"}), "passed")


def _names(folder: Path) -> list[str]:
    """What is in a folder that another run may be removing at this moment."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("INTEGRATION_MARK") == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Names a folder that does not exist yet, with nothing beside it."""
    return lambda name: tmp_path_factory.mktemp("project") / name


@pytest.fixture(scope="session")
def make_project(new_folder: Callable[[str], Path]) -> Callable[..., Project]:
    """Makes a folder with files, a repository unless it is said otherwise."""

    def make(
        files: Mapping[str, str | bytes], *, repository: bool = True, python: Path | None = None
    ) -> Project:
        root = new_folder("repo")
        root.mkdir()
        project = Project(root, python)
        project.write(files)
        return project.start() if repository else project

    return make
