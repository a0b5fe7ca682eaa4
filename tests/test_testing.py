"""What authors of plug-ins get: repositories, snapshots, and the contract of checks."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from stomper_sdk.checks.base import Check, Evidence, Look, Scope, Tree
from stomper_sdk.model.finding import Finding
from stomper_sdk.testing import CheckContract, git, make_repository, snapshot


def test_a_repository_holds_the_files_in_one_commit(tmp_path: Path) -> None:
    files = {"a.txt": "a\r\n", "folder/b.bin": b"\0\xff", ".gitignore": "*.log\n", "kept.log": "x"}
    repo = make_repository(tmp_path / "repo", files, branch="trunk")
    assert git(repo, "branch", "--show-current") == "trunk\n"
    assert git(repo, "status", "--porcelain") == ""
    assert set(git(repo, "ls-files").split()) == set(files)
    assert git(repo, "log", "--format=%an <%ae>") == "Tester <tester@example.com>\n"
    assert (repo / "folder/b.bin").read_bytes() == b"\0\xff"


def test_a_repository_may_be_left_without_a_commit(tmp_path: Path) -> None:
    repo = make_repository(tmp_path, {"a.txt": "a"}, commit=False)
    assert git(repo, "status", "--porcelain") == "?? a.txt\n"
    with pytest.raises(subprocess.CalledProcessError):
        git(repo, "rev-parse", "HEAD")


def test_a_repository_does_not_depend_on_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[core]\n\tautocrlf = input\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    repo = make_repository(tmp_path / "repo", {"a.txt": "a\r\n"})
    assert git(repo, "show", "HEAD:a.txt") == "a\r\n"


def test_a_snapshot_sees_content_modes_links_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "link").symlink_to("a")
    before = snapshot(tmp_path)
    for change in (
        lambda: (tmp_path / "a").write_text("2"),
        lambda: (tmp_path / "a").chmod(0o700),
        lambda: (tmp_path / "folder").mkdir(),
        lambda: (tmp_path / "link").unlink(),
    ):
        change()
        assert snapshot(tmp_path) != before
        before = snapshot(tmp_path)


@attrs.frozen
class TodoCheck:
    """As a third party writes one; its fields make it wrong in one way each."""

    name: str = "todo"
    scope: Scope = "file"
    absolute: bool = False
    forgets: bool = False
    always: bool = False
    cache: str = ""
    version_text: str = "1"

    def covers(self, path: str) -> bool:
        return True

    async def version(self, tree: Tree | None = None) -> str:
        return self.version_text

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        if self.cache:
            (tree.root / self.cache).write_text("")
        every = sorted(path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*.txt"))
        found = [f for path in (every if paths is None else paths) for f in self._in(tree, path)]
        chosen = found[:-1] if self.forgets and paths is None else found
        return Look(tuple(chosen), Evidence(self.name, (), 0, "1", hashlib.sha256().hexdigest()))

    def _in(self, tree: Tree, path: str) -> list[Finding]:
        lines = (tree.root / path).read_text().splitlines()
        shown = str(tree.root / path) if self.absolute else path
        return [
            Finding(self.name, "TODO", "to do", shown, number)
            for number, line in enumerate(lines, 1)
            if "TODO" in line or self.always
        ]


FILES = {"a.txt": "one\nTODO\n", "folder/b.txt": "TODO\nTODO\n", "c.txt": "done\n"}


class TestTodoCheck(CheckContract):
    @pytest.fixture
    def check(self) -> Check:
        return TodoCheck()

    @pytest.fixture
    def files(self) -> Mapping[str, str]:
        return FILES

    @pytest.fixture
    def clean_files(self) -> Mapping[str, str]:
        return {"c.txt": "done\n"}


contract = CheckContract()


def test_a_broken_check_fails_the_contract(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="relative"):
        contract.test_it_finds_with_relative_paths(TodoCheck(absolute=True), FILES, tmp_path / "1")
    with pytest.raises(AssertionError, match="nothing where it should"):
        contract.test_it_finds_with_relative_paths(TodoCheck(), {"c.txt": "done"}, tmp_path / "2")
    with pytest.raises(AssertionError):
        contract.test_it_finds_the_same_file_by_file(TodoCheck(forgets=True), FILES, tmp_path / "3")
    with pytest.raises(AssertionError, match="clean tree"):
        contract.test_it_finds_nothing_in_a_clean_tree(TodoCheck(always=True), FILES, tmp_path / "4")
    with pytest.raises(AssertionError, match="changes nothing"):
        contract.test_it_leaves_no_footprint(TodoCheck(cache=".cache"), FILES, tmp_path / "5")
    with pytest.raises(AssertionError, match="version"):
        contract.test_it_tells_its_version(TodoCheck(version_text=""))
    with pytest.raises(pytest.fail.Exception):
        contract.test_it_says_when_its_program_is_missing(TodoCheck(), FILES, tmp_path / "6")
