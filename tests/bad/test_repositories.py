"""Repositories as they come, broken and odd: what is refused with words, and what is fixed all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]
Command = Callable[..., Any]
UNUSED = "import os\n\nONE = 1\n"
FIXED = "\nONE = 1\n"


def sessions(root: Path) -> list[Path]:
    return list((root / ".stomper" / "sessions").glob("*"))


def forget(user: Any, name: str) -> None:
    """Lose an object of the repository."""
    sha = user.git("rev-parse", name).strip()
    (user.root / ".git" / "objects" / sha[:2] / sha[2:]).unlink()


def spoil(user: Any, name: str) -> None:
    sha = user.git("rev-parse", name).strip()
    place = user.root / ".git" / "objects" / sha[:2] / sha[2:]
    place.chmod(0o644)
    place.write_bytes(b"nonsense")


def lead_nowhere(user: Any, text: str) -> None:
    shutil.rmtree(user.root / ".git")
    (user.root / ".git").write_text(text)


BROKEN: dict[str, tuple[Callable[[Any], object], tuple[str, ...]]] = {
    "index": (
        lambda user: (user.root / ".git" / "index").write_bytes(b"nonsense"),
        ("index file smaller than expected", "git fsck"),
    ),
    "settings": (
        lambda user: (user.root / ".git" / "config").write_text("[[[\n"),
        ("bad config line 1",),
    ),
    "commit missing": (lambda user: forget(user, "HEAD"), ("the commit that", "is missing", "git fsck")),
    "tree missing": (lambda user: forget(user, "HEAD^{tree}"), ("not a tree object", "git fsck")),
    "file missing": (lambda user: forget(user, "HEAD:a.py"), ("unable to read", "a.py", "git fsck")),
    "file damaged": (lambda user: spoil(user, "HEAD:a.py"), ("corrupt", "git fsck")),
    ".git leads nowhere": (
        lambda user: lead_nowhere(user, "gitdir: /nowhere/at/all\n"),
        ("leads nowhere", "/nowhere/at/all", "git worktree repair"),
    ),
    ".git is no such file": (
        lambda user: lead_nowhere(user, "hello\n"),
        ("leads nowhere", "invalid gitfile format", "remove that file"),
    ),
    "branch without a commit": (
        lambda user: user.git("symbolic-ref", "HEAD", "refs/heads/new"),
        ("has no commit yet", "switch to a branch"),
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_is_said_with_what_to_do(make_checkout: Make, command: Command, how: str) -> None:
    user = make_checkout({"a.py": UNUSED})
    harm, words = BROKEN[how]
    harm(user)
    seen = command("run", "--repo", user.root)
    assert seen.code == 3
    assert seen.tells(*words)
    assert user.read("a.py") == UNUSED
    assert sessions(user.root) == []
    assert list(user.root.glob(".git/worktrees/*")) == []


def test_no_repository_and_a_bare_one_name_the_way(at: Path, command: Command) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", "bare"], check=True)
    (at / "none").mkdir()
    for name, words in {"none": "git init", "bare": "git clone", "missing": "there is no folder"}.items():
        seen = command("run", "--repo", name)
        assert (seen.code, seen.tells(words)) == (3, True)
    assert list((at / "none").iterdir()) == []


def test_a_repository_of_another_user_is_a_matter_of_trust(
    make_checkout: Make, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_checkout({"a.py": UNUSED})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    seen = command("run", "--repo", user.root)
    assert seen.code == 3
    assert seen.tells("belongs to somebody else", f"git config --global --add safe.directory {user.root}")


def conflict(user: Any) -> None:
    user.git("checkout", "--quiet", "-b", "other")
    user.commit({"c.txt": "other\n"}, "other")
    user.git("checkout", "--quiet", "main")
    user.commit({"c.txt": "main\n"}, "main")


UNFINISHED = {
    "merge": (["merge", "other"], "git merge --continue"),
    "rebase": (["rebase", "other"], "git rebase --continue"),
    "cherry-pick": (["cherry-pick", "other"], "git cherry-pick --continue"),
    "revert": (["revert", "--no-commit", "HEAD"], "git revert --continue"),
    "bisect": (["bisect", "start"], "git bisect reset"),
}


@pytest.mark.parametrize("what", UNFINISHED)
@pytest.mark.parametrize("word", ["run", "plan"])
def test_in_the_middle_of_something_nothing_is_started(
    make_checkout: Make, command: Command, what: str, word: str
) -> None:
    user = make_checkout({"a.py": UNUSED})
    conflict(user)
    words, way = UNFINISHED[what]
    user.git(*words, ok=False)
    before = (user.head, user.status)
    seen = command(word, "--repo", user.root)
    assert seen.code == 3
    assert seen.tells(f"in the middle of a {what}", way)
    assert ((user.head, user.status), user.read("a.py")) == (before, UNUSED)


def test_on_no_branch_the_user_is_told_how_to_keep_the_commits(make_checkout: Make, command: Command) -> None:
    user = make_checkout({"a.py": UNUSED})
    start = user.head
    user.git("checkout", "--quiet", "--detach")
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.subjects) == (0, ["start", "fix(ruff): F401 in a.py"])
    assert seen.tells("HEAD is on no branch", "git switch -c NAME")
    assert user.git("rev-parse", "main").strip() == start
    user.git("switch", "--quiet", "main")
    assert "on no branch" not in command("run", "--repo", user.root).err


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho git version 2.29.3\n", ("too old", "2.29.3", "2.30")),
        ("#!/bin/sh\nexit 1\n", ("is no git", "Install git")),
        ("not a program", ("git cannot be started",)),
        (None, ("git is missing", "Install git")),
    ],
)
def test_git_itself_may_be_bad(
    make_checkout: Make,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    words: Any,
) -> None:
    user = make_checkout({"a.py": UNUSED})
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    if script is not None:
        (tmp_path / "bin" / "git").write_text(script)
        (tmp_path / "bin" / "git").chmod(0o755)
    seen = command("run", "--repo", user.root)
    assert (seen.code, seen.tells(*words)) == (3, True)
    assert not (user.root / ".stomper").exists()


# Repositories in repositories


def with_submodule(user: Any, inner: Any) -> None:
    user.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "sub")
    user.commit(message="submodule")


def test_a_submodule_is_left_as_it_is_and_said(make_checkout: Make, command: Command) -> None:
    inner = make_checkout({"inner.py": UNUSED}, "inner")
    user = make_checkout({"a.py": UNUSED})
    with_submodule(user, inner)
    (user.root / "sub" / "inner.py").write_text(UNUSED + "TWO = 2\n")
    before = user.status
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("sub/inner.py: skipped: it is in a submodule")
    assert (user.read("a.py"), user.read("sub/inner.py")) == (FIXED, UNUSED + "TWO = 2\n")
    assert (user.status, user.leftovers()) == (before, [])
    assert user.git("show", "--format=", "--name-only", "HEAD").split() == ["a.py"]


def test_a_submodule_that_was_not_fetched_stays_in_the_commit(make_checkout: Make, command: Command) -> None:
    inner = make_checkout({"inner.py": UNUSED}, "inner")
    user = make_checkout({"a.py": UNUSED})
    with_submodule(user, inner)
    user.git("submodule", "--quiet", "deinit", "--force", "sub")
    before = user.git("ls-tree", "HEAD", "sub")
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.status, user.git("ls-tree", "HEAD", "sub")) == (0, "", before)


def test_a_submodule_may_be_the_repository(make_checkout: Make, command: Command) -> None:
    inner = make_checkout({"inner.py": UNUSED}, "inner")
    user = make_checkout({"a.py": UNUSED})
    with_submodule(user, inner)
    sub = type(user)(user.root / "sub")
    sub.git("config", "user.name", "A User")
    sub.git("config", "user.email", "user@example.org")
    assert command("run", "--repo", sub.root).code == 0
    assert (sub.read("inner.py"), user.read("a.py")) == (FIXED, UNUSED)
    assert (sub.subjects[1:], user.subjects) == (["fix(ruff): F401 in inner.py"], ["start", "submodule"])
    assert list((user.root / ".git" / "modules" / "sub").glob("worktrees/*")) == []


def test_a_clone_inside_the_repository_is_its_own_matter(make_checkout: Make, command: Command) -> None:
    user = make_checkout({"a.py": UNUSED})
    make_checkout({"b.py": UNUSED}, "repo/clone")
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("clone/b.py: skipped: it is in a submodule, or a repository of its own")
    assert (user.read("a.py"), user.read("clone/b.py")) == (FIXED, UNUSED)
    assert (user.status, user.leftovers()) == ("?? clone/\n", [])


# Checkouts of another kind


def cloned(origin: Any, *options: str) -> Any:
    root = origin.root.with_name("clone")
    origin.git("clone", "--quiet", *options, origin.root.as_uri(), str(root))
    clone = type(origin)(root)
    clone.git("config", "user.name", "A User")
    clone.git("config", "user.email", "user@example.org")
    return clone


def test_a_shallow_clone_is_fixed_and_has_no_revision_before(make_checkout: Make, command: Command) -> None:
    origin = make_checkout({"a.py": UNUSED})
    origin.commit({"b.py": "ONE = 1\n"})
    user = cloned(origin, "--depth=1")
    seen = command("run", "--repo", user.root, "--since", "HEAD~1")
    assert seen.code in {2, 3}
    assert seen.tells("HEAD~1")
    assert (user.subjects, user.leftovers()) == (["change"], [])
    assert command("run", "--repo", user.root).code == 0
    assert (user.subjects, user.read("a.py")) == (["change", "fix(ruff): F401 in a.py"], FIXED)


@pytest.mark.parametrize("how", [["in"], ["--no-cone", "/*", "!/out/"]])
def test_files_outside_of_a_sparse_checkout_stay_in_the_commits(
    make_checkout: Make, command: Command, how: list[str]
) -> None:
    origin = make_checkout({"a.py": UNUSED, "in/b.py": UNUSED, "out/c.py": UNUSED})
    user = cloned(origin)
    user.git("sparse-checkout", "set", *how)
    assert not (user.root / "out").exists()
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.status, user.leftovers()) == (0, "", [])
    assert seen.tells("left alone: 1 finding in files that your sparse checkout leaves out")
    assert "reported in a fresh checkout only" not in seen.err
    changed = user.git("diff", "--name-only", "origin/main", "HEAD").split()
    assert (changed, user.shown("HEAD", "out/c.py")) == (["a.py", "in/b.py"], UNUSED)
    assert not (user.root / "out").exists()


def test_a_linked_worktree_is_fixed_alone(make_checkout: Make, command: Command, tmp_path: Path) -> None:
    user = make_checkout({"a.py": UNUSED})
    user.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    linked = type(user)(tmp_path / "linked")
    assert command("run", "--repo", linked.root).code == 0
    assert (linked.subjects, linked.read("a.py"), linked.status) == (
        ["start", "fix(ruff): F401 in a.py"],
        FIXED,
        "",
    )
    assert (user.subjects, user.read("a.py"), user.status) == (["start"], UNUSED, "")
    assert [path.name for path in (user.root / ".git" / "worktrees").iterdir()] == ["linked"]


def test_a_folder_below_means_the_whole_repository(make_checkout: Make, command: Command) -> None:
    user = make_checkout({"a.py": UNUSED, "pkg/b.py": UNUSED})
    assert command("run", "--repo", user.root / "pkg").code == 0
    assert (user.read("a.py"), user.read("pkg/b.py"), user.leftovers()) == (FIXED, FIXED, [])
    assert not (user.root / "pkg" / ".stomper").exists()


@pytest.mark.parametrize("name", ["with space", "new\nline", "grüße-日本", "quo'te\"s", "-dash", "a;b&c"])
def test_the_path_of_the_repository_may_be_odd(make_checkout: Make, command: Command, name: str) -> None:
    user = make_checkout({"a.py": UNUSED}, name)
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.read("a.py"), user.status, user.leftovers()) == (0, FIXED, "", [])
    assert user.subjects == ["start", "fix(ruff): F401 in a.py"]


@pytest.mark.parametrize(
    ("name", "words"), [(b"not\xffutf8", "is not UTF-8"), (b"$HOME", "name of a variable")]
)
def test_a_path_that_no_tool_could_say_is_refused(
    make_checkout: Make, command: Command, name: bytes, words: str
) -> None:
    try:
        user = make_checkout({"a.py": UNUSED}, os.fsdecode(name))
    except OSError:
        pytest.skip("no such name can be made here")
    seen = command("run", "--repo", user.root)
    assert (seen.code, seen.tells(words, "Rename it"), user.read("a.py")) == (3, True, UNUSED)


# What git makes of files


@pytest.mark.parametrize("how", ["core.autocrlf=true", "* text=auto eol=crlf", "core.autocrlf=input"])
def test_line_ends_that_git_changes_are_no_part_of_a_fix(
    make_checkout: Make, command: Command, how: str
) -> None:
    files = {"a.py": UNUSED.replace("\n", "\r\n") if how.endswith("input") else UNUSED}
    if how.startswith("*"):
        files[".gitattributes"] = f"{how}\n"
    user = make_checkout(files)
    if how.startswith("core"):
        user.git("config", *how.split("="))
    (user.root / "a.py").unlink()
    user.git("checkout", "--quiet", ".")
    assert b"\r\n" in (user.root / "a.py").read_bytes()
    assert command("run", "--repo", user.root).code == 0
    assert (user.root / "a.py").read_bytes() == FIXED.replace("\n", "\r\n").encode()
    added, removed, _ = user.git("diff", "--numstat", "HEAD~1", "HEAD").split()
    assert (added, removed, user.status) == ("0", "1", "")


def test_a_file_that_git_would_rewrite_is_told_and_holds_up_no_other(
    make_checkout: Make, command: Command
) -> None:
    crlf = UNUSED.replace("\n", "\r\n")
    user = make_checkout({"a.py": crlf, "b.py": UNUSED})
    user.write({".gitattributes": "*.py text\n"})
    user.git("add", ".gitattributes")
    user.git("commit", "--quiet", "-m", "attributes")
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("a.py: skipped: git would rewrite all of it", "git add --renormalize")
    assert (user.root / "a.py").read_bytes() == crlf.encode()
    assert (user.read("b.py"), user.subjects[-1]) == (FIXED, "fix(ruff): F401 in b.py")
    assert user.git("diff", "--name-only", "HEAD~1", "HEAD").split() == ["b.py"]


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"


def test_a_filter_that_is_not_installed_is_named(make_checkout: Make, command: Command) -> None:
    user = make_checkout({"a.py": UNUSED, ".gitattributes": "*.py filter=big\n"})
    for name in ("clean", "smudge"):
        user.git("config", f"filter.big.{name}", "stomper-no-such-program")
    user.git("config", "filter.big.required", "true")
    (user.root / "a.py").touch()
    seen = command("run", "--repo", user.root)
    assert seen.code == 3
    assert seen.tells("stomper-no-such-program", "A filter of .gitattributes does not work here")
    assert (user.read("a.py"), user.subjects, user.leftovers()) == (UNUSED, ["start"], [])


def test_a_pointer_to_a_large_file_is_not_taken_for_fixed(make_checkout: Make, command: Command) -> None:
    user = make_checkout({"a.py": UNUSED, "big.py": POINTER, ".gitattributes": "big.py filter=lfs -text\n"})
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("big.py: unfixed")
    assert (user.read("big.py"), user.read("a.py"), user.status) == (POINTER, FIXED, "")


def test_names_that_differ_in_case_alone_are_different_files(make_checkout: Make, command: Command) -> None:
    names = ("a.py", "A.py", "pkg/b.py", "Pkg/b.py")
    user = make_checkout(dict.fromkeys(names, UNUSED))
    if len(list(user.root.glob("[!.]*"))) != 4:
        pytest.skip("names that differ in case alone are one file here")
    user.git("config", "core.ignoreCase", "true")
    seen = command("run", "--repo", user.root)
    assert seen.code == 0
    assert [user.read(name) for name in names] == [FIXED] * 4
    assert len(user.subjects) == 5


def test_thousands_of_files_are_no_matter(make_checkout: Make, command: Command) -> None:
    plain = {f"pkg{number % 50}/module{number}.py": "ONE = 1\n" for number in range(3000)}
    user = make_checkout({"a.py": UNUSED, **plain})
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.read("a.py"), user.status, user.leftovers()) == (0, FIXED, "", [])


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (".git", ("Read-only file system", ".git/stomper-")),
        (".", (".stomper cannot be written", "Read-only")),
    ],
)
def test_what_is_read_only_is_said(
    make_checkout: Make, start: Command, mounts: Callable[[str], list[str]], what: str, words: tuple[str, ...]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    place = f"'{user.root / what}'"
    before = mounts(f"mount --bind {place} {place}; mount -o remount,bind,ro {place}")
    seen = start("run", "--repo", user.root, before=before)
    assert seen.code == 3
    assert seen.tells(*words)
    assert (user.read("a.py"), user.subjects, user.leftovers()) == (UNUSED, ["start"], [])


def test_a_checkout_that_is_read_only_keeps_branch_and_files_together(
    make_checkout: Make, start: Command, mounts: Callable[[str], list[str]]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    (user.root / ".stomper").mkdir()
    script = "\n".join(
        [
            f"cd '{user.root}'",
            "mount --bind . .",
            f"cd '{user.root}'; mount --bind .git .git; mount --bind .stomper .stomper",
            "mount -o remount,bind,ro .",
        ]
    )
    seen = start("run", "--repo", user.root, before=mounts(script))
    assert seen.code == 3
    assert seen.tells("unable to unlink old 'a.py': Read-only file system", "Run where it can be written")
    assert (user.read("a.py"), user.subjects, user.status) == (UNUSED, ["start"], "")
