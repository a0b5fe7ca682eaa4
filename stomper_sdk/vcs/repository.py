"""The user's repository: its state, and commits that move its branch without touching their work."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.errors import ConflictError, RepositoryError
from stomper_sdk.vcs.checkout import Change
from stomper_sdk.vcs.git import GitError, git

__all__ = ["Repository", "Status", "Target", "open_repository"]

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
_LOCK_WAIT_SECONDS = 10.0
_OTHER_BRANCH = "Choose another apply.branch."
_QUESTIONS = ("--absolute-git-dir", "--git-common-dir", "--show-object-format", "--show-toplevel")


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

    def close(self) -> None:
        self._repo.close()

    def check_ready(self) -> None:
        """Refuse a repository in which nothing can be committed now.

        Raises:
            RepositoryError: no commit yet, a merge or its like under way, or nobody to commit as.
        """
        for name, (what, ways) in _UNFINISHED.items():
            if (self.git_dir / name).exists():
                raise RepositoryError(
                    f"{self.root} is in the middle of a {what}", f"Finish it first: {ways}."
                )
        self.commit_of("HEAD")
        for name in _ROLES.values():
            try:
                self._identity(name)
            except GitError as error:
                raise RepositoryError(
                    "git does not know who commits here",
                    'Tell it: git config user.name "Your Name" && git config user.email you@example.org',
                ) from error

    def commit_of(self, revision: str) -> str:
        """The full name of a commit.

        Raises:
            RepositoryError: there is no such revision, or no commit at all yet.
        """
        try:
            argv = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            return git(self.root, *argv).decode().strip()
        except GitError as error:
            if revision == "HEAD":
                raise RepositoryError(f"{self.root} has no commit yet", "Commit something first.") from error
            raise RepositoryError(f"there is no revision {revision!r} in {self.root}") from error

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

    def tracks(self, path: str) -> bool:
        """Whether a path, or anything below it, is in the index."""
        return bool(git(self.root, "ls-files", "-z", "--", path))

    def changed_since(self, revision: str) -> frozenset[str]:
        """Paths that differ between a revision and HEAD."""
        since = self.commit_of(revision)
        return frozenset(_paths(git(self.root, "diff", "--name-only", "-z", "--no-renames", since, "HEAD")))

    def size_of(self, commit: str) -> int:
        """Bytes of all files of a commit, checked out."""
        raw = git(self.root, "ls-tree", "-r", "-l", "-z", commit)
        sizes = (line.split(b"\t", 1)[0].split()[3] for line in raw.split(b"\0")[:-1])
        return sum(int(size) for size in sizes if size != b"-")

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
            ConflictError: a changed path is not in the target what it was when the fix was made, or the
                user's checkout follows another branch now.
        """
        from stomper_sdk.vcs.trees import entry_at, replace_entries

        self._refuse_switch(target)
        parent = self.tip(target)
        with self._reading:
            tree = self._tree_of(parent)
            for change in changes:
                if entry_at(self._repo, tree, change.path) != change.before:
                    raise ConflictError(f"{change.path} was changed in {target.ref} meanwhile")
            after = {change.path: change.after for change in changes}
            return Applied(parent, replace_entries(self._repo, tree, after))

    def commit(self, target: Target, applied: Applied, message: str, *, sign: bool = False) -> str:
        """Commit an applied fix and move the target, with its checkout, forward to it.

        Git's own fast-forward moves branch, index and files: it refuses where the user has changed one of
        the files, and leaves everything else of theirs, staged or not, as it is.

        Raises:
            ConflictError: the target moved, or the user is changing one of the files.
        """
        text = message.encode("utf-8", "surrogateescape")
        commit = self._signed(applied, text) if sign else self._plain(applied, text)
        if not target.checked_out:
            self._move_ref(target, commit, applied.parent)
            return commit
        self._refuse_switch(target)
        self._forward(commit)
        if self.tip(target) != commit:
            said = f"the checkout left {target.ref} at the moment of commit {commit[:12]}: see where it is"
            raise ConflictError(said, retryable=False)
        return commit

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

    def _forward(self, commit: str) -> None:
        argv = (
            "merge",
            "--ff-only",
            "--quiet",
            "--no-stat",
            "--no-autostash",
            "--no-overwrite-ignore",
            "--no-verify-signatures",
            commit,
        )
        until = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                git(self.root, *argv, env={"GIT_REFLOG_ACTION": "stomper"})
                return
            except GitError as error:
                # An editor or a status line may hold the index for a moment.
                if "index.lock" not in error.said or time.monotonic() > until:
                    raise _as_conflict(error) from error
            time.sleep(0.05)

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
    if shutil.which("git") is None:
        raise RepositoryError("git is missing", "Install git 2.30 or newer.")
    if not path.is_dir():
        raise RepositoryError(f"there is no folder {path}")
    try:
        raw = git(path, "rev-parse", *_QUESTIONS)
    except GitError as error:
        raise _not_opened(path, error) from error
    git_dir, common_dir, names, root = os.fsdecode(raw).removesuffix("\n").split("\n", 3)
    if names != "sha1":
        raise RepositoryError(f"{root} uses {names} object names, which cannot be handled yet")
    from git import Repo

    repo, common = Repo(root), (path / common_dir).resolve()
    return Repository(Path(root), Path(git_dir), common, _hooks_dir(path) or common / "hooks", repo)


def _hooks_dir(path: Path) -> Path | None:
    """Where the user's settings say that hooks are, read as git reads them; None where they say nothing."""
    raw = git(path, "config", "--type=path", "--get-all", "-z", "core.hooksPath")
    # The last that git lists is what we ourselves give to each command, so that none of ours runs hooks.
    *_, configured = ["", *_paths(raw)[:-1]]
    return Path(configured) if configured else None


def _not_opened(path: Path, error: GitError) -> RepositoryError:
    if "not a git repository" in error.said:
        hint = "Make one: git init && git add . && git commit -m start; or set workspace.kind: direct."
        return RepositoryError(f"{path} is not in a git repository", hint)
    if "must be run in a work tree" in error.said:
        hint = "Run in a checkout of it: git worktree add, or git clone."
        return RepositoryError(f"{path} is a bare repository, or inside a .git folder", hint)
    return RepositoryError(error.said.strip())


def _paths(raw: bytes) -> list[str]:
    return [os.fsdecode(field) for field in raw.split(b"\0")[:-1]]


def _as_conflict(error: GitError) -> RepositoryError | ConflictError:
    if "would be overwritten" in error.said or "not uptodate" in error.said:
        return ConflictError("the file was changed in your working tree meanwhile", retryable=False)
    if "index.lock" in error.said:
        return ConflictError("another program holds the index of your checkout", retryable=False)
    if "Not possible to fast-forward" in error.said or "Diverging branches" in error.said:
        return ConflictError("the branch was moved meanwhile")
    return error
