"""What an agent changed in a checkout, exactly: modes, deletions, new files, links, binary content.

A snapshot puts everything that git does not ignore into the checkout's own index and compares that with
the commit it started from; what is ignored never reaches a fix.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk.clearing import clear_away
from stomper_sdk.errors import RepositoryError
from stomper_sdk.vcs.git import git

__all__ = ["ABSENT", "Change", "Checkout", "Entry", "parse_changes"]


@attrs.frozen
class Entry:
    """A path's content as git stores it: mode and object name; both "0" strings where it is absent."""

    mode: str
    sha: str


ABSENT = Entry("000000", "0" * 40)
_AS_CHANGES = ("--raw", "--numstat", "-z", "--no-renames", "--full-index")
# Whatever the settings of whoever runs it say.
_AS_PATCH = (
    *("--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--no-indent-heuristic"),
    "--diff-algorithm=myers",
)
_TO_THE_LETTER = ("--binary", "--whitespace=nowarn", "--no-ignore-whitespace", "-p1")


@attrs.frozen
class Change:
    """One path that differs; lines are counted in binary content too, so that none escapes a limit."""

    path: str
    before: Entry
    after: Entry
    lines_added: int
    lines_removed: int


@attrs.frozen
class Checkout:
    """A folder that git looks after.

    `start` is the commit or tree that changes are told against. `git_dir` is given where the folder has
    no `.git` of its own or may change it, `common_dir` where that is the entry of a worktree. `links` are
    links that we put there, which are no change. `known` are the ignored files that may be there: whatever
    else git ignores is swept, since a settings file that nobody sees could decide what the checks say.
    `first` are all files of the start, where they are known: git need not be asked while there is no other.
    """

    root: Path
    start: str
    git_dir: Path | None = None
    common_dir: Path | None = None
    links: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    first: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    def snapshot(self) -> tuple[Change, ...]:
        """Everything that differs from `start` now, by path."""
        self._stage()
        changes = parse_changes(self._git("diff-index", "--cached", *_AS_CHANGES, self.start))
        return tuple(self._counted(change) for change in changes)

    def unsettled(self) -> frozenset[str]:
        """What differs from `start` though nobody has edited it: git would make another file of it.

        Git looks into a file only if it is as young as the index, so that one is made old.
        """
        os.utime((self.git_dir or self.root / ".git") / "index", (1, 1))
        return frozenset(change.path for change in self.snapshot())

    def ignored(self) -> frozenset[str]:
        """What git ignores, whole folders by their name and a slash."""
        listed = self._git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        return frozenset(os.fsdecode(path) for path in listed.split(b"\0")[:-1])

    def files(self) -> frozenset[str]:
        """Everything that lies in the folder, whether git knows it or not."""
        return frozenset(_entries(self.root))

    def sweep(self) -> None:
        """Remove the ignored files that came since the start."""
        if self.first and self.files() <= self.first:
            return
        for path in self.ignored() - self.known:
            _remove(self.root / path.rstrip("/"))

    def tree(self) -> str:
        """The tree that the folder holds now, but for what git ignores, as an object."""
        self._stage()
        return self.write_tree()

    def write_tree(self) -> str:
        """The tree of the last snapshot, as an object."""
        return self._git("write-tree").decode().strip()

    def restore(self, changes: Sequence[Change] = ()) -> None:
        """Make the folder as it was at the start, with some changes in it."""
        self.become(self._tree_with(changes) if changes else self.start)

    def become(self, tree: str) -> None:
        """Make the folder hold a tree, and nothing else that git does not ignore."""
        self._stage()
        self._git("read-tree", "--reset", "-u", tree)
        self._git("clean", "-ffdq", *(f"--exclude=/{link}" for link in self.links))
        self.sweep()

    def between(self, before: str, after: str) -> tuple[Change, ...]:
        """Everything in which two trees differ, by path."""
        changes = parse_changes(self._git("diff-tree", "-r", *_AS_CHANGES, before, after))
        return tuple(self._counted(change) for change in changes)

    def patch(self, before: str, after: str) -> bytes:
        """What turns a tree into another, in the form of `git diff --binary`."""
        return self._git("diff-tree", "-p", *_AS_PATCH, before, after)

    def patched(self, tree: str, patch: bytes) -> str:
        """The tree that a patch makes of another, as an object; no file is touched.

        Raises:
            GitError: it does not fit, is none, or would go where a repository's files cannot be.
        """
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._git("read-tree", tree, env=env)
            self._git("apply", "--cached", *_TO_THE_LETTER, "-", stdin=patch, env=env)
            return self._git("write-tree", env=env).decode().strip()

    def move_head(self, commit: str) -> None:
        """Let HEAD be a commit, whatever was committed here; files and index stay."""
        self._git("update-ref", "--no-deref", "HEAD", commit)

    def relink(self) -> None:
        """Let the folder's `.git` lead to its own repository, whatever was made of it."""
        if self.git_dir is None:
            return
        link, leads = self.root / ".git", b"gitdir: " + os.fsencode(self.git_dir) + b"\n"
        if link.is_symlink() or not link.is_file() or link.read_bytes() != leads:
            _remove(link)
            link.write_bytes(leads)

    def text_of(self, entry: Entry) -> str:
        """The text of a file as git stores it; empty for what is no regular file."""
        return self.content_of(entry).decode("utf-8", "replace") if entry.mode.startswith("100") else ""

    def content_of(self, entry: Entry) -> bytes:
        """A file as git stores it, or where a link leads."""
        return b"" if entry.mode.startswith("160") else self._git("cat-file", "blob", entry.sha)

    def _counted(self, change: Change) -> Change:
        """Git counts no lines in what it takes for binary, or is told to (`*.py -diff`): we count all."""
        if change.lines_added >= 0:
            return change
        counts = [self.text_of(entry).count("\n") for entry in (change.after, change.before)]
        return attrs.evolve(change, lines_added=counts[0], lines_removed=counts[1])

    def _stage(self) -> None:
        self._disown()
        self._git("add", "--all", "--", ".")
        if self.links:
            self._git("rm", "--cached", "--quiet", "--ignore-unmatch", "--", *self.links)

    def _disown(self) -> None:
        """Remove what makes a folder in here a repository of its own, unless it was so at the start.

        Git would ask a git in there what has changed, which does what the settings in there say: it runs
        filters of theirs. Without it, the folder's files are files as others are.
        """
        for path in list(_entries(self.root)) if self.first else ():
            if path.endswith("/.git") and path not in self.first and path != f"{self.root}/.git":
                _remove(Path(path))

    def _tree_with(self, changes: Sequence[Change]) -> str:
        lines = (f"{change.after.mode} {change.after.sha}\t{change.path}\0" for change in changes)
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._git("read-tree", self.start, env=env)
            self._git("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)), env=env)
            return self._git("write-tree", env=env).decode().strip()

    def _git(self, *argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        where = () if self.git_dir is None else (f"--git-dir={self.git_dir}", f"--work-tree={self.root}")
        env = {**self._common(), **(env or {})}
        return git(self.root, *where, *self._case(), *argv, stdin=stdin, env=env)

    def _common(self) -> Mapping[str, str]:
        """Where settings and objects are: what the entry says of it may have been changed."""
        if self.common_dir is None or self.git_dir is None:
            return {}
        if (self.git_dir / "config.worktree").exists():
            raise RepositoryError(f"{self.git_dir} has got settings of its own")
        return {"GIT_COMMON_DIR": str(self.common_dir)}

    def _case(self) -> tuple[str, ...]:
        """Whether letters' case counts is known of the user's folder, and may be different here."""
        ours, other = self.root / ".git", self.root / ".GIT"
        return ("-c", "core.ignoreCase=false") if ours.exists() and not other.exists() else ()


def _entries(root: Path) -> Iterator[str]:
    """The paths of all files below a folder, and of each folder `.git`, into which it does not look."""
    pending = [str(root)]
    while pending:
        # What cannot be read is not git's either; what is gone is gone.
        with contextlib.suppress(PermissionError, FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                    pending.append(entry.path)
                else:
                    yield entry.path


def _remove(place: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    if place.is_dir() and not place.is_symlink():
        clear_away(place)
    else:
        place.unlink(missing_ok=True)


def parse_changes(raw: bytes) -> Iterable[Change]:
    """Read the two halves of `--raw --numstat -z`: entries by path, then line counts by path."""
    fields = [os.fsdecode(field) for field in raw.split(b"\0")[:-1]]
    entries: dict[str, tuple[Entry, Entry]] = {}
    position = 0
    while position < len(fields) and fields[position].startswith(":"):
        old_mode, new_mode, old_sha, new_sha, _ = fields[position][1:].split(" ")
        entries[fields[position + 1]] = (Entry(old_mode, old_sha), Entry(new_mode, new_sha))
        position += 2
    for counts in fields[position:]:
        added, removed, path = counts.split("\t", 2)
        yield Change(path, *entries[path], _number(added), _number(removed))


def _number(text: str) -> int:
    return -1 if text == "-" else int(text)
