"""A repository as GitPython reads it."""

from __future__ import annotations

from typing import Any

from git import Git, Repo

__all__ = ["ObjectReader"]


class _Git(Git):
    """Its processes have sessions of their own: one reads for a whole run, and Ctrl-C would end it."""

    def execute(self, command: Any, *args: Any, **kwargs: Any) -> Any:
        return super().execute(command, *args, start_new_session=True, **kwargs)


class ObjectReader(Repo):
    """The repository; what reads its objects outlives a Ctrl-C, which is for the run to answer."""

    GitCommandWrapperType = _Git
