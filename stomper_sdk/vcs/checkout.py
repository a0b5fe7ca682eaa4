"""What an agent changed in a checkout, exactly: modes, deletions, new files, links, binary content.

A snapshot puts everything that git does not ignore into the checkout's own index and compares that with
the commit it started from; what is ignored never reaches a fix.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk.vcs.git import git

__all__ = ["ABSENT", "Change", "Checkout", "Entry"]


@attrs.frozen
class Entry:
    """A path's content as git stores it: mode and object name; both "0" strings where it is absent."""

    mode: str
    sha: str


ABSENT = Entry("000000", "0" * 40)


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
    no `.git` of its own. `links` are links that we put there, which are no change. `known` are the ignored
    files that may be there: whatever else git ignores is swept, since a settings file that nobody sees
    could decide what the checks say. `first` are all files of the start, where they are known: git need
    not be asked while there is no other.
    """

    root: Path
    start: str
    git_dir: Path | None = None
    links: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    first: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    def snapshot(self) -> tuple[Change, ...]:
        """Everything that differs from `start` now, by path."""
        self._stage()
        options = ("--cached", "--raw", "--numstat", "-z", "--no-renames", "--full-index")
        changes = _parse(self._git("diff-index", *options, self.start))
        return tuple(self._counted(change) for change in changes)

    def ignored(self) -> frozenset[str]:
        """What git ignores, whole folders by their name and a slash."""
        listed = self._git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        return frozenset(os.fsdecode(path) for path in listed.split(b"\0")[:-1])

    def files(self) -> frozenset[str]:
        """Everything that lies in the folder, whether git knows it or not."""
        found: set[str] = set()
        for folder, folders, names in os.walk(self.root):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
            found.update(f"{folder}/{name}" for name in (*names, *links))
            folders[:] = [name for name in folders if name != ".git"]
        return frozenset(found)

    def sweep(self) -> None:
        """Remove the ignored files that came since the start."""
        if self.first and self.files() <= self.first:
            return
        for path in self.ignored() - self.known:
            place = self.root / path.rstrip("/")
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def write_tree(self) -> str:
        """The tree of the last snapshot, as an object."""
        return self._git("write-tree").decode().strip()

    def restore(self, changes: Sequence[Change] = ()) -> None:
        """Make the folder as it was at the start, with some changes in it."""
        tree = self._tree_with(changes) if changes else self.start
        self._stage()
        self._git("read-tree", "--reset", "-u", tree)
        self._git("clean", "-ffdq", *(f"--exclude=/{link}" for link in self.links))
        self.sweep()

    def move_head(self, commit: str) -> None:
        """Let HEAD be a commit, whatever was committed here; files and index stay."""
        self._git("update-ref", "--no-deref", "HEAD", commit)

    def text_of(self, entry: Entry) -> str:
        """The text of a file as git stores it; empty for what is no regular file."""
        if not entry.mode.startswith("100"):
            return ""
        return self._git("cat-file", "blob", entry.sha).decode("utf-8", "replace")

    def _counted(self, change: Change) -> Change:
        """Git counts no lines in what it takes for binary, or is told to (`*.py -diff`): we count all."""
        if change.lines_added >= 0:
            return change
        counts = [self.text_of(entry).count("\n") for entry in (change.after, change.before)]
        return attrs.evolve(change, lines_added=counts[0], lines_removed=counts[1])

    def _stage(self) -> None:
        self._git("add", "--all", "--", ".")
        if self.links:
            self._git("rm", "--cached", "--quiet", "--ignore-unmatch", "--", *self.links)

    def _tree_with(self, changes: Sequence[Change]) -> str:
        lines = (f"{change.after.mode} {change.after.sha}\t{change.path}\0" for change in changes)
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._git("read-tree", self.start, env=env)
            self._git("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)), env=env)
            return self._git("write-tree", env=env).decode().strip()

    def _git(self, *argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        where = () if self.git_dir is None else (f"--git-dir={self.git_dir}", f"--work-tree={self.root}")
        return git(self.root, *where, *argv, stdin=stdin, env=env)


def _parse(raw: bytes) -> Iterable[Change]:
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
