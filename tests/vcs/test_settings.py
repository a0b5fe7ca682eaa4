"""What git obeys: nothing that an agent brings, and nothing that changes under a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.errors import RepositoryError
from stomper_sdk.vcs.checkout import Checkout
from stomper_sdk.vcs.repository import Repository, open_repository

Make = Callable[..., Any]


@pytest.fixture
def opened(make_checkout: Make) -> Any:
    user = make_checkout({"a.txt": "a\n"})
    (user.root / ".git" / "hooks").mkdir(exist_ok=True)
    user.git("config", "branch.main.remote", "origin")
    repository = open_repository(user.root)
    yield user, repository
    repository.close()


@pytest.mark.parametrize(
    "name", ["config", "info/exclude", "info/attributes", "objects/info/alternates", "hooks/pre-push"]
)
def test_a_change_is_told_by_its_file(name: str, opened: tuple[Any, Repository]) -> None:
    user, repository = opened
    repository.check_settings()
    place = user.root / ".git" / name
    place.parent.mkdir(exist_ok=True)
    with place.open("a") as file:
        file.write("\n[core]\nfsmonitor = x\n")
    with pytest.raises(RepositoryError, match=f"{name} was changed while the run was at work"):
        repository.check_settings()


@pytest.mark.parametrize(
    "lines",
    ['[branch "main"][core]\nfsmonitor = x\n', '[branch "main"]\nx = \\\n[core]\nfsmonitor = y\n',
     '[branch "x]\n[core]\nfsmonitor = x\n', '[Branch "x"]\ny = z\n[core]\nfsmonitor = x\n'],
)  # fmt: skip
def test_nothing_hides_behind_a_branch(lines: str, opened: tuple[Any, Repository]) -> None:
    user, repository = opened
    with (user.root / ".git" / "config").open("a") as file:
        file.write(lines)
    with pytest.raises(RepositoryError):
        repository.check_settings()


def test_what_git_notes_of_branches_and_sample_hooks_is_nothing(opened: tuple[Any, Repository]) -> None:
    user, repository = opened
    user.git("config", "branch.other.merge", "refs/heads/main")
    user.git("config", "--unset", "branch.main.remote")
    (user.root / ".git" / "hooks" / "pre-push.sample").write_text("x")
    user.git("branch", "other")
    user.commit({"b.txt": "b\n"}, "more")
    repository.check_settings()


def worktree(user: Any, place: Path) -> Checkout:
    """A workspace as a run lends it."""
    user.git("worktree", "add", "--quiet", "--detach", str(place))
    common = user.root / ".git"
    made = Checkout(place, user.head, git_dir=common / "worktrees" / place.name, common_dir=common)
    return attrs.evolve(made, first=made.files())


def plant(folder: Path, user: Any, out: Path) -> None:
    """A repository whose filter and whose monitor leave a trace."""
    folder.mkdir(exist_ok=True)
    where = ("-C", str(folder), "-c", "user.name=n", "-c", "user.email=e")
    user.git(*where, "init", "--quiet")
    (folder / "f").write_text("1\n")
    user.git(*where, "add", "f")
    user.git(*where, "commit", "--quiet", "-m", "s")
    user.git(*where, "config", "filter.x.clean", f"touch {out}/filtered; cat")
    user.git(*where, "config", "core.fsmonitor", f"touch {out}/watched")
    (folder / ".gitattributes").write_text("* filter=x\n")
    (folder / "f").write_text("2\n")


@pytest.mark.parametrize("known", [False, True], ids=["new", "in the place of a submodule"])
def test_a_repository_that_an_agent_makes_is_none(known: bool, make_checkout: Make, tmp_path: Path) -> None:
    user, out = make_checkout({"a.txt": "a\n"}), tmp_path / "out"
    out.mkdir()
    if known:
        user.git("update-index", "--add", "--cacheinfo", f"160000,{user.head},sub")
        user.git("commit", "--quiet", "-m", "a submodule")
    checkout = worktree(user, tmp_path / "tree")
    plant(tmp_path / "tree" / "sub", user, out)
    for _ in range(2):
        changed = {change.path for change in checkout.snapshot()}
        assert changed == (set() if known else {"sub/.gitattributes", "sub/f"})
    checkout.restore()
    assert (list(out.iterdir()), checkout.snapshot()) == ([], ())


def test_a_repository_that_was_there_stays_one(make_checkout: Make, tmp_path: Path) -> None:
    user = make_checkout({"a.txt": "a\n"})
    made = worktree(user, tmp_path / "tree")
    plant(tmp_path / "tree" / "sub", user, tmp_path)
    checkout = attrs.evolve(made, first=made.files())
    assert [change.after.mode for change in checkout.snapshot()] == ["160000"]
    assert (tmp_path / "tree" / "sub" / ".git").is_dir()


def test_where_the_repository_is_is_not_asked_of_the_entry(make_checkout: Make, tmp_path: Path) -> None:
    user, out = make_checkout({"a.txt": "a\n"}), tmp_path / "out"
    out.mkdir()
    checkout = worktree(user, tmp_path / "tree")
    plant(tmp_path / "evil", user, out)
    assert checkout.git_dir is not None
    (checkout.git_dir / "commondir").write_text(f"{tmp_path}/evil/.git\n")
    (tmp_path / "tree" / ".gitattributes").write_text("* filter=x\n")
    (tmp_path / "tree" / "a.txt").write_text("b\n")
    assert [change.path for change in checkout.snapshot()] == [".gitattributes", "a.txt"]
    assert list(out.iterdir()) == []
    (checkout.git_dir / "config.worktree").write_text("[core]\n")
    with pytest.raises(RepositoryError, match="settings of its own"):
        checkout.snapshot()


@pytest.mark.parametrize("script", ["remove", "link", "own"])
def test_a_workspace_is_led_back_to_its_repository(script: str, make_checkout: Make, tmp_path: Path) -> None:
    user = make_checkout({"a.txt": "a\n"})
    checkout, link = worktree(user, tmp_path / "tree"), tmp_path / "tree" / ".git"
    before = link.read_bytes()
    link.unlink()
    if script == "link":
        link.symlink_to(user.root)
    elif script == "own":
        user.git("init", "--quiet", str(link.parent))
    checkout.relink()
    assert (link.is_symlink(), link.read_bytes()) == (False, before)
