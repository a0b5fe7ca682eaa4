"""The user's repository: its state, and commits that move its branch without touching their work."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.errors import ConflictError, RepositoryError, UsageError
from stomper_sdk.vcs.checkout import ABSENT, Change
from stomper_sdk.vcs.discovery import discover
from stomper_sdk.vcs.forward import fast_forward
from stomper_sdk.vcs.git import DAMAGED, GitError, git
from stomper_sdk.vcs.settings import Settings, read_settings

__all__ = ["Repository", "Status", "Target", "open_repository", "try_repository"]

_UNFINISHED = {
    "MERGE_HEAD": ("merge", "git merge --continue or --abort"),
    "rebase-merge": ("rebase", "git rebase --continue or --abort"),
    "rebase-apply": ("rebase", "git rebase --continue or --abort"),
    "CHERRY_PICK_HEAD": ("cherry-pick", "git cherry-pick --continue or --abort"),
    "REVERT_HEAD": ("revert", "git revert --continue or --abort"),
    "BISECT_LOG": ("bisect", "git bisect reset"),
}
_UNMERGED = frozenset({"DD", "AU", "UD", "UA", "DU", "AA", "UU"})
_ROLES = {"author": "GIT_AUTHOR_IDENT", "committer": "GIT_COMMITTER_IDENT"}
_OTHER_BRANCH = "Choose another apply.branch."


@attrs.frozen
class Status:
    """What the user has not committed: path -> `staged`, `changed` or `untracked`."""

    dirty: Mapping[str, str]


@attrs.frozen
class Target:
    """The branch that a run commits to: a full ref name, or HEAD where it is detached.

    `checked_out` says that the user's checkout follows it. A branch that nobody has checked out is made by
    the first commit, which goes on top of `start`.
    """

    ref: str
    checked_out: bool
    start: str = ""


@attrs.frozen
class Applied:
    """A fix made into a tree on top of the target's tip, not yet committed."""

    parent: str
    tree: str


@attrs.define
class Repository:
    """A git repository with a checkout. All methods block.

    `root` is the top of the checkout, `git_dir` its own git folder, `common_dir` the one that all
    checkouts of the repository share. `hooks_dir` is where the user keeps hooks, relative to the top of
    a checkout where they say so.
    """

    root: Path
    git_dir: Path
    common_dir: Path
    hooks_dir: Path
    _repo: Any = attrs.field(repr=False)
    # GitPython reads objects through one process, which can serve one thread at a time.
    _reading: threading.Lock = attrs.field(factory=threading.Lock, repr=False)
    _identities: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)
    _settings: Settings = attrs.field(init=False, repr=False)

    @_settings.default
    def _as_they_are(self) -> Settings:
        return read_settings(self.git_dir, self.common_dir, self.hooks_dir)

    def close(self) -> None:
        self._repo.close()

    def check_settings(self) -> None:
        """Refuse a repository whose settings or hooks were changed since it was opened.

        Raises:
            RepositoryError: one was; git must not be called in it any more.
        """
        self._settings.check()

    def check_ready(self) -> None:
        """Refuse a repository in which nothing can be committed now.

        Raises:
            RepositoryError: no commit yet, a merge or its like under way, or nobody to commit as.
        """
        self.check_settled()
        self.identity()

    def check_settled(self) -> None:
        """Refuse a repository that has no commit to start from, or is on its way to one.

        Raises:
            RepositoryError: no commit yet, or a merge or its like under way.
        """
        for name, (what, ways) in _UNFINISHED.items():
            if (self.git_dir / name).exists():
                raise RepositoryError(
                    f"{self.root} is in the middle of a {what}", f"Finish it first: {ways}."
                )
        self.commit_of("HEAD")
        self._check_names()

    def identity(self) -> str:
        """Name and address of whoever commits here.

        Raises:
            RepositoryError: git does not know them.
        """
        try:
            return [self._identity(name) for name in _ROLES.values()][-1]
        except GitError as error:
            raise RepositoryError(
                "git does not know who commits here",
                'Tell it: git config user.name "Your Name" && git config user.email you@example.org',
            ) from error

    def export(self, commit: str, folder: Path) -> None:
        """Check a commit out into an empty folder, of which the repository knows nothing."""
        places = {
            "GIT_DIR": self.git_dir,
            "GIT_WORK_TREE": folder,
            "GIT_INDEX_FILE": folder.with_name(f"{folder.name}.index"),
        }
        env = {name: str(path) for name, path in places.items()}
        git(folder, "read-tree", "-u", "--reset", commit, env=env)

    def _check_names(self) -> None:
        """Checks say names in UTF-8: refuse where we would not know a file by what they say."""
        encoding, root = sys.getfilesystemencoding(), str(self.root)
        if encoding != "utf-8" and not all(path.isascii() for path in (root, *self.tracked_files())):
            text = f"{root} has file names that are not ASCII, and Python takes names for {encoding} here"
            raise RepositoryError(text, "Set PYTHONUTF8=1, or a locale of UTF-8.")
        if os.fsencode(root).decode("utf-8", "replace") != root:
            raise RepositoryError(f"the name of {root} is not UTF-8, and no check can say it", "Rename it.")

    def commit_of(self, revision: str) -> str:
        """The full name of a commit.

        Raises:
            UsageError: there is no such revision.
            RepositoryError: there is no commit at all yet.
        """
        try:
            argv = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            return git(self.root, *argv).decode().strip()
        except GitError as error:
            if revision == "HEAD":
                raise self._no_commit() from error
            hint = "Name a branch, a tag or a commit, as git rev-parse takes it."
            raise UsageError(f"there is no revision {revision!r} in {self.root}", hint) from error

    def _no_commit(self) -> RepositoryError:
        try:
            git(self.root, "rev-parse", "--verify", "--quiet", "HEAD")
        except GitError:
            hint = "Commit something first, or switch to a branch that has commits."
            return RepositoryError(f"{self.root} has no commit yet", hint)
        return RepositoryError(f"the commit that {self.root} is on is missing", DAMAGED)

    def status(self) -> Status:
        """What is staged, changed or untracked now.

        Raises:
            RepositoryError: a conflict is not resolved, so that nothing can be committed.
        """
        raw = git(self.root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        dirty = {}
        for field in raw.split(b"\0")[:-1]:
            code, path = field[:2].decode(), os.fsdecode(field[3:])
            if code in _UNMERGED:
                raise RepositoryError(
                    f"{path} has conflicts that are not resolved", "Resolve them and git add it."
                )
            dirty[path] = "untracked" if code == "??" else "changed" if code[0] == " " else "staged"
        return Status(dirty)

    def tracked_files(self) -> dict[str, str]:
        """Path -> mode of everything in the index."""
        lines = git(self.root, "ls-files", "--stage", "-z").split(b"\0")[:-1]
        entries = (line.split(b"\t", 1) for line in lines)
        return {os.fsdecode(path): entry[:6].decode() for entry, path in entries}

    def left_out(self) -> frozenset[str]:
        """What the index has and a sparse checkout does not hold."""
        entries = _paths(git(self.root, "ls-files", "-t", "-z"))
        return frozenset(entry[2:] for entry in entries if entry.startswith("S "))

    def tracks(self, path: str) -> bool:
        """Whether a path, or anything below it, is in the index."""
        return bool(git(self.root, "ls-files", "-z", "--", path))

    def changed_since(self, revision: str) -> frozenset[str]:
        """Paths that HEAD has changed since it parted from a revision.

        Raises:
            UsageError: there is no such revision, or the two have no commit in common.
        """
        span = f"{self.commit_of(revision)}...HEAD"
        try:
            return frozenset(_paths(git(self.root, "diff", "--name-only", "-z", "--no-renames", span)))
        except GitError as error:
            if "no merge base" not in error.said:
                raise
            text = f"{revision!r} and HEAD have no commit in common in {self.root}"
            raise UsageError(text, "In a shallow clone, fetch more: git fetch --unshallow.") from error

    def size_of(self, commit: str) -> int:
        """Bytes of all files of a commit, checked out."""
        raw = git(self.root, "ls-tree", "-r", "-l", "-z", commit)
        sizes = (line.split(b"\t", 1)[0].split()[3] for line in raw.split(b"\0")[:-1])
        return sum(int(size) for size in sizes if size.isdigit())

    def ignored_files(self, patterns: Path) -> tuple[str, ...]:
        """Files that git ignores and that a gitignore-style list of patterns names."""
        others = ("ls-files", "--others", "--ignored", "-z")
        named = set(_paths(git(self.root, *others, f"--exclude-from={patterns}")))
        return tuple(sorted(named.intersection(_paths(git(self.root, *others, "--exclude-standard")))))

    def current_target(self) -> Target:
        """What HEAD is on now."""
        head = self._repo.head
        return Target("HEAD" if head.is_detached else head.reference.path, True)

    def tip(self, target: Target) -> str:
        """The commit at the target's end, or the one that a branch still to be made starts from."""
        from git.refs import SymbolicReference

        try:
            return str(SymbolicReference.dereference_recursive(self._repo, target.ref))
        except ValueError:
            return target.start

    def check_new_branch(self, target: Target) -> None:
        """Refuse a branch that the first commit could not make.

        Raises:
            RepositoryError: it exists, or git does not take the name.
        """
        name = target.ref.removeprefix("refs/heads/")
        try:
            git(self.root, "check-ref-format", target.ref)
        except GitError as error:
            raise RepositoryError(f"git does not take {name!r} as a branch", _OTHER_BRANCH) from error
        if self.tip(target) != target.start or self._has(target):
            raise RepositoryError(f"the branch {name!r} exists already", _OTHER_BRANCH)

    def _has(self, target: Target) -> bool:
        return bool(git(self.root, "for-each-ref", target.ref))

    def blob_at(self, commit: str, path: str) -> str:
        """The object name of a file in a commit; zeros where it is absent."""
        from stomper_sdk.vcs.trees import entry_at

        with self._reading:
            return entry_at(self._repo, self._tree_of(commit), path).sha

    def apply(self, target: Target, changes: Sequence[Change]) -> Applied:
        """Put a fix on top of the target's tip; nothing that the user sees moves yet.

        Raises:
            ConflictError: a changed path is not in the target what it was when the fix was made, the user
                has removed it, or their checkout follows another branch now.
        """
        self._refuse_switch(target)
        if target.checked_out:
            self._refuse_removed(changes)
        return self.on_top(self.tip(target), changes, f"in {target.ref} meanwhile")

    def on_top(self, commit: str, changes: Sequence[Change], since: str = "since") -> Applied:
        """Put changes on top of any commit, as objects only.

        Raises:
            ConflictError: a changed path is not there what it was; `since` says when it was changed.
        """
        from stomper_sdk.vcs.trees import entry_at, replace_entries

        with self._reading:
            tree = self._tree_of(commit)
            for change in changes:
                if entry_at(self._repo, tree, change.path) != change.before:
                    raise ConflictError(f"{change.path} was changed {since}")
            after = {change.path: change.after for change in changes}
            return Applied(commit, replace_entries(self._repo, tree, after))

    def draft(self, applied: Applied, message: str, *, sign: bool = False) -> str:
        """A commit of an applied fix, to which no branch leads yet."""
        text = message.encode("utf-8", "surrogateescape")
        return self._signed(applied, text) if sign else self._plain(applied, text)

    def advance(self, target: Target, parent: str, commit: str) -> None:
        """Move the target, with its checkout, forward from a commit to the next.

        Git's own fast-forward moves branch, index and files: it refuses where the user has changed one of
        the files, and leaves everything else of theirs, staged or not, as it is.

        Raises:
            ConflictError: the target moved, or the user is changing one of the files.
        """
        if not target.checked_out:
            self._move_ref(target, commit, parent)
            return
        self._refuse_switch(target)
        fast_forward(self.root, commit)
        if self.tip(target) != commit:
            said = f"the checkout left {target.ref} at the moment of commit {commit[:12]}: see where it is"
            raise ConflictError(said, retryable=False)

    def has_reached(self, target: Target, commit: str) -> bool:
        """Whether a commit is in the target."""
        try:
            git(self.root, "merge-base", "--is-ancestor", commit, self.tip(target))
        except GitError:
            return False
        return True

    def _signed(self, applied: Applied, message: bytes) -> str:
        argv = ("commit-tree", "-S", "-p", applied.parent, "-F", "-", applied.tree)
        return git(self.root, *argv, stdin=message).decode().strip()

    def _plain(self, applied: Applied, message: bytes) -> str:
        """A commit object, as `git commit-tree` writes it, without the process."""
        from stomper_sdk.vcs.trees import store

        now = f"{int(time.time())} {time.strftime('%z')}"
        who = [f"{role} {self._identity(name)} {now}\n" for role, name in _ROLES.items()]
        head = f"tree {applied.tree}\nparent {applied.parent}\n{''.join(who)}\n"
        return store(self._repo, b"commit", head.encode("utf-8", "surrogateescape") + message).hex()

    def _identity(self, variable: str) -> str:
        """Name and address, asked for once: they are the same for the whole run."""
        if variable not in self._identities:
            said = git(self.root, "var", variable).decode("utf-8", "surrogateescape")
            self._identities[variable] = said.strip().rsplit(" ", 2)[0]
        return self._identities[variable]

    def _refuse_switch(self, target: Target) -> None:
        if target.checked_out and self.current_target() != target:
            raise ConflictError(f"the checkout has left {target.ref} meanwhile", retryable=False)

    def _refuse_removed(self, changes: Sequence[Change]) -> None:
        """Git's fast-forward would bring back what the user has removed."""
        known = (change.path for change in changes if change.before != ABSENT)
        gone = next((path for path in known if not os.path.lexists(self.root / path)), None)
        if gone is not None:
            raise ConflictError(f"{gone} was removed from your working tree meanwhile", retryable=False)

    def _move_ref(self, target: Target, commit: str, expected: str) -> None:
        old = expected if expected != target.start or self._has(target) else "0" * len(expected)
        try:
            git(self.root, "update-ref", "-m", "stomper: commit", target.ref, commit, old)
        except GitError as error:
            raise ConflictError(f"{target.ref} was moved meanwhile: {error.said.strip()}") from error

    def _tree_of(self, commit: str) -> str:
        return str(self._repo.commit(commit).tree.hexsha)


def open_repository(path: Path) -> Repository:
    """Open the repository that holds a folder.

    Raises:
        RepositoryError: git is missing or refuses, the folder is not there or in no repository, the
            repository has no checkout, or it is of a kind that cannot be handled.
    """
    place = discover(path)
    from stomper_sdk.vcs.objects import ObjectReader

    repo = ObjectReader(place.root, expand_vars=False)
    return Repository(place.root, place.git_dir, place.common_dir, place.hooks_dir, repo)


def try_repository(folder: Path) -> Repository | RepositoryError:
    """The repository that holds a folder, or why there is none to be had; see `open_repository`."""
    try:
        return open_repository(folder)
    except RepositoryError as error:
        return error


def _paths(raw: bytes) -> list[str]:
    return [os.fsdecode(field) for field in raw.split(b"\0")[:-1]]
