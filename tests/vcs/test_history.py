"""What past commits changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stomper_sdk.vcs.history import patch_of, patches_of


def test_patches_are_told_apart_whatever_they_hold(make_checkout: Callable[..., Any]) -> None:
    repo = make_checkout({"a": "a\n"})
    trick = f"commit {'a' * 40}\n"
    repo.commit({f"b\n{trick}": f"{trick}\0{trick}", "c": trick})
    repo.commit()
    repo.git("rm", "--quiet", "c")
    commits = [repo.commit(), *repo.git("rev-list", "HEAD").split()[1:]]
    found = patches_of(repo.root, [*commits, "1" * 40])
    assert found == {commit: patch_of(repo.root, commit) for commit in commits}
    assert f"-{trick}" in found[commits[0]]
    assert patches_of(repo.root, ["1" * 40]) == patches_of(repo.root, []) == {}
