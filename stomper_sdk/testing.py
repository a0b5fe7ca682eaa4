"""For authors of plug-ins, and for our own tests: real repositories, and what every plug-in must keep.

A contract is a class of tests. Subclass it in a test module, give it the plug-in by a fixture, and pytest
runs the whole contract:

    class TestMyAgent(AgentContract):
        @pytest.fixture
        def agent(self):
            return MyAgent(name="mine")

The tests start trio themselves; no plug-in of pytest is needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

import attrs
import pytest
import trio

from stomper_sdk.agents.base import Agent, AgentReply, AgentTask
from stomper_sdk.checks.base import Check, Look, Tree
from stomper_sdk.errors import AgentError, CheckError
from stomper_sdk.model.finding import Finding
from stomper_sdk.process import adopting_orphans, clean_environment

__all__ = ["AgentContract", "CheckContract", "git", "make_repository", "snapshot", "write_files"]

_SECONDS = 60.0


def make_repository(
    path: Path, files: Mapping[str, str | bytes], commit: bool = True, branch: str = "main"
) -> Path:
    """A git repository that knows nothing of the machine's git settings.

    Args:
        path: its folder; made if it is not there.
        files: repo-relative path -> content; text is written as UTF-8 with its line ends kept.
        commit: commit the files.
        branch: the name of its branch.
    """
    path.mkdir(parents=True, exist_ok=True)
    git(path, "init", "--quiet", f"--initial-branch={branch}")
    settings = {"user.name": "Tester", "user.email": "tester@example.com", "commit.gpgSign": "false"}
    for key, value in {**settings, "core.autocrlf": "false", "gc.auto": "0"}.items():
        git(path, "config", key, value)
    write_files(path, files)
    if commit:
        git(path, "add", "--all", "--force")
        git(path, "commit", "--quiet", "--allow-empty", "--message", "Start")
    return path


def git(repo: Path, *args: str) -> str:
    """What a git command prints, run in a repository without the user's and the system's settings.

    Raises:
        subprocess.CalledProcessError: git failed.
    """
    env = clean_environment({"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"})
    done = subprocess.run(["git", *args], cwd=repo, env=env, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder, and the folders that they need."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a folder: path -> mode and content, a link's target, nothing for a folder."""
    return {path.relative_to(folder).as_posix(): _entry(path) for path in sorted(folder.rglob("*"))}


def _entry(path: Path) -> tuple[int, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, os.fsencode(path.readlink())
    return mode, path.read_bytes() if stat.S_ISREG(mode) else b""


class AgentContract:
    """What every agent keeps. Override the fixture `agent`, and `task` where the default does not fit it."""

    #: Whether the agent is expected to change something in the task's workspace.
    edits: ClassVar[bool] = True
    #: When it is cancelled, in seconds after its start.
    cancel_after: ClassVar[Sequence[float]] = (0.0, 0.02, 0.2)

    @pytest.fixture
    def agent(self) -> Agent:
        raise NotImplementedError("override the fixture `agent`")

    @pytest.fixture
    def task(self, tmp_path: Path) -> AgentTask:
        """A workspace with one file that imports what it does not use."""
        source = "import os\n\nprint('hello')\n"
        workspace = make_repository(tmp_path / "workspace", {"a.py": source, "b.py": source})
        finding = Finding("ruff", "F401", "`os` imported but unused", "a.py", 1, 8)
        return AgentTask(workspace, "a.py", (finding,), "Remove the unused import from a.py.")

    def test_it_has_a_name_a_time_limit_and_says_whether_to_ask_once(self, agent: Agent) -> None:
        assert isinstance(agent.name, str) and agent.name, "an agent has a name"
        assert agent.timeout > 0, "an agent has a time limit, in seconds"
        assert isinstance(agent.once, bool), "an agent says whether asking it twice is of no use"

    def test_it_edits_the_workspace_and_nothing_else(self, agent: Agent, task: AgentTask) -> None:
        """Run from another folder with the same files: relative paths mean the workspace."""
        elsewhere = task.workspace.parent / "elsewhere"
        shutil.copytree(task.workspace, elsewhere)
        outside, inside = _outside(task), snapshot(task.workspace)
        with contextlib.chdir(elsewhere):
            reply = _run(agent, task)
        assert _outside(task) == outside, "an agent leaves everything outside its workspace alone"
        assert reply is None or isinstance(reply, AgentReply), "an agent returns an AgentReply or None"
        if self.edits:
            assert snapshot(task.workspace) != inside, "the agent changed nothing in its workspace"

    def test_it_can_be_cancelled_and_leaves_no_process(self, agent: Agent, task: AgentTask) -> None:
        for delay in self.cancel_after:
            before = _descendants()
            with adopting_orphans():
                trio.run(_cancelled, agent, task, delay)
                left = _descendants() - before
            assert not left, f"an agent that is cancelled after {delay:g} s leaves processes: {left}"

    def test_its_errors_are_agent_errors(self, agent: Agent, task: AgentTask) -> None:
        """The workspace is gone: it may say so or shrug, but raise nothing else."""
        shutil.rmtree(task.workspace)
        with contextlib.suppress(AgentError):
            _run(agent, task)

    def test_it_works_in_two_workspaces_at_once(self, agent: Agent, task: AgentTask) -> None:
        second = task.workspace.parent / "second"
        shutil.copytree(task.workspace, second)
        before = snapshot(second)
        trio.run(_together, agent, (task, attrs.evolve(task, workspace=second)))
        if self.edits:
            assert snapshot(task.workspace) != before, "the first workspace was not edited"
            assert snapshot(second) != before, "the second workspace was not edited"


def _run(agent: Agent, task: AgentTask) -> AgentReply | None:
    async def edit() -> AgentReply | None:
        with trio.fail_after(_SECONDS):
            return await agent.edit(task)

    return trio.run(edit)


async def _cancelled(agent: Agent, task: AgentTask, delay: float) -> None:
    with trio.fail_after(_SECONDS), trio.move_on_after(delay), contextlib.suppress(AgentError):
        await agent.edit(task)


async def _together(agent: Agent, tasks: Sequence[AgentTask]) -> None:
    with trio.fail_after(_SECONDS):
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(agent.edit, task)


def _outside(task: AgentTask) -> dict[str, tuple[int, bytes]]:
    entries = snapshot(task.workspace.parent)
    return {path: entry for path, entry in entries.items() if path.split("/")[0] != task.workspace.name}


def _descendants() -> set[int]:
    import psutil

    return {child.pid for child in psutil.Process().children(recursive=True)}


class CheckContract:
    """What every check keeps. Override the fixtures `check`, `files` and `clean_files`."""

    @pytest.fixture
    def check(self) -> Check:
        raise NotImplementedError("override the fixture `check`")

    @pytest.fixture
    def files(self) -> Mapping[str, str]:
        """Path -> text of a tree in which the check finds something, best in two files and a folder."""
        raise NotImplementedError("override the fixture `files`")

    @pytest.fixture
    def clean_files(self) -> Mapping[str, str]:
        """Path -> text of a tree in which it finds nothing."""
        raise NotImplementedError("override the fixture `clean_files`")

    @pytest.fixture
    def broken_check(self) -> Check | None:
        """The same check with a program that is missing; None where it has no program."""
        return None

    def test_it_tells_its_version(self, check: Check) -> None:
        assert trio.run(check.version).strip(), "a check tells its version"

    def test_it_finds_with_relative_paths(
        self, check: Check, files: Mapping[str, str], tmp_path: Path
    ) -> None:
        look = _look(check, tmp_path, files)
        assert look.findings, "the check finds nothing where it should"
        for finding in look.findings:
            path = PurePosixPath(finding.path)
            assert finding.check == check.name, "a finding carries the name of its check"
            assert not path.is_absolute() and ".." not in path.parts, f"{path} is not relative"
            assert (tmp_path / "tree" / path).is_file(), f"there is no file {path}"

    def test_it_finds_nothing_in_a_clean_tree(
        self, check: Check, clean_files: Mapping[str, str], tmp_path: Path
    ) -> None:
        findings = _look(check, tmp_path, clean_files).findings
        assert not findings, f"the check finds something in a clean tree: {findings}"

    def test_it_finds_the_same_file_by_file(
        self, check: Check, files: Mapping[str, str], tmp_path: Path
    ) -> None:
        """Holds for checks of scope `file`; others look at everything anyway."""
        whole = _look(check, tmp_path, files).findings
        if check.scope == "file":
            parts = [_look(check, tmp_path, files, [path]).findings for path in files]
            assert set(whole) == {finding for part in parts for finding in part}

    def test_it_leaves_no_footprint(self, check: Check, files: Mapping[str, str], tmp_path: Path) -> None:
        write_files(tmp_path / "tree", files)
        before = snapshot(tmp_path / "tree")
        _look(check, tmp_path, files)
        assert snapshot(tmp_path / "tree") == before, "a check changes nothing in the tree it looks at"

    def test_it_says_when_its_program_is_missing(
        self, broken_check: Check | None, files: Mapping[str, str], tmp_path: Path
    ) -> None:
        if broken_check is None:
            pytest.skip("the check has no program, or offers no broken one")
        with pytest.raises(CheckError):
            _look(broken_check, tmp_path, files)


def _look(check: Check, folder: Path, files: Mapping[str, str], paths: Sequence[str] | None = None) -> Look:
    write_files(folder / "tree", files)
    (folder / "cache").mkdir(exist_ok=True)

    async def look() -> Look:
        with trio.fail_after(_SECONDS):
            return await check.look(Tree(folder / "tree", folder / "cache"), paths)

    return trio.run(look)
