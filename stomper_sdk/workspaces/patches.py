"""What has been edited in a workspace, as patches, for agents that keep what another one did."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from stomper_sdk.errors import WorkspaceError
from stomper_sdk.vcs.checkout import ABSENT, Checkout, Entry
from stomper_sdk.vcs.git import GitError, in_thread
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["Edited", "MisfitError", "Patch", "Patches"]

_BLANK = re.compile(rb"^ $", re.MULTILINE)
_MODES = frozenset({"000000", "100644", "100755", "120000"})


class MisfitError(WorkspaceError):
    """A patch is not for this tree."""


@attrs.frozen
class Edited:
    """One path that a patch changes."""

    path: str
    before: Entry
    after: Entry


@attrs.frozen
class Patch:
    """What turns one tree into another: `text` as of `git diff --binary`, and what it comes to."""

    edited: tuple[Edited, ...] = ()
    text: bytes = b""


@attrs.frozen
class Patches:
    """Makes patches of what is edited in a workspace, and applies them there.

    `check` raises where git must not be called any more, since what it obeys was changed.
    """

    checkout: Checkout
    check: Callable[[], None]

    async def tree(self) -> str:
        """The workspace as it is now, but for what git ignores.

        Raises:
            RepositoryError: git must not be called any more.
            WorkspaceError: git cannot work there any more.
        """
        await in_thread(self.check)
        return await in_workspace(self.checkout.tree)

    async def since(self, tree: str) -> Patch:
        """What has been edited since a tree.

        Raises:
            RepositoryError: git must not be called any more.
            WorkspaceError: git cannot work there any more.
        """
        after = await self.tree()
        return await in_workspace(self._patch, tree, after)

    async def contents(self, patch: Patch) -> tuple[bytes, ...]:
        """What the files of a patch held and hold."""
        sides = [entry for edited in patch.edited for entry in (edited.before, edited.after)]
        return await in_workspace(self._contents, [entry for entry in sides if entry != ABSENT])

    async def apply(self, tree: str, patch: Patch) -> None:
        """Make of the workspace, which holds a tree, what a patch makes of that: exactly, or not at all.

        Git does it in a tree of its own, where no link leads out and nothing is a `.git`.

        Raises:
            MisfitError: the patch is not for this tree, or not what it says.
        """
        await in_workspace(self._apply, tree, patch)

    def _patch(self, before: str, after: str) -> Patch:
        edited = self._edited(before, after)
        # An empty line is an empty line of context as well, and has no blank at its end that gets lost.
        return Patch(edited, _BLANK.sub(b"", self.checkout.patch(before, after))) if edited else Patch()

    def _edited(self, before: str, after: str) -> tuple[Edited, ...]:
        changes = self.checkout.between(before, after) if before != after else ()
        return tuple(Edited(change.path, change.before, change.after) for change in changes)

    def _contents(self, entries: list[Entry]) -> tuple[bytes, ...]:
        return tuple(self.checkout.content_of(entry) for entry in entries)

    def _apply(self, tree: str, patch: Patch) -> None:
        if not patch.edited and not patch.text:
            return
        try:
            after = self.checkout.patched(tree, patch.text)
        except GitError as error:
            raise MisfitError(error.said.strip()) from error
        if self._edited(tree, after) != patch.edited:
            raise MisfitError("it does not do what it says")
        if any(edited.after.mode not in _MODES for edited in patch.edited):
            raise MisfitError("it holds what is neither a file nor a link")
        self.checkout.become(after)
