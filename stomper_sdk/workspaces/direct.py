"""The user's own folder as workspace, for folders that are no repository.

A repository of our own, kept outside the folder, remembers how it was: that tells the changes and brings
the files back where a fix failed. It holds a copy of all that git does not ignore there, however much that
is; links are remembered as links, never followed, and repositories inside the folder are left out.

The user goes on working in the folder, and nobody can tell whose change is whose. So what a fix may not
touch is nobody's business here: it is neither looked at, nor judged, nor brought back, and what an agent
does to it stays. What a fix may touch is the agent's from the moment it is lent until it is given back;
before, it is the user's, and a file that they changed since the run began is refused untouched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import attrs
import trio

from stomper_sdk.errors import ConflictError, RepositoryError, WorkspaceError
from stomper_sdk.vcs.checkout import ABSENT, Change, Checkout, Entry
from stomper_sdk.vcs.git import git
from stomper_sdk.workspaces.base import EVERYTHING, Scope, Workspace, in_workspace

__all__ = ["MEMORY", "Direct", "remember"]

#: The name of the repository that remembers.
MEMORY = "memory.git"

_CLEANUP_SECONDS = 60.0
_IDENTITY = ("-c", "user.name=stomper", "-c", "user.email=stomper@localhost")
_EXACT = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false", "-c", "core.fileMode=true")
_ATTRIBUTES = "* -text -filter -ident -eol !working-tree-encoding\n"
#: What stands in the folder now. The index proper is what it goes back to: after a kill, git has it there.
_NOW = "now"
_KEPT = "index"


@attrs.frozen
class InPlace(Checkout):
    """A folder in use, of which only what `scope` lets a fix touch is ever looked at or written.

    `bits` are the permissions that files had, of which git knows only one.
    """

    scope: Scope = EVERYTHING
    index: str = _NOW
    bits: Mapping[str, int] = attrs.field(factory=dict)

    def begin(self) -> InPlace:
        """Take what is there now as the start.

        Raises:
            ConflictError: the task's file is not as it was planned.
            WorkspaceError: it is a link, or lies behind one.
        """
        self._refuse_changed(self.scope.path)
        self.keep("as it was")
        shutil.copyfile(self._memory / _KEPT, self._memory / _NOW)
        return attrs.evolve(self, bits={path: self._bits(path) for path in self._present()})

    def _refuse_changed(self, path: str) -> None:
        changes = attrs.evolve(self, index=_KEPT).snapshot()
        if any(change.path == path and change.before != ABSENT for change in changes):
            raise ConflictError(f"{path} was changed while the run was at work", retryable=False)
        if path and (not self._stands(path) or (self.root / path).is_symlink()):
            raise WorkspaceError(f"{path} is a link or lies behind one: it is not fixed in place")

    def keep(self, message: str) -> None:
        """Let what is there now be the start."""
        kept = attrs.evolve(self, index=_KEPT)
        kept._stage()
        argv = ("commit-tree", "-m", message, kept.write_tree())
        commit = kept._git(*_IDENTITY, *argv).decode().strip()
        kept._git("update-ref", "HEAD", commit)

    def become(self, tree: str) -> None:
        """Bring back what the fix may touch as a tree has it, byte for byte, links and modes too.

        A new file goes only where a fix may make one. What stands in the way of a file's folder, as a file
        or a link, is moved aside rather than lost.
        """
        differing = attrs.evolve(self, start=tree).snapshot()
        for change in sorted(differing, key=lambda change: change.before != ABSENT):
            if change.before == ABSENT:
                self._remove(change.path)
            else:
                self._put(change.path, change.before)
        for path in self._present():
            self._permit(path)

    def sweep(self) -> None:
        """Nothing: what git ignores in the user's folder is the user's."""

    def _stage(self) -> None:
        paths = self._in_scope()
        present = {path for path in paths if self._stands(path)}
        self._git("update-index", "--add", "--replace", "--remove", "-z", "--stdin", stdin=_lines(present))
        self._git("update-index", "--force-remove", "-z", "--stdin", stdin=_lines(paths - present))

    def _in_scope(self) -> set[str]:
        """The paths that are there or were; the task's own one also where git ignores it."""
        own = {self.scope.path} if self.scope.path else set()
        if self.scope.also is None:
            return own
        listed = self._git("ls-files", "--cached", "--others", "--exclude-standard", "-z")
        paths = (os.fsdecode(path) for path in listed.split(b"\0")[:-1])
        # A repository inside the folder is listed as a folder; it has a memory of its own.
        return own.union(path for path in paths if not path.endswith("/") and self.scope.also(path))

    def _present(self) -> list[str]:
        return [path for path in self._in_scope() if self._stands(path)]

    def _stands(self, path: str) -> bool:
        """Whether there is a file or a link, and no link on the way that leads out of the folder."""
        place = self.root / path
        if any(parent.is_symlink() for parent in self._parents(path)):
            return False
        return place.is_symlink() or place.is_file()

    def _parents(self, path: str) -> list[Path]:
        """The folders on the way to a path, the outermost first."""
        return [self.root / parent for parent in reversed(PurePosixPath(path).parents[:-1])]

    def _remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        for parent in reversed(self._parents(path)):
            # One that is not empty stays, and so do those around it.
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _put(self, path: str, entry: Entry) -> None:
        place, content = self.root / path, self._git("cat-file", "blob", entry.sha)
        for parent in self._parents(path):
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                parent.rename(_free_name(parent))
            parent.mkdir(exist_ok=True)
        _clear(place)
        if entry.mode == "120000":
            place.symlink_to(os.fsdecode(content))
            return
        if place.exists():
            place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IWUSR)
        # Written in place: other names of the same file come back with it.
        place.write_bytes(content)
        bits = self.bits.get(path, stat.S_IMODE(place.stat().st_mode))
        place.chmod(_executable(bits) if entry.mode == "100755" else bits & ~0o111)

    def _permit(self, path: str) -> None:
        """Give a file the permissions that it had, but for those that are part of the changes."""
        place, bits = self.root / path, self.bits.get(path)
        if bits is None or place.is_symlink():
            return
        now = self._bits(path)
        if now != bits and now & stat.S_IXUSR == bits & stat.S_IXUSR:
            place.chmod(bits)

    def _bits(self, path: str) -> int:
        return stat.S_IMODE((self.root / path).lstat().st_mode)

    @property
    def _memory(self) -> Path:
        assert self.git_dir is not None
        return self.git_dir

    def _git(self, *argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        index = {"GIT_INDEX_FILE": str(self._memory / self.index)}
        return super()._git(*_EXACT, *argv, stdin=stdin, env={**index, **(env or {})})


@attrs.define(eq=False)
class Direct:
    """Lends the folder itself, one task at a time; what is not kept when the block ends is undone."""

    folder: Path
    memory: Path
    scratch: Path
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _lent: InPlace | None = attrs.field(default=None, init=False)

    @asynccontextmanager
    async def lend(self, name: str, base: str | None, scope: Scope = EVERYTHING) -> AsyncIterator[Workspace]:
        async with self._turn:
            scratch = self.scratch / name
            scratch.mkdir(parents=True, exist_ok=True)
            checkout = await in_workspace(InPlace(self.folder, "HEAD", self.memory, scope=scope).begin)
            self._lent = checkout
            try:
                yield Workspace(self.folder, scratch, checkout, base)
            finally:
                self._lent = None
                with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                    await in_workspace(checkout.restore)

    @asynccontextmanager
    async def before(self, changes: Sequence[Change]) -> AsyncIterator[Path]:
        """Lend the folder, lent already, as it was before the changes at work; they come back afterwards."""
        checkout = self._at_work()
        try:
            await in_workspace(checkout.restore)
            yield self.folder
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                await in_workspace(checkout.restore, changes)

    async def keep(self, changes: Sequence[Change], message: str) -> None:
        """Let the folder with these changes be what it goes back to from now on."""
        checkout = self._at_work()
        with trio.CancelScope(shield=True):
            await in_workspace(checkout.restore, changes)
            await in_workspace(checkout.keep, message)

    def strangers(self) -> tuple[str, ...]:
        """What is not as it was, and not by a fix that was kept: an agent's doing, or the user's."""
        everything = InPlace(self.folder, "HEAD", self.memory)
        return tuple(change.path for change in everything.snapshot())

    def _at_work(self) -> InPlace:
        assert self._lent is not None
        return self._lent


def remember(folder: Path, memory: Path) -> None:
    """Make the repository that remembers how a folder was: a copy of every file, none of what links lead to.

    Raises:
        WorkspaceError: git cannot read or keep the folder's files.
    """
    try:
        git(folder, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(memory))
        (memory / "info").mkdir(exist_ok=True)
        (memory / "info" / "exclude").write_text(".git\n.stomper/\n")
        (memory / "info" / "attributes").write_text(_ATTRIBUTES)
        InPlace(folder, "HEAD", memory).keep("as it was")
    except (RepositoryError, OSError) as error:
        raise WorkspaceError(f"the folder {folder} cannot be remembered: {error}") from error


def _lines(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _clear(place: Path) -> None:
    """Remove what an agent made of a regular file: a folder, a link, a device."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    elif place.is_symlink() or not place.is_file():
        place.unlink(missing_ok=True)


def _free_name(place: Path) -> Path:
    names = (place.with_name(f"{place.name}.aside{number}") for number in range(1, 1_000_000))
    return next(name for name in names if not os.path.lexists(name))


def _executable(bits: int) -> int:
    return bits if bits & stat.S_IXUSR else bits | (bits & 0o444) >> 2
