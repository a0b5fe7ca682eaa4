from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.errors import ConflictError, RepositoryError
from stomper_sdk.vcs.checkout import Checkout as Tree
from stomper_sdk.vcs.git import git
from stomper_sdk.vcs.repository import Applied, Repository, Target, open_repository

Make = Callable[..., Any]


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Repository]]:
    repositories: list[Repository] = []

    def open_it(path: Path) -> Repository:
        repositories.append(open_repository(path))
        return repositories[-1]

    yield open_it
    for repository in repositories:
        repository.close()


def workspace(repository: Repository, place: Path) -> Tree:
    git(repository.root, "worktree", "add", "--quiet", "--detach", str(place), "HEAD")
    return Tree(place, repository.commit_of("HEAD"))


def fix(repository: Repository, tree: Tree, message: str = "fix") -> str:
    target = repository.current_target()
    return commit_applied(repository, target, repository.apply(target, tree.snapshot()), message)


def commit_applied(repository: Repository, target: Target, applied: Applied, message: str) -> str:
    commit = repository.draft(applied, message)
    repository.advance(target, applied.parent, commit)
    return commit


def test_a_commit_holds_exactly_the_workspace_difference(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout(
        {"a.py": "old\n", "gone/x.py": "x", "mode.sh": "#!", "bin": b"\0\1", "crlf.txt": b"a\r\nb\r\n"}
    )
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("new without newline")
    (tree.root / "gone/x.py").unlink()
    (tree.root / "mode.sh").chmod(0o755)
    (tree.root / "bin").write_bytes(b"\0\2\xff")
    (tree.root / "crlf.txt").write_bytes(b"a\r\nc\r\n")
    (tree.root / "deep/er").mkdir(parents=True)
    (tree.root / "deep/er/né w\n.py").write_text("n")
    (tree.root / "link").symlink_to("a.py")
    fix(repository, tree)
    assert user.read("a.py") == "new without newline"
    assert not (user.root / "gone").exists()
    assert os.access(user.root / "mode.sh", os.X_OK)
    assert (user.root / "bin").read_bytes() == b"\0\2\xff"
    assert (user.root / "crlf.txt").read_bytes() == b"a\r\nc\r\n"
    assert user.read("deep/er/né w\n.py") == "n"
    assert (user.root / "link").readlink() == Path("a.py")
    assert user.status == ""
    assert user.git("fsck", "--strict") == ""
    assert user.tree == git(tree.root, "write-tree").decode().strip()


def test_staged_unstaged_and_untracked_work_survives(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout(
        dict.fromkeys(("fixed.py", "staged.py", "changed.py", "both.py", "removed.py"), "old\n")
    )
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "fixed.py").write_text("new\n")
    user.write({"staged.py": "staged\n", "both.py": "staged\n", "added.py": "added\n"})
    user.git("add", "staged.py", "both.py", "added.py")
    user.git("rm", "--quiet", "removed.py")
    user.write(
        {"both.py": "changed\n", "changed.py": "changed\n", "untracked.py": "u\n", "intended.py": "i\n"}
    )
    user.git("add", "--intent-to-add", "intended.py")
    before = user.status, user.git("diff", "--cached", "--", ":!fixed.py"), user.git("diff")
    fix(repository, tree)
    assert (user.status, user.git("diff", "--cached"), user.git("diff")) == before
    assert user.git("show", "--name-only", "--format=", "HEAD").split() == ["fixed.py"]
    assert user.read("fixed.py") == "new\n"


def test_fixes_of_different_files_from_one_base_both_land(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n", "b.py": "b\n", "sub/c.py": "c\n"})
    repository = opened(user.root)
    trees = [workspace(repository, tmp_path / name) for name in "xyz"]
    for tree, name in zip(trees, ("a.py", "b.py", "sub/c.py"), strict=True):
        (tree.root / name).write_text("fixed\n")
        fix(repository, tree, f"fix {name}")
    assert user.subjects == ["start", "fix a.py", "fix b.py", "fix sub/c.py"]
    assert [user.read(name) for name in ("a.py", "b.py", "sub/c.py")] == ["fixed\n"] * 3
    assert user.status == ""


def test_a_file_that_the_branch_changed_meanwhile_is_a_conflict(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    user.commit({"a.py": "theirs\n"}, "theirs")
    with pytest.raises(ConflictError, match=r"a\.py was changed in refs/heads/main meanwhile") as caught:
        fix(repository, tree)
    assert caught.value.retryable
    assert user.read("a.py") == "theirs\n"


def test_a_file_that_the_user_is_changing_is_a_conflict_that_retrying_cannot_help(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    user.write({"a.py": "being typed\n"})
    head = user.head
    with pytest.raises(ConflictError, match="changed in your working tree") as caught:
        fix(repository, tree)
    assert not caught.value.retryable
    assert (user.read("a.py"), user.head) == ("being typed\n", head)


def test_an_untracked_file_of_the_user_is_not_overwritten(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "new.py").write_text("the fix's\n")
    user.write({"new.py": "the user's\n"})
    with pytest.raises(ConflictError):
        fix(repository, tree)
    assert user.read("new.py") == "the user's\n"


def test_a_commit_between_apply_and_commit_is_a_conflict(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n", "b.py": "b\n"})
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    target = repository.current_target()
    applied = repository.apply(target, tree.snapshot())
    theirs = user.commit({"b.py": "theirs\n"})
    with pytest.raises(ConflictError, match="branch was moved"):
        commit_applied(repository, target, applied, "fix")
    assert user.head == theirs


def test_nothing_is_committed_to_a_branch_that_the_user_switched_to(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    target = repository.current_target()
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    user.git("switch", "--quiet", "--create", "other")
    with pytest.raises(ConflictError, match="has left refs/heads/main"):
        repository.apply(target, tree.snapshot())
    assert user.read("a.py") == "a\n"


def test_a_branch_that_nobody_has_checked_out_never_touches_the_checkout(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    target = Target("refs/heads/fixes/one", False, user.head)
    repository.check_new_branch(target)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    head = user.head
    commit = commit_applied(repository, target, repository.apply(target, tree.snapshot()), "fix")
    assert user.git("rev-parse", "fixes/one").strip() == commit
    assert (user.head, user.read("a.py"), user.status) == (head, "a\n", "")


@pytest.mark.parametrize(("name", "said"), [("mine", "exists already"), ("a..b", "does not take 'a..b'")])
def test_a_branch_that_cannot_be_made_is_refused(
    name: str, said: str, make_checkout: Make, opened: Any
) -> None:
    user = make_checkout({"a.py": "a\n"})
    user.git("branch", "mine")
    with pytest.raises(RepositoryError, match=said):
        opened(user.root).check_new_branch(Target(f"refs/heads/{name}", False, user.head))


def test_a_held_index_is_waited_for(make_checkout: Make, opened: Any, tmp_path: Path) -> None:
    user = make_checkout({"a.py": "a\n"})
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    lock = user.root / ".git" / "index.lock"
    lock.touch()
    holder = subprocess.Popen(["sh", "-c", f"sleep 0.3; rm '{lock}'"])
    fix(repository, tree)
    assert holder.wait() == 0
    assert user.read("a.py") == "fixed\n"


def test_a_detached_head_is_moved_itself(make_checkout: Make, opened: Any, tmp_path: Path) -> None:
    user = make_checkout({"a.py": "a\n"})
    user.git("checkout", "--quiet", "--detach")
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    commit = fix(repository, tree)
    assert user.head == commit
    assert user.git("rev-parse", "main").strip() != commit


def test_settings_of_the_user_do_not_bend_a_commit(make_checkout: Make, opened: Any, tmp_path: Path) -> None:
    user = make_checkout({"a.py": "a\n", "b.py": "b\n"})
    hook = user.root / ".git/hooks/post-merge"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    for key, value in {"merge.ff": "no", "merge.autoStash": "true", "core.quotePath": "true"}.items():
        user.git("config", key, value)
    repository = opened(user.root)
    tree = workspace(repository, tmp_path / "w")
    (tree.root / "a.py").write_text("fixed\n")
    user.write({"b.py": "mine\n"})
    fix(repository, tree)
    assert user.status == " M b.py\n"
    assert user.git("log", "--format=%p", "-1").split() == [
        user.git("rev-parse", "--short", "HEAD~1").strip()
    ]


def test_unfinished_business_is_named(make_checkout: Make, opened: Any) -> None:
    user = make_checkout({"a.py": "a\n"})
    user.git("checkout", "--quiet", "-b", "other")
    user.commit({"a.py": "other\n"})
    user.git("checkout", "--quiet", "main")
    user.commit({"a.py": "main\n"})
    user.git("merge", "other", ok=False)
    with pytest.raises(RepositoryError, match="in the middle of a merge") as caught:
        opened(user.root).check_ready()
    assert "git merge --continue" in caught.value.hint


def test_nobody_to_commit_as_is_said(make_checkout: Make, opened: Any) -> None:
    user = make_checkout({"a.py": "a\n"})
    user.git("config", "--unset", "user.email")
    user.git("config", "user.useConfigOnly", "true")
    with pytest.raises(RepositoryError, match="who commits here") as caught:
        opened(user.root).check_ready()
    assert "git config user.name" in caught.value.hint


@pytest.mark.parametrize("kind", ["no repository", "bare", "no commit", "missing"])
def test_what_is_no_usable_repository_is_refused(kind: str, tmp_path: Path, opened: Any) -> None:
    place = tmp_path / "place"
    if kind != "missing":
        place.mkdir()
    if kind in ("bare", "no commit"):
        options = ["--bare"] if kind == "bare" else []
        subprocess.run(["git", "init", "--quiet", *options, str(place)], check=True)
    with pytest.raises(RepositoryError) as caught:
        opened(place).check_ready()
    words = {
        "no repository": "not in a git",
        "bare": "bare",
        "no commit": "no commit yet",
        "missing": "no folder",
    }
    assert words[kind] in str(caught.value)


def test_a_folder_below_and_a_linked_worktree_open_at_their_top(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"pkg/a.py": "a\n"})
    user.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    assert opened(user.root / "pkg").root == user.root
    linked = opened(tmp_path / "linked")
    assert (linked.root, linked.common_dir) == (tmp_path / "linked", user.root / ".git")


def test_variables_of_a_hook_do_not_lead_elsewhere(
    make_checkout: Make, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, other = make_checkout({"a.py": "a\n"}), make_checkout({"z.py": "z\n"}, "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    assert set(opened(user.root).tracked_files()) == {"a.py"}


def test_restore_goes_back_to_the_start_or_to_changes(
    make_checkout: Make, opened: Any, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": "a\n", "b.py": "b\n", ".gitignore": "*.cache\n"})
    tree = workspace(opened(user.root), tmp_path / "w")
    (tree.root / "a.py").write_text("better\n")
    (tree.root / "new.py").write_text("new\n")
    (tree.root / "x.cache").write_text("kept")
    best = tree.snapshot()
    (tree.root / "a.py").write_text("worse\n")
    (tree.root / "b.py").unlink()
    (tree.root / "junk").mkdir()
    (tree.root / "junk/j.py").write_text("j")
    tree.restore(best)
    assert tree.snapshot() == best
    names = sorted(path.name for path in tree.root.iterdir())
    assert names == [".git", ".gitignore", "a.py", "b.py", "new.py"]
    tree.restore()
    assert tree.snapshot() == ()


def test_ignored_files_that_came_later_are_swept(make_checkout: Make, opened: Any, tmp_path: Path) -> None:
    user = make_checkout({"a.py": "a\n", ".gitignore": "*.cache\n"})
    made = workspace(opened(user.root), tmp_path / "w")
    (made.root / "x.cache").write_text("known")
    tree = attrs.evolve(made, known=made.ignored())
    (tree.root / "y.cache").write_text("later")
    (tree.root / "hidden").mkdir()
    (tree.root / "hidden/.gitignore").write_text("*")
    (tree.root / "hidden/ruff.toml").write_text("")
    tree.sweep()
    assert sorted(path.name for path in tree.root.iterdir()) == [".git", ".gitignore", "a.py", "x.cache"]


def test_no_attribute_hides_how_many_lines_changed(make_checkout: Make, opened: Any, tmp_path: Path) -> None:
    user = make_checkout({"a.py": "a\n" * 5, ".gitattributes": "*.py -diff\n"})
    tree = workspace(opened(user.root), tmp_path / "w")
    (tree.root / "a.py").write_text("b\n" * 300)
    (change,) = tree.snapshot()
    assert (change.lines_added, change.lines_removed) == (300, 5)


READ_TWICE = """
import os, signal, sys
from pathlib import Path
from stomper_sdk.vcs.repository import open_repository

repository = open_repository(Path(sys.argv[1]))
first = repository.blob_at(sys.argv[2], "a.py")
signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a run makes of it is another matter
os.killpg(0, signal.SIGINT)
assert repository.blob_at(sys.argv[3], "a.py") != first
"""


def test_what_reads_objects_outlives_an_interrupt(make_checkout: Callable[..., Any]) -> None:
    """A terminal sends it to all processes of the foreground, a notebook to all of the kernel."""
    user = make_checkout({"a.py": "x = 1\n"})
    before, after = user.head, user.commit({"a.py": "x = 2\n"})
    argv = [sys.executable, "-c", READ_TWICE, str(user.root), before, after]
    done = subprocess.run(argv, start_new_session=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
